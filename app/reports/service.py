"""Runs that a script of one's own reports: begin, take points, end. Plain functions on a session; the caller commits.

A reported run is a job that runs under an attempt of its client (`queue.hold`). The client is known by the `writer` it
chose; batches by their number, which only grows. So whatever is sent again changes nothing, and a client that was
silent for too long is taken up where it was, while one that another has replaced hears so.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import curves, events, queue
from app.columns import Points
from app.db import now
from app.db.tables import Job, Run
from app.errors import Conflict, NotFound, Unprocessable
from app.ids import new_id
from app.queue import Claim, Fence, JobStatus
from app.reports.schemas import MAX_POINTS, FinishIn, PointsIn, Receipt, ReportedIn, SeriesIn
from app.runs import service as runs
from app.runs.labels import label, store_settings
from app.specs.base import Problem

ORIGIN = "client"
_MAX_SHUT_OUT = 1000  # writers of a run that are remembered as replaced, the newest


def begin(session: Session, said: ReportedIn, *, lease_s: float) -> Run:
    """A new run, or the one of that id taken up by whoever asks. The same writer asking again changes nothing.

    Raises NotFound when the run of that id must be there, and Conflict when it is no reported one, or when who asks had
    it before and was shut out.
    """
    run = session.get(Run, said.id) if said.id else None
    if run is not None:
        _take_over(session, run, said, lease_s)
        return run
    if said.id and said.resume == "must":
        raise NotFound(f"There is no run {said.id} to go on with.")
    return _create(session, said, lease_s)


def take(session: Session, run_id: str, said: PointsIn, *, lease_s: float) -> Receipt:
    """Store a batch, once. Raises NotFound, Conflict when the run has ended or is another's, Unprocessable."""
    job = _job(session, _reported(session, run_id), said.writer)
    if _has_come(job, said.batch):
        return _receipt(run_id, job, None, lease_s)
    claim = _claim_of_living(session, job, lease_s)
    new, num_points, num_skipped = _events(session, job, said)
    progress = next((event.body for event in new if event.kind == "progress"), None)
    fence = queue.fence(
        session, claim, lease_s=lease_s, num_events=len(new), progress=progress, batch=_counted(job, said.batch)
    )
    events.insert(session, job.id, fence.last_seq, fence.time, new)
    session.refresh(job)
    return _receipt(run_id, job, fence, lease_s, num_points, num_skipped)


def finish(session: Session, run_id: str, said: FinishIn, *, lease_s: float) -> None:
    """End a run as its script says. Said again, it changes nothing. Raises NotFound, and Conflict."""
    job = _job(session, _reported(session, run_id), said.writer)
    if job.status == said.status and not _is_silent(job):
        return
    claim = _claim_of_living(session, job, lease_s)
    status = JobStatus(said.status)
    if status is JobStatus.SUCCEEDED:
        queue.succeed(session, claim)
    elif status is JobStatus.CANCELLED:
        queue.break_off(session, claim)
    else:
        error = {"kind": "script", "message": said.error or "Its script said that it failed.", "hint": None}
        queue.fail(session, claim, error)


def _create(session: Session, said: ReportedIn, lease_s: float) -> Run:
    run_id = said.id or new_id()
    claim = queue.hold(session, {"run_id": run_id, "writer": said.writer}, lease_s=lease_s)
    return add_run(session, run_id, claim.job_id, said, origin=ORIGIN)


def add_run(session: Session, run_id: str, job_id: str, said: ReportedIn, *, origin: str) -> Run:
    """The row of a run without model and dataset of ours, and what lists find it by."""
    run = Run(
        id=run_id,
        name=said.name or f"run {run_id[-6:]}",
        job_id=job_id,
        spec={"config": said.config},
        inspection={},
        num_parameters=0,
        tags=said.tags,
        created_at=now(),
        project=said.project,
        origin=origin,
    )
    session.add(run)
    session.flush()
    label(session, run)
    return run


def _take_over(session: Session, run: Run, said: ReportedIn, lease_s: float) -> None:
    job = _job(session, _reported(session, run.id))
    writer, shut_out = job.payload.get("writer"), job.payload.get("shut_out", [])
    if said.writer is not None and writer == said.writer:
        return
    if said.writer in shut_out:  # what it left comes late: whoever has the run now must not lose it to that
        raise _shut_out()
    shut_out = [*shut_out, writer][-_MAX_SHUT_OUT:] if writer is not None else shut_out
    payload = {"run_id": run.id, "writer": said.writer, "shut_out": shut_out}
    claim = queue.take_up(session, _claim(job), payload, lease_s=lease_s)
    if said.config:
        run.spec = {"config": {**run.spec.get("config", {}), **said.config}}
        store_settings(session, run.id, run.spec)
        session.flush()
    if said.rewind_to is not None:
        fence = queue.fence(session, claim, lease_s=lease_s, num_events=1)
        rewind = events.New(events.REWIND, {"to_step": said.rewind_to})
        events.insert(session, job.id, fence.last_seq, fence.time, [rewind])


