"""What processes that died have left in the data folder: found, and removed once it is a day old.

A file is written before the row that makes it count, and goes after the row is gone; whoever is killed in between
leaves it to nobody. What a process may be writing now is never touched: it is younger, or its job has not ended.

Nothing is removed that another database may know of: what was made before this one was begun is left, and so is
everything in a folder that two databases have used.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from app.db import Database, now
from app.db.tables import Dataset, Job, Run, Token, WeightsFile
from app.ids import is_id
from app.queue import ENDED, JobStatus
from app.storage import SPILLED, TEMPORARY, Storage

KEPT_S = 24 * 3600.0
_USED_BY = "used_by.txt"  # in the data folder: the databases that have used it, by the ids of their first tokens
_FAILED = (JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True)
class _Known:
    """Ids of the rows there are: all, those whose files a worker may be writing, and those that need none."""

    every: set[str]
    busy: set[str]
    unneeded: set[str]


def sweep(database: Database, storage: Storage, *, kept_s: float = KEPT_S) -> int:
    """Remove what nobody knows of, or is still writing, after so many seconds. Returns how many files and folders."""
    with database.read() as session:
        before, born = session.execute(select(now() - kept_s, select(func.min(Token.id)).scalar_subquery())).one()
    if born is None or not _is_ours_alone(storage, born):
        return 0
    return sum(_sweep(database, storage.path(name), know, born, before) for name, know in _FEATURES.items())


def _is_ours_alone(storage: Storage, born: str) -> bool:
    """Whether no other database has used the data folder, as far as servers have written it down."""
    note = storage.data_dir / _USED_BY
    used_by = note.read_text().split() if note.exists() else []
    if born not in used_by:
        used_by.append(born)
        storage.write(note, "".join(f"{one}\n" for one in used_by).encode())
    return used_by == [born]


def _sweep(database: Database, folder: Path, know: Callable[[Session], _Known], born: str, before: float) -> int:
    if not folder.is_dir():
        return 0
    found = list(folder.iterdir())  # before the rows are read: what comes later is not looked at
    with database.read() as session:
        known = know(session)
    num_removed = 0
    for path in found:
        if path.name.startswith(SPILLED):
            num_removed += _remove_if_old(path, before)
        elif not is_id(path.name) or path.name < born or path.name in known.busy:
            continue
        elif path.name in known.every - known.unneeded:
            num_removed += sum(_remove_if_old(one, before) for one in list(_temporary(path)))
        else:
            num_removed += _remove_if_old(path, before)
    return num_removed


def _datasets(session: Session) -> _Known:
    """Of a dataset that could not be read, or was not to be, nothing is kept."""
    every: set[str] = set()
    busy: set[str] = set()
    unneeded: set[str] = set()
    query = select(Dataset.id, Dataset.status, Job.status).outerjoin(Job, Dataset.job_id == Job.id)
    for dataset_id, status, job in session.execute(query):
        every.add(dataset_id)
        if job is not None and job not in ENDED:
            busy.add(dataset_id)
        elif status == "failed" or (status == "ingesting" and job in _FAILED):
            unneeded.add(dataset_id)
    return _Known(every, busy, unneeded)


def _runs(session: Session) -> _Known:
    training, export = aliased(Job), aliased(Job)
    joined = select(Run.id).join(training, Run.job_id == training.id).outerjoin(export, Run.export_job_id == export.id)
    is_busy = or_(training.status.not_in(ENDED), export.status.not_in(ENDED))
    return _Known(set(session.scalars(select(Run.id))), set(session.scalars(joined.where(is_busy))), set())


def _weights(session: Session) -> _Known:
    return _Known(set(session.scalars(select(WeightsFile.id))), set(), set())


_FEATURES: dict[str, Callable[[Session], _Known]] = {"datasets": _datasets, "runs": _runs, "weights": _weights}


def _temporary(folder: Path) -> Iterator[Path]:
    """Files that would have taken another name once they were whole."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if TEMPORARY.fullmatch(name))


def _remove_if_old(path: Path, before: float) -> bool:
    """Remove a file or folder in which nothing was written since; another server may be doing the same."""
    with suppress(FileNotFoundError):
        if _newest(path) >= before:
            return False
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        return True
    return False


def _newest(path: Path) -> float:
    """When anything was written in a folder: also names, for a file that is linked keeps its time."""
    times = [path.lstat().st_mtime]
    for place, folders, names in os.walk(path):
        times += [Path(place, name).lstat().st_mtime for name in (*folders, *names)]
    return max(times)
