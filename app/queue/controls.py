"""What is asked of a training while it goes on, in order; its worker says after which step it was done.

A worker hears by `Fence.num_controls` that there is something new. What was done after a step beyond the checkpoint
from which a later attempt goes on is done again at that step, so that a crash changes nothing.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app import events
from app.db.engine import now
from app.db.tables import Control, Job
from app.errors import Conflict
from app.queue.moves import locked
from app.queue.states import ENDED, Claim, JobKind, Request

CONTROL = "control"  # the kind of its events


def control(session: Session, job_id: str, said: dict[str, Any]) -> int:
    """Ask for something; returns its number. Raises NotFound, and Conflict where nobody will do it any more."""
    row = locked(session, job_id)
    if row.kind != JobKind.TRAIN:
        raise Conflict("Only a training can be controlled.")
    if row.status in ENDED:
        raise Conflict(f"It has ended already, as {row.status}.")
    if row.request == Request.CANCEL:
        raise Conflict("It has been asked to end.")
    counted = session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(num_controls=Job.num_controls + 1, last_seq=Job.last_seq + 1)
        .returning(Job.num_controls, Job.last_seq, now())
        .execution_options(synchronize_session=False)
    ).one()
    number, last_seq, at = counted
    session.execute(insert(Control).values(job_id=job_id, number=number, said=said, asked_at=now()))
    events.insert(session, job_id, last_seq, at, [control_event(number, said)])
    return int(number)


def control_event(number: int, said: dict[str, Any], **done: Any) -> events.New:
    """Tells that something was asked, or with a `step` that it was done after it."""
    return events.New(CONTROL, {"number": number, **said, "step": None, **done})


def list_controls(session: Session, job_id: str, after: int = 0) -> Sequence[Control]:
    """What was asked of a job after a number, in the order of its asking."""
    query = select(Control).where(Control.job_id == job_id, Control.number > after)
    return session.scalars(query.order_by(Control.number)).all()


def settle_control(session: Session, claim: Claim, number: int, step: int, outcome: dict[str, Any]) -> None:
    """The worker has done it after so many steps. Belongs in a fenced transaction, before the next step is taken."""
    this = update(Control).where(Control.job_id == claim.job_id, Control.number == number)
    session.execute(this.values(step=step, outcome=outcome or None).execution_options(synchronize_session=False))
