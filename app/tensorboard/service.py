"""TensorBoard's event files in and out: runs from files, files from runs. Plain functions on a database."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from app import curves, events, queue
from app.columns import Points
from app.db import Database, now
from app.db.tables import Job, Run
from app.errors import Unprocessable
from app.ids import new_id
from app.queue import Claim, JobKind, JobStatus
from app.reports import service as reports
from app.reports.schemas import ReportedIn
from app.specs.base import Problem
from app.tensorboard import messages, reading, records
from app.tensorboard.reading import FileRead, RunRead
from app.tensorboard.schemas import Fault, FileOut, Imported

ORIGIN = "tensorboard"
_POINTS_AN_EVENT = 4_000
_EVENTS_AT_ONCE = 10  # in a transaction: it takes about a tenth of a second
_SHARE_FOR_OTHERS = 1 / 3  # of the time that ours take: those who wait for SQLite's only lock do not queue, they poll
_POINTS_AT_ONCE = 100_000
_NUM_STRETCHES = 1_000  # of a series at most
_LEASE_S = 3600.0  # more than the other runs of an import take
Transaction = Callable[[], AbstractContextManager[Session]]


def read(files: Sequence[tuple[str, BinaryIO]], max_bytes: int) -> list[RunRead]:
    """What was sent, as runs. Raises Unprocessable when there is no event file in it, and TooLarge."""
    found = reading.sources(files, max_bytes)
    runs = list(reading.read_runs(found, fallback=_stem(files)))
    if not any(file.num_records for run in runs for file in run.files):
        why = next((file.fault.message for run in runs for file in run.files if file.fault), "there is none")
        message = f"there is no event file that could be read: {why}"
        raise Unprocessable(message, errors=[Problem(loc=["files"], msg=message)])
    return runs


def store(
    database: Database, runs: Sequence[RunRead], *, project: str, tags: list[str], last: Transaction | None = None
) -> list[Imported]:
    """Keep each of the runs that has a curve; they come in the order that they were read.

    Streams are written a few events at a time, so that others may write in between. Nobody sees them before the last
    transaction, which `last` opens, has made runs of them all. What fails before that is removed.
    """
    drafts = [_Draft(run, new_id()) for run in runs]
    try:
        for draft in drafts:
            _write(database, draft)
        with last() if last is not None else database.write() as session:
            return [_publish(session, draft, project, tags) for draft in drafts]
    except BaseException:
        with database.write() as session:
            session.execute(delete(Job).where(Job.id.in_([draft.claim.job_id for draft in drafts if draft.claim])))
        raise


def remove_unfinished(database: Database) -> None:
    """Remove the streams of imports that died before their last transaction. Those still under way hold a lease."""
    has_run = select(Run.id).where(Run.job_id == Job.id).exists()
    is_held = and_(Job.status == JobStatus.RUNNING, Job.lease_until >= now())
    unfinished = and_(Job.kind == JobKind.REPORT, Job.status != JobStatus.SUCCEEDED, ~is_held, ~has_run)
    with database.read() as session:
        if session.scalar(select(Job.id).where(unfinished).limit(1)) is None:
            return
    with database.write() as session:
        session.execute(delete(Job).where(unfinished))


@dataclass
class _Draft:
    """A run in the making: its stream is stored, or some of it, under a job that no run has yet."""

    read: RunRead
    run_id: str
    num_points: int = 0
    claim: Claim | None = None  # none as long as nothing is stored
    finished_at: float | None = None


def _write(database: Database, draft: _Draft) -> None:
    """The stream of a run that has a curve, in transactions of a few events, at the times that the files tell."""
    points = [reports.in_order(one) for one in draft.read.points()]
    draft.num_points = sum(len(one.steps) for one in points)
    if not draft.num_points:
        return
    times = [one.times for one in points if one.times is not None and len(one.times)]
    first, draft.finished_at = (
        float(pick([pick(one) for one in times])) if times else None for pick in (np.min, np.max)
    )
    progress = {"step": max(int(one.steps[-1]) for one in points if len(one.steps))}
    new = _events(draft.read, points)
    while part := list(islice(new, _EVENTS_AT_ONCE)):
        began = time.monotonic()
        with database.write() as session:
            claim = draft.claim or queue.hold(session, {"run_id": draft.run_id}, lease_s=_LEASE_S, started_at=first)
            fence = queue.fence(session, claim, lease_s=_LEASE_S, num_events=len(part), progress=progress)
            events.insert(session, claim.job_id, fence.last_seq, fence.time, part)
        draft.claim = claim
        time.sleep((time.monotonic() - began) * _SHARE_FOR_OTHERS)


def _publish(session: Session, draft: _Draft, project: str, tags: list[str]) -> Imported:
    """The row of a run that has a curve, and its end."""
    read = draft.read
    if draft.claim is not None:
        said = ReportedIn(name=read.name[:200], project=project, tags=tags, config=read.settings)
        reports.add_run(session, draft.run_id, draft.claim.job_id, said, origin=ORIGIN)
        queue.succeed(session, draft.claim, finished_at=draft.finished_at)
    num_read = sum(len(column.steps) for column in read.columns.values())
    return Imported(
        run_id=draft.run_id if draft.claim is not None else None,
        name=read.name,
        num_points=draft.num_points,
        num_skipped=num_read - draft.num_points,
        files=[_file(file) for file in read.files],
    )


def _file(file: FileRead) -> FileOut:
    fault = Fault(offset=file.fault.offset, message=file.fault.message) if file.fault else None
    return FileOut(name=file.name, num_records=file.num_records, fault=fault)


def _events(run: RunRead, points: list[Points]) -> Iterator[events.New]:
    for at, text in run.texts:
        yield events.New("log", {"level": "info", "text": text[:20_000]}, time=at)
    for batch in reading.batches(points, _POINTS_AN_EVENT):
        last = max((float(one.times[-1]) for one in batch if one.times is not None), default=None)
        yield events.New(events.METRICS, points=batch, time=last)


def _stem(files: Sequence[tuple[str, BinaryIO]]) -> str:
    name = files[0][0].replace("\\", "/").rsplit("/", 1)[-1] if files else ""
    return name.removesuffix(".zip") if name.endswith(".zip") else "tensorboard"


def export(database: Database, job_id: str, names: Sequence[str], started_at: float, target: BinaryIO) -> None:
    """Write a zip with one event file, of every point of every series, into `target`."""
    name = f"events.out.tfevents.{int(started_at)}.traindeck"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(name, "w", force_zip64=True) as file:
            file.write(records.frame(messages.version_event(float(started_at))))
            for series in names:
                for piece in _pieces(database, job_id, series):
                    file.write(piece)


def _pieces(database: Database, job_id: str, name: str) -> Iterator[bytes]:
    """A series as records. It is short throughout, or not at all: readers keep the two kinds apart."""
    is_short = all(_is_short(points) for points in _stretches(database, job_id, name))
    tag = name.encode()
    for points in _stretches(database, job_id, name):
        assert points.times is not None
        made = io.BytesIO()
        columns: Any = (points.times.tolist(), points.steps.tolist(), points.values.tolist())
        for at, step, value in zip(*columns, strict=True):
            made.write(records.frame(messages.scalar_event(at, step, tag, value, is_short=is_short)))
        yield made.getvalue()


def _stretches(database: Database, job_id: str, name: str) -> Iterator[Points]:
    """The points of a series, so many at once that few are in memory. Steps may be few and far between."""
    with database.read() as session:
        overview = curves.read_series(session, job_id, name, max_points=_NUM_STRETCHES)
    if overview is None:
        return
    buckets = overview.buckets
    per_stretch = max(1, _POINTS_AT_ONCE * len(buckets) // max(1, overview.num_points))
    for start in range(0, len(buckets), per_stretch):
        end = min(len(buckets), start + per_stretch) - 1
        first, last = int(buckets.first_step[start]), int(buckets.last_step[end])
        with database.read() as session:
            yield curves.read_points(session, job_id, name, first, last, with_times=True)


def _is_short(points: Points) -> bool:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        short = points.values.astype(np.float32).astype(np.float64)
    return bool(np.array_equal(short, points.values, equal_nan=True))
