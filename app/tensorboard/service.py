"""TensorBoard's event files in and out: runs from files, files from runs. Plain functions on a session."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from sqlalchemy.orm import Session

from app import curves, events, queue
from app.columns import Points
from app.db import Database
from app.errors import Unprocessable
from app.ids import new_id
from app.reports import service as reports
from app.reports.schemas import ReportedIn
from app.specs.base import Problem
from app.tensorboard import messages, reading, records
from app.tensorboard.reading import RunRead
from app.tensorboard.schemas import Fault, FileOut, Imported

ORIGIN = "tensorboard"
_POINTS_AN_EVENT = 4_000
_EVENTS_AT_ONCE = 50
_POINTS_AT_ONCE = 100_000
_NUM_STRETCHES = 1_000  # of a series at most
_LEASE_S = 3600.0


def read(files: Sequence[tuple[str, BinaryIO]], max_bytes: int) -> list[RunRead]:
    """What was sent, as runs. Raises Unprocessable when there is no event file in it, and TooLarge."""
    found = reading.sources(files, max_bytes)
    runs = list(reading.read_runs(found, fallback=_stem(files)))
    if not any(file.num_records for run in runs for file in run.files):
        why = next((file.fault.message for run in runs for file in run.files if file.fault), "there is none")
        message = f"there is no event file that could be read: {why}"
        raise Unprocessable(message, errors=[Problem(loc=["files"], msg=message)])
    return runs


def store(session: Session, runs: Sequence[RunRead], *, project: str, tags: list[str]) -> list[Imported]:
    """Keep each of the runs that has a curve; they come in the order that they were read."""
    return [_store_one(session, run, project, tags) for run in runs]


def _store_one(session: Session, run: RunRead, project: str, tags: list[str]) -> Imported:
    received = run.points()
    points = [reports.in_order(one) for one in received]
    files = [
        FileOut(
            name=file.name,
            num_records=file.num_records,
            fault=Fault(offset=file.fault.offset, message=file.fault.message) if file.fault else None,
        )
        for file in run.files
    ]
    num_points = sum(len(one.steps) for one in points)
    num_read = sum(len(column.steps) for column in run.columns.values())
    run_id = _write(session, run, points, project, tags) if num_points else None
    return Imported(run_id=run_id, name=run.name, num_points=num_points, num_skipped=num_read - num_points, files=files)


def _write(session: Session, run: RunRead, points: list[Points], project: str, tags: list[str]) -> str:
    """The run, its stream and its end, at the times that the files tell."""
    times = [one.times for one in points if one.times is not None and len(one.times)]
    first, last = (float(pick([pick(one) for one in times])) if times else None for pick in (np.min, np.max))
    run_id = new_id()
    claim = queue.hold(session, {"run_id": run_id}, lease_s=_LEASE_S, started_at=first)
    said = ReportedIn(name=run.name[:200], project=project, tags=tags, config=run.settings)
    reports.add_run(session, run_id, claim.job_id, said, origin=ORIGIN)
    new = list(_events(run, points))
    progress = {"step": max(int(one.steps[-1]) for one in points if len(one.steps))}
    for start in range(0, len(new), _EVENTS_AT_ONCE):
        part = new[start : start + _EVENTS_AT_ONCE]
        fence = queue.fence(session, claim, lease_s=_LEASE_S, num_events=len(part), progress=progress)
        events.insert(session, claim.job_id, fence.last_seq, fence.time, part)
    queue.succeed(session, claim, finished_at=last)
    return run_id


def _events(run: RunRead, points: list[Points]) -> Iterator[events.New]:
    for time, text in run.texts:
        yield events.New("log", {"level": "info", "text": text[:20_000]}, time=time)
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
        for time, step, value in zip(*columns, strict=True):
            made.write(records.frame(messages.scalar_event(time, step, tag, value, is_short=is_short)))
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
