"""A table alone in a zip archive, as Kaggle gives them: found without reading more than the end of the archive."""

import zipfile
import zlib
from pathlib import Path, PurePosixPath

_ENDINGS = frozenset({".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx"})
_END, _END_BYTES = b"PK\x05\x06", 22 + (64 << 10)  # of an archive: what it says of its directory, and a comment
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
    """Python's reader makes an object of each, before anybody can count them."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES))
        tail = file.read()
    end = tail.rfind(_END)
    return end >= 0 and int.from_bytes(tail[end + 12 : end + 16], "little") <= _DIRECTORY_BYTES


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part.lower() == "__macosx" for part in parts)
