"""Event files from a folder of this machine, for the command line."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from app.db import Database
from app.errors import NotFound
from app.tensorboard import reading, service
from app.tensorboard.reading import MARK, Source
from app.tensorboard.schemas import Imported


def import_folder(database: Database, folder: Path, project: str = "") -> Iterator[str]:
    """Store a run for each folder of event files, and say so, one after the other. Raises NotFound without any."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob(f"*{MARK}*") if path.is_file())
    if not paths:
        raise NotFound(f"There is no event file in {folder}.")
    root = (folder.parent if folder.is_file() else folder).resolve().parent
    found = [Source(PurePosixPath(path.resolve().relative_to(root).as_posix()), None, path) for path in paths]
    service.remove_unfinished(database)
    for run in reading.read_runs(found, folder.name):
        (stored,) = service.store(database, [run], project=project, tags=[])
        yield from _lines(stored)


def _lines(stored: Imported) -> Iterator[str]:
    yield f"{stored.name}: {stored.num_points:,} points" + (f", run {stored.run_id}" if stored.run_id else ", no run")
    for file in stored.files:
        if file.fault:
            yield f"  {file.name}: taken up to byte {file.fault.offset:,}; {file.fault.message}"
