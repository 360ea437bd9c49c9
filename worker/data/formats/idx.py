"""IDX files, as MNIST comes: images and labels in files of their own, for training and for testing."""

import tempfile
from contextlib import ExitStack
from math import prod
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from worker.data.formats.archives import Archive, Budget, MemberError, gunzip
from worker.data.formats.arrays import Source, write_arrays
from worker.data.formats.base import Limits, Progress, Read, reason_of, unreadable

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_HINT = (
    "Choose images and labels of one set at once, as train-images-idx3-ubyte and train-labels-idx1-ubyte, or send them "
    "in one archive."
)


def read(path: Path, filename: str, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    """Read a single IDX file into a table: N images, or N labels. Raises JobFailure."""
    with path.open("rb") as file:
        array = mapped(file, filename)
        found = write_arrays({_role(array): cast("Source", array)}, target, progress, path.stat().st_size, limits)
    found.note(f"The file holds {_role(array)}s alone. {_HINT}")
    return found


def read_archive(archive: Archive, folder: Path, target: BinaryIO, progress: Progress) -> Read:
    """Read the IDX files of an archive into a table of `image`, `label` and, where there are several parts, `part`.

    `folder` is where their content may lie for the while. Raises JobFailure when they do not belong together.
    """
    with ExitStack() as stack:
        arrays: dict[str, Source] = {}
        names: dict[str, str] = {}
        for member in archive.members:
            if not is_idx(member.name):
                archive.found.put_aside(member.name, "it is not an IDX file")
                continue
            file = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=folder)))
            try:
                archive.copy(member, file)
                progress(0)
                file.seek(0)
                if member.ending == ".gz":
                    sink = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=folder)))
                    file = _unzipped(file, sink, archive.limits, progress)
            except MemberError as error:
                raise unreadable(f"{member.name} cannot be read: {reason_of(error)}.") from error
            array = mapped(file, member.name)
            key = f"{_role(array)}_{_part(member.name)}"
            if key in names:
                raise unreadable(f"{names[key]} and {member.name} are both {_role(array)}s of one part.", _HINT)
            names[key], arrays[key] = member.name, cast("Source", array)
        if len({key.rpartition("_")[2] for key in arrays}) < 2:  # one part needs no column that says which
            arrays = {key.rpartition("_")[0]: array for key, array in arrays.items()}
        return write_arrays(arrays, target, progress, archive.size, archive.limits)


def is_idx(name: str) -> bool:
    """Whether a file is called as IDX files are: …-idx3-ubyte, …-images.idx3, also with .gz."""
    base = PurePosixPath(name.lower()).name.removesuffix(".gz")
    return base.endswith("ubyte") or PurePosixPath(base).suffix in (".idx", ".idx1", ".idx3")


def mapped(file: BinaryIO, name: str) -> NDArray[Any]:
    """The array of an open IDX file, as it lies there. Raises JobFailure."""
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
        raise unreadable(f"{name} does not begin as an IDX file does.")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise unreadable(f"{name} breaks off in its header.")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(_TYPES[head[2]])
    start = file.tell()
    there = file.seek(0, 2) - start
    if there != prod(shape) * dtype.itemsize:
        written = "×".join(map(str, shape))
        raise unreadable(
            f"{name} says that it holds {written} values of {dtype.itemsize} bytes, but has {there:,} bytes."
        )
    return np.memmap(file, dtype, "r", start, shape) if there else np.empty(shape, dtype)


def _unzipped(file: BinaryIO, sink: BinaryIO, limits: Limits, progress: Progress) -> BinaryIO:
    """The content of a gzip file in an archive, written to `sink`."""
    gunzip(file, sink, Budget(file.seek(0, 2), limits), progress)
    sink.seek(0)
    return sink


def _role(array: NDArray[Any]) -> str:
    return "image" if array.ndim >= 3 else "label" if array.ndim == 1 else "x"


def _part(name: str) -> str:
    base = PurePosixPath(name.lower()).name
    if "t10k" in base or "test" in base:
        return "test"
    return "validation" if "valid" in base else "train"
