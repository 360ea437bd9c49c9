"""What people ask of the queue: that a job be done, that it stop, and that it go on."""

from typing import Any

from sqlalchemy import ColumnElement, Update, case, func, insert, select, update
from sqlalchemy.orm import Session

from app import causes, events
from app.db.engine import now
from app.db.tables import Checkpoint, Job
from app.errors import Conflict
from app.ids import new_id
from app.queue.endings import end
from app.queue.moves import locked, move
from app.queue.states import ENDED, JobKind, JobStatus, Request

LEAST_GAP_S = 1e-5  # between neighbours that wait: a position has no more than seven digits behind the point


def enqueue(
    session: Session,
    kind: JobKind,
    payload: dict[str, Any],
    *,
    priority: int = 0,
    after: str | None = None,
    then_after: str | None = None,
    max_crashes: int = 3,
) -> str:
    """Queue a job and return its id. With `after`, it waits until that job has succeeded, and fails with it.

    `then_after`: another such job; `max_crashes`: of how many deaths without progress between them it is given up.
    Raises Conflict when one that it waits for has failed or was cancelled already.
    """
    job_id = new_id()
    waits_for = [one for one in (after, then_after) if one is not None and not _has_succeeded(session, one)]
    after_id, then_after_id, *_ = *waits_for, None, None
    created_at = session.execute(
        insert(Job)
        .values(
            id=job_id,
            kind=kind,
            status=JobStatus.QUEUED,
            priority=priority,
            position=_behind_all(priority),
            payload=payload,
            after_id=after_id,
            then_after_id=then_after_id,
            attempt=0,
            num_crashes=0,
            max_crashes=max_crashes,
            last_seq=1,
            created_at=now(),
        )
        .returning(Job.created_at)
    ).scalar_one()
    events.insert(session, job_id, 1, created_at, [events.New("status", {"status": JobStatus.QUEUED})])
    return job_id


def _has_succeeded(session: Session, job_id: str) -> bool:
    """Held until the new job is there, for whoever ends it looks for those that wait. Raises Conflict."""
    status = session.execute(select(Job.status).where(Job.id == job_id).with_for_update()).scalar_one()
    if status in (JobStatus.FAILED, JobStatus.CANCELLED):
        raise Conflict(f"What this waits for has ended as {status}.")
    return bool(status == JobStatus.SUCCEEDED)


def _behind_all(priority: int) -> ColumnElement[float]:
    """The place of what is queued now: the time, but behind all that wait, also where the clock was set back."""
    waiting = select(func.max(Job.position)).where(Job.status == JobStatus.QUEUED, Job.priority == priority)
    last = waiting.scalar_subquery()
    return case((last >= now(), last + LEAST_GAP_S), else_=now())


def cancel(session: Session, job_id: str) -> JobStatus:
    """Ask for a job to stop. A waiting or paused job ends at once; a running one when its worker has obeyed.

    Raises NotFound, and Conflict when it has ended already.
    """
    row = locked(session, job_id)
    if row.status in ENDED:
        raise Conflict(f"It has ended already, as {row.status}.")
    if row.status != JobStatus.RUNNING:
        end(session, _row(job_id), job_id, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if row.request != Request.CANCEL:  # also where it was to pause
        _ask(session, job_id, Request.CANCEL)
    return JobStatus.RUNNING


def pause(session: Session, job_id: str) -> JobStatus:
    """Ask for a training to be let go of until someone resumes it: a waiting one is paused at once.

    A running one is once its worker has saved its state. Raises NotFound, and Conflict for what cannot be paused.
    """
    row = locked(session, job_id)
    if row.kind != JobKind.TRAIN:
        raise Conflict("Only a training can be paused.")
    if row.status in ENDED:
        raise Conflict(f"It has ended already, as {row.status}.")
    if row.request == Request.CANCEL and row.status == JobStatus.RUNNING:
        raise Conflict("It has been asked to end.")
    if row.status == JobStatus.QUEUED:
        move(session, _row(job_id), job_id, {"status": JobStatus.PAUSED}, status=JobStatus.PAUSED)
        return JobStatus.PAUSED
    if row.status == JobStatus.RUNNING and row.request is None:
        _ask(session, job_id, Request.PAUSE)
    return JobStatus(row.status)


def resume(session: Session, job_id: str) -> JobStatus:
    """Let a paused training wait for a worker again, at its old place; take a pause back that is not yet obeyed.

    One that failed or was cancelled goes on from its checkpoint, behind all that wait. What had waited for it and
    failed with it stays as it is. Raises NotFound, and Conflict for what cannot be resumed.
    """
    row = locked(session, job_id)
    if row.status == JobStatus.PAUSED:
        move(session, _row(job_id), job_id, {"status": JobStatus.QUEUED}, status=JobStatus.QUEUED)
        return JobStatus.QUEUED
    if row.status == JobStatus.RUNNING and row.request == Request.PAUSE:
        _ask(session, job_id, None)
        return JobStatus.RUNNING
    if row.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        raise Conflict(f"It is not paused: it {_AS_IT_IS[row.status]}.")
    if row.kind != JobKind.TRAIN or session.scalar(select(Checkpoint.id).where(Checkpoint.job_id == job_id)) is None:
        raise Conflict("It has no checkpoint to go on from.", hint="Queue it again, and it begins anew.")
    _take_back(session, job_id, row.error or causes.cancelled().as_json(), row.priority)
    return JobStatus.QUEUED


_AS_IT_IS = {
    JobStatus.QUEUED: "waits for a worker already",
    JobStatus.RUNNING: "is running",
    JobStatus.SUCCEEDED: "has succeeded",
}


def _take_back(session: Session, job_id: str, why: dict[str, Any], priority: int) -> None:
    """Into the queue, as if it had not ended."""
    move(
        session,
        _row(job_id),
        job_id,
        {"status": JobStatus.QUEUED, "cause": why},
        status=JobStatus.QUEUED,
        position=_behind_all(priority),
        cause=why,
        error=None,
        finished_at=None,
        num_crashes=0,
        request=None,
        requested_at=None,
        worker_id=None,
        pid=None,
    )


def _ask(session: Session, job_id: str, request: Request | None) -> None:
    """Of a running job; None takes back what was asked."""
    asked = {"status": JobStatus.RUNNING, "request": request}
    move(session, _row(job_id), job_id, asked, request=request, requested_at=now() if request else None)


def _row(job_id: str) -> Update:
    return update(Job).where(Job.id == job_id)
