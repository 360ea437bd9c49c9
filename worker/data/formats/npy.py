"""NumPy's files: an array in .npy, several in .npz. Python objects in them are never made.

Arrays are mapped into memory, not read whole; those of an .npz are first written out beside it, under names of ours.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from app.errors import JobFailure
from worker.data.formats.archives import Archive, MemberError
from worker.data.formats.arrays import Source, holds_images, write_arrays
from worker.data.formats.base import Limits, Progress, Read, reason_of, unreadable

MAX_SPREAD = 2_000  # as many columns of a table in .npy are columns of their own
_HINT = "Save arrays of numbers or text: objects would have to be unpickled, which can run any program."


def read(path: Path, filename: str, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    """Read the array (N, …) of a .npy file into a table; the columns of (N, D) are x0, x1, … Raises JobFailure."""
    with path.open("rb") as file:
        array = mapped(file, filename)
        if array.ndim == 2 and 1 < array.shape[1] <= MAX_SPREAD and array.dtype.names is None:
            arrays: dict[str, Source] = {f"x{i}": cast("Source", array[:, i]) for i in range(array.shape[1])}
        else:
            arrays = {"image" if holds_images(array.dtype, array.shape[1:]) else "x": cast("Source", array)}
        return write_arrays(arrays, target, progress, path.stat().st_size, limits)


def read_npz(archive: Archive, folder: Path, target: BinaryIO, progress: Progress) -> Read:
    """Read the arrays of an .npz file into a table, as its columns. `folder` is where they may lie for the while."""
    with ExitStack() as stack:
        arrays: dict[str, Source] = {}
        for member in archive.members:
            if member.ending != ".npy":
                archive.found.put_aside(member.name, "it is not an array of NumPy's")
                continue
            name = member.name.removesuffix(".npy")
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            try:
                archive.copy(member, cast("BinaryIO", file))
            except MemberError as error:
                raise unreadable(f"The array {name!r} cannot be read: {error}.") from error
            file.flush()
            progress(0)
            file.seek(0)
            arrays[name] = cast("Source", mapped(cast("BinaryIO", file), name))
        return write_arrays(arrays, target, progress, archive.size, archive.limits)


def mapped(file: BinaryIO, name: str) -> NDArray[Any]:
    """The array of an open .npy file, as it lies there. Raises JobFailure."""
    try:
        version = numpy_format.read_magic(file)
        reader = numpy_format.read_array_header_1_0 if version == (1, 0) else numpy_format.read_array_header_2_0
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"its version {version[0]}.{version[1]} is not known")
        shape, is_fortran, dtype = reader(file)
        if dtype.hasobject:
            raise unreadable(f"The array {name!r} holds Python objects.", _HINT)
        if 0 in shape or not shape:
            return np.fromfile(file, dtype, count=1 if not shape else 0).reshape(shape)
        order: Any = "F" if is_fortran else "C"
        return np.memmap(file, dtype, "r", file.tell(), shape, order)
    except JobFailure:
        raise
    except Exception as error:  # the header is a Python literal: a damaged one makes its parser raise anything
        raise unreadable(f"The array {name!r} cannot be read: {reason_of(error)}.") from error
