"""Archives and compressed files: what is in them says how they are read."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import BinaryIO

from worker.data.formats import excel, folders, idx, npy
from worker.data.formats.archives import Archive, Member, TarArchive, ZipArchive
from worker.data.formats.base import Limits, Progress, Read, unreadable
from worker.data.formats.pictures import IMAGE_ENDINGS

_TABLES = frozenset({".csv", ".json", ".jsonl", ".ndjson", ".parquet", ".tsv", ".xls", ".xlsx", ".safetensors"})
_HINT = "An archive may hold images or texts in folders, arrays of NumPy's, or IDX files."


def read_zip(
    path: Path, sheet: str | None, target: BinaryIO, progress: Progress, limits: Limits, texts: Collection[str] = ()
) -> Read:
    """Read a zip archive, a workbook or an .npz file into a table; of a workbook, `texts` hold text.

    Raises JobFailure.
    """
    archive = ZipArchive(path, limits, Read())
    try:
        if excel.is_workbook(archive):
            return excel.read(path, archive, sheet, target, progress, texts)
        return _read(archive, path.parent, target, progress)
    finally:
        archive.close()


def read_tar(path: Path, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    """Read a tar archive into a table. Raises JobFailure."""
    archive = TarArchive(path, limits, Read())
    try:
        return _read(archive, path.parent, target, progress)
    finally:
        archive.close()


def _read(archive: Archive, folder: Path, target: BinaryIO, progress: Progress) -> Read:
    endings = {member.ending for member in archive.members}
    if any(idx.is_idx(member.name) for member in archive.members):
        found = idx.read_archive(archive, folder, target, progress)
    elif ".npy" in endings:
        found = npy.read_npz(archive, folder, target, progress)
    elif endings & IMAGE_ENDINGS:
        found = folders.read_images(archive, target, progress)
    elif endings & folders.TEXT_ENDINGS:
        found = folders.read_texts(archive, target, progress)
    else:
        raise _nothing(archive, [member for member in archive.members if member.ending in _TABLES])
    if found is not archive.found:
        archive.found.absorb(found)
    if not archive.found.num_rows:
        raise unreadable(f"Nothing in the archive can be used.{_first(archive)}", _HINT)
    return archive.found


def _nothing(archive: Archive, tables: Sequence[Member]) -> Exception:
    if len(tables) == 1:
        name = tables[0].name
        return unreadable(f"The archive holds the table {name} alone.", f"Send {name} itself; it may be gzipped.")
    if tables:
        message = f"The archive holds {len(tables):,} tables: {', '.join(table.name for table in tables[:5])}."
        return unreadable(message, "A dataset is one table: send each file by itself.")
    return unreadable(f"The archive holds nothing that is read here.{_first(archive)}", _HINT)


def _first(archive: Archive) -> str:
    """The first reason why something in the archive is not used."""
    if not archive.found.set_aside:
        return ""
    first = archive.found.set_aside[0]
    return f" {first.place}: {first.reason}."
