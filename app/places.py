"""The order of what waits: the place and the priority of a job. From state to state `app.queue` alone moves it.

Jobs are taken by priority, then by `position`, then by age. A position is the time at which a job was queued, or just
behind the last that waited then where the clock was set back, until someone moves it: then a number between those of
its new neighbours, and where no number is left between them, the whole priority is numbered anew. A job that is put
beside one of another priority takes that priority over, so that it stands where it was put.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Job
from app.errors import Conflict, NotFound
from app.queue import LEAST_GAP_S, JobStatus

End = Literal["first", "last"]
_STEP_S = 1.0  # between those who are numbered anew, and before the first


@dataclass(frozen=True)
class _Place:
    priority: int
    position: float
    id: str


def move(
    session: Session, job_id: str, *, before: str | None = None, after: str | None = None, to: End | None = None
) -> None:
    """Put a waiting job right before or after another one, or to an end of the queue; exactly one of these is given.

    Raises NotFound, and Conflict when one of the two no longer waits.
    """
    _waiting(session, job_id)
    beside = before or after
    anchor = _waiting(session, beside) if beside else _at_end(session, job_id, first=to == "first")
    if anchor is None or anchor.id == job_id:
        return
    goes_before = before is not None or to == "first"
    position = _position_beside(session, job_id, anchor, before=goes_before)
    if position is None:
        _number_anew(session, anchor.priority)
        position = _position_beside(session, job_id, _waiting(session, anchor.id), before=goes_before)
        assert position is not None
    _put(session, job_id, anchor.priority, position)


def set_priority(session: Session, job_id: str, priority: int) -> None:
    """Give a waiting job a priority; among the others of it, it stands where its position says.

    Raises NotFound, and Conflict when it no longer waits.
    """
    place = _waiting(session, job_id)
    _put(session, job_id, priority, place.position)


def _waiting(session: Session, job_id: str) -> _Place:
    row = session.execute(select(Job.status, Job.priority, Job.position).where(Job.id == job_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    if row.status != JobStatus.QUEUED:
        raise _too_late(row.status)
    return _Place(row.priority, row.position, job_id)


def _too_late(status: str) -> Conflict:
    return Conflict(f"It no longer waits: it is {status}.", hint="The queue has moved on meanwhile; look again.")


def _put(session: Session, job_id: str, priority: int, position: float) -> None:
    """Only while it waits: a worker may have taken it since it was looked at."""
    put = (
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.QUEUED)
        .values(priority=priority, position=position)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if session.execute(put).first() is None:
        raise _too_late(session.execute(select(Job.status).where(Job.id == job_id)).scalar_one())


def _at_end(session: Session, job_id: str, *, first: bool) -> _Place | None:
    """The first or the last of the others that wait."""
    keys = (Job.priority.desc(), Job.position, Job.id) if first else (Job.priority, Job.position.desc(), Job.id.desc())
    others = select(Job.priority, Job.position, Job.id).where(Job.status == JobStatus.QUEUED, Job.id != job_id)
    row = session.execute(others.order_by(*keys).limit(1)).one_or_none()
    return row and _Place(*row)


def _position_beside(session: Session, job_id: str, anchor: _Place, *, before: bool) -> float | None:
    """A position right before or after a job; None where there is no room."""
    beyond = _beyond(session, job_id, anchor, before=before)
    if beyond is None:
        # The time it is, too, so that what is queued from now on comes after it.
        time: float = session.execute(select(now())).scalar_one()
        return anchor.position - _STEP_S if before else max(anchor.position + LEAST_GAP_S, time)
    if abs(beyond - anchor.position) < 2 * LEAST_GAP_S:
        return None
    return (anchor.position + beyond) / 2


def _beyond(session: Session, job_id: str, anchor: _Place, *, before: bool) -> float | None:
    """The position of the anchor's neighbour on that side, within its priority."""
    here = (Job.position == anchor.position) & ((Job.id < anchor.id) if before else (Job.id > anchor.id))
    there = Job.position < anchor.position if before else Job.position > anchor.position
    neighbour = func.max(Job.position) if before else func.min(Job.position)
    query = select(neighbour).where(
        Job.status == JobStatus.QUEUED, Job.priority == anchor.priority, Job.id != job_id, here | there
    )
    return session.execute(query).scalar_one_or_none()


def _number_anew(session: Session, priority: int) -> None:
    """The same order, a second apart; the last keeps its position, so that what comes later still comes after it."""
    waiting = (
        select(Job.id, Job.position)
        .where(Job.status == JobStatus.QUEUED, Job.priority == priority)
        .order_by(Job.position, Job.id)
    )
    rows = session.execute(waiting).all()
    for number, row in enumerate(reversed(rows)):
        position = rows[-1].position - number * _STEP_S
        session.execute(
            update(Job)
            .where(Job.id == row.id, Job.status == JobStatus.QUEUED)
            .values(position=position)
            .execution_options(synchronize_session=False)
        )
