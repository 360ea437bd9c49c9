"""What people ask of the queue: that a job be done, and that it stop."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, select, update
from sqlalchemy.orm import Session

from app import events
from app.db.engine import now
from app.db.tables import Job
from app.errors import Conflict, NotFound
from app.ids import new_id
from app.queue.endings import end
from app.queue.moves import move
from app.queue.states import ENDED, JobKind, JobStatus

LEAST_GAP_S = 1e-5  # between neighbours that wait: a position has no more than seven digits behind the point


def enqueue(
    session: Session, kind: JobKind, payload: dict[str, Any], *, priority: int = 0, after: str | None = None
) -> str:
    """Queue a job and return its id. With `after`, it waits until that job has succeeded, and fails with it.

    Raises Conflict when that job has failed or was cancelled already.
    """
    job_id = new_id()
    if after is not None:
        before = session.execute(select(Job.status).where(Job.id == after).with_for_update()).scalar_one()
        if before in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise Conflict(f"What this waits for has ended as {before}.")
        after = None if before == JobStatus.SUCCEEDED else after
    created_at = session.execute(
        insert(Job)
        .values(
            id=job_id,
            kind=kind,
            status=JobStatus.QUEUED,
            priority=priority,
            position=_behind_all(priority),
            payload=payload,
            after_id=after,
            attempt=0,
            num_crashes=0,
            last_seq=1,
            created_at=now(),
        )
        .returning(Job.created_at)
    ).scalar_one()
    events.insert(session, job_id, 1, created_at, [events.New("status", {"status": JobStatus.QUEUED})])
    return job_id


def _behind_all(priority: int) -> ColumnElement[float]:
    """The place of what is queued now: the time, but behind all that wait, also where the clock was set back."""
    waiting = select(func.max(Job.position)).where(Job.status == JobStatus.QUEUED, Job.priority == priority)
    last = waiting.scalar_subquery()
    return case((last >= now(), last + LEAST_GAP_S), else_=now())


def cancel(session: Session, job_id: str) -> JobStatus:
    """Ask for a job to stop. A waiting job ends at once; a running one when its worker has obeyed.

    Raises NotFound, and Conflict when it has ended already.
    """
    # Held while it is decided, or a job that is claimed or given back meanwhile would slip through.
    row = session.execute(select(Job.status, Job.request).where(Job.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    if row.status in ENDED:
        raise Conflict(f"It has ended already, as {row.status}.")
    this = update(Job).where(Job.id == job_id)
    if row.status == JobStatus.QUEUED:
        end(session, this, job_id, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if row.request is None:
        asked = {"status": JobStatus.RUNNING, "request": "cancel"}
        move(session, this, job_id, asked, request="cancel", requested_at=now())
    return JobStatus.RUNNING