def _reported(session: Session, run_id: str) -> Run:
    run = runs.find_run(session, run_id)
    if run.origin != ORIGIN:
        raise Conflict(f"The run {run.name} is not one that a script reports.")
    return run


def _job(session: Session, run: Run, writer: str | None = None) -> Job:
    """The run's job, locked until the transaction ends. Raises Conflict when another writer has taken it up."""
    job = session.execute(
        select(Job).where(Job.id == run.job_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()
    if writer is not None and job.payload.get("writer") not in (None, writer):
        raise _shut_out()
    return job


def _shut_out() -> Conflict:
    return Conflict(
        "Another script has gone on with this run.",
        hint="Begin a run of your own, or resume this one by its id, as a new writer.",
    )


def _claim(job: Job) -> Claim:
    return Claim(job.id, job.attempt, job.kind, job.payload, "")


def _is_silent(job: Job) -> bool:
    return job.status == JobStatus.FAILED and (job.error or {}).get("kind") == queue.SILENT


def _claim_of_living(session: Session, job: Job, lease_s: float) -> Claim:
    """The claim of a job that runs, or that runs again since its client was heard of. Raises Conflict."""
    if _is_silent(job):
        return queue.take_up(session, _claim(job), lease_s=lease_s)
    if job.status != JobStatus.RUNNING:
        raise Conflict(f"The run has ended already, as {job.status}.", hint="To go on with it, resume it by its id.")
    return _claim(job)


def _has_come(job: Job, batch: int | None) -> bool:
    return batch is not None and job.last_batch is not None and batch <= job.last_batch


def _counted(job: Job, batch: int | None) -> int | None:
    return job.last_batch if batch is None else batch


def _events(session: Session, job: Job, said: PointsIn) -> tuple[list[events.New], int, int]:
    """What a batch appends to the stream, the number of its points, and of those that were left out."""
    new = [events.New("log", {"level": line.level, "text": line.text}) for line in said.log]
    if said.rewind_to is not None:
        new.append(events.New(events.REWIND, {"to_step": said.rewind_to}))
    points, num_skipped = _standing(session, job.id, said)
    if points:
        new.append(events.New(events.METRICS, points=points))
    if progress := _progress(job, said, points):
        new.append(events.New("progress", progress))
    return new, sum(len(one.steps) for one in points), num_skipped


def _standing(session: Session, job_id: str, said: PointsIn) -> tuple[list[Points], int]:
    """The points that lie after what their series has: each step has one value, and time does not run back."""
    received = list(_received(said.series))
    known = curves.list_series(session, [job_id])[job_id] if received else {}
    kept: list[Points] = []
    for points in received:
        last = known[points.name]["last_step"] if points.name in known else -1
        last = last if said.rewind_to is None else min(last, said.rewind_to)
        kept.append(points.select(points.steps > last))
    num_received = sum(len(one.steps) for one in said.series)
    num_kept = sum(len(points.steps) for points in kept)
    return [points for points in kept if len(points.steps)], num_received - num_kept


def _received(series: list[SeriesIn]) -> Iterator[Points]:
    """Each series in the order of its steps; of several values at one step the last. Raises Unprocessable."""
    if sum(len(one.steps) for one in series) > MAX_POINTS:
        raise _problem(["series"], f"a batch has at most {MAX_POINTS:,} points; send it in parts")
    names: set[str] = set()
    for i, one in enumerate(series):
        if one.name in names:
            raise _problem(["series", i, "name"], "this series comes twice in the batch", one.name)
        names.add(one.name)
        try:
            points = Points.of(one.name, one.steps, one.values, one.times)
        except ValueError as error:
            raise _problem(["series", i], str(error)) from error
        yield in_order(points)


def in_order(points: Points) -> Points:
    """The points (N,) by ascending step, each step once: the last value told for it counts."""
    ascending = np.diff(points.steps) > 0
    if ascending.all():
        return points
    order = np.argsort(points.steps, kind="stable")
    steps = points.steps[order]
    chosen = order[np.append(steps[1:] != steps[:-1], True)]
    times = None if points.times is None else points.times[chosen]
    return Points(points.name, points.steps[chosen], points.values[chosen], times)


def _progress(job: Job, said: PointsIn, points: list[Points]) -> dict[str, Any] | None:
    told = said.progress.model_dump(exclude_none=True) if said.progress else {}
    before = job.progress or {}
    if points and "step" not in told:
        come_to = 0 if said.rewind_to is not None else before.get("step", 0)
        told["step"] = max(come_to, *(int(one.steps[-1]) for one in points))
    return {**before, **told} if told else None


def _problem(loc: list[str | int], message: str, received: Any = None) -> Unprocessable:
    return Unprocessable(message, errors=[Problem(loc=loc, msg=message, received=received)])


def _receipt(
    run_id: str, job: Job, fence: Fence | None, lease_s: float, num_points: int = 0, num_skipped: int = 0
) -> Receipt:
    return Receipt(
        run_id=run_id,
        attempt=job.attempt,
        last_seq=job.last_seq,
        last_batch=job.last_batch,
        num_points=num_points,
        num_skipped=num_skipped,
        request=fence.request if fence else job.request,
        lease_s=lease_s,
    )
