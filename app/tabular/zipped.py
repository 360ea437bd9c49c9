"""A table alone in a zip archive, as Kaggle gives them: found without reading more than the end of the archive."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx"})
_END, _END_BYTES = b"PK\x05\x06", 22 + (64 << 10)  # of an archive: what it says of its directory, and a comment
_END_64, _END_64_BYTES = b"PK\x06\x06", 56  # of one that may be larger than 4 GiB, and what says where that stands
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_DIRECTORY_BYTES = 64 << 10  # one that is longer lists more than a table and what systems leave beside it
_ENCRYPTED = 1


def sole_table(path: Path) -> zipfile.ZipInfo | None:
    """The one file that the zip archive at `path` holds, if it is a table; None too of an archive that is damaged."""
    if not _has_few_members(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            files = [one for one in archive.infolist() if not one.is_dir() and not _is_junk(one.filename)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None
    if len(files) != 1 or files[0].flag_bits & _ENCRYPTED:
        return None
    return files[0] if PurePosixPath(files[0].filename).suffix.lower() in _ENDINGS else None


def head_of(path: Path, member: zipfile.ZipInfo, num_bytes: int) -> bytes:
    """So many bytes of the beginning of a member; fewer of one that is shorter, none of one that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            return file.read(num_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError):
        return b""


def _has_few_members(path: Path) -> bool:
    """Python's reader makes an object of each, before anybody can count them. Whichever record it may take for the end,
    none may tell of a long directory; where there is one of zip64, it goes by that, whatever the plain one says."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
        ends = [found.start() for found in re.finditer(re.escape(_END), tail)]
        lengths = [int.from_bytes(tail[end + 12 : end + 16], "little") for end in ends]
        for end in ends:
            lengths += _directory_bytes_64(file, size - len(tail) + end)
    return bool(ends) and max(lengths) <= _DIRECTORY_BYTES


def _directory_bytes_64(file: BinaryIO, end: int) -> Iterator[int]:
    """How long the directory is by the record of zip64 before the plain one at `end`, if there is one.

    Python's reader looks for it right before its locator, or where that points.
    """
    locator = _read_at(file, end - _LOCATOR_BYTES, _LOCATOR_BYTES)
    if locator.startswith(_LOCATOR):
        for place in (end - _LOCATOR_BYTES - _END_64_BYTES, int.from_bytes(locator[8:16], "little")):
            record = _read_at(file, place, _END_64_BYTES)
            if record.startswith(_END_64):
                yield int.from_bytes(record[40:48], "little")


def _read_at(file: BinaryIO, place: int, num_bytes: int) -> bytes:
    if not 0 <= place < 1 << 62:
        return b""
    file.seek(place)
    return file.read(num_bytes)


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() == "__macosx" for part in parts)
