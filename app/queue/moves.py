"""The one statement that every change of a job's state is: its row, and the event that tells of it."""

from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, select, update
from sqlalchemy.orm import Session

from app import events
from app.db.engine import now
from app.db.tables import Job
from app.errors import NotFound
from app.queue.states import Claim, JobStatus, LeaseLost


def move(session: Session, where: Update, job_id: str, detail: dict[str, Any], **values: Any) -> None:
    """Change the row that `where` finds, and tell of it by a status event. Raises LeaseLost when it finds none."""
    row = session.execute(
        where.values(**values, last_seq=Job.last_seq + 1)
        .returning(Job.last_seq, now())
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise LeaseLost(job_id)
    events.insert(session, job_id, row[0], row[1], [events.New("status", detail)])


def held_by(claim: Claim) -> Update:
    """The job, while it is running under that very attempt. (`claims.fence` has the same, built once.)"""
    return update(Job).where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.status == JobStatus.RUNNING)


def is_silent() -> ColumnElement[bool]:
    """Whether a job's worker was not heard of for as long as its lease was."""
    return and_(Job.status == JobStatus.RUNNING, Job.lease_until < now())


def locked(session: Session, job_id: str) -> Row[Any]:
    """How a job stands: held while it is decided, or one that is claimed or given back meanwhile would slip through.

    Raises NotFound.
    """
    columns = (Job.status, Job.request, Job.kind, Job.priority, Job.error)
    row = session.execute(select(*columns).where(Job.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return row
