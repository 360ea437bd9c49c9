"""The one statement that every change of a job's state is: its row, and the event that tells of it."""

from typing import Any

from sqlalchemy import ColumnElement, Update, and_, update
from sqlalchemy.orm import Session

from app import events
from app.db.engine import now
from app.db.tables import Job
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
    """The job, while it is running under that very attempt."""
    return update(Job).where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.status == JobStatus.RUNNING)


def is_silent() -> ColumnElement[bool]:
    """Whether a job's worker was not heard of for as long as its lease was."""
    return and_(Job.status == JobStatus.RUNNING, Job.lease_until < now())
