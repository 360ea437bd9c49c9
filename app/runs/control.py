"""A run under way: paused, resumed, and changed while it trains. Plain functions on a session; the caller commits."""

from sqlalchemy.orm import Session

from app import queue
from app.db.tables import Job, Run
from app.errors import Conflict
from app.queue import JobStatus
from app.runs.schemas import ControlOut
from app.runs.service import find_run
from app.specs.controls import AnyControl, SaveCheckpoint, SetLr, SetNumEpochs, Stop
from app.specs.training import TrainingSpec


def pause_run(session: Session, run_id: str) -> None:
    """Have a run let go of until it is resumed. Raises NotFound, and Conflict for one that cannot be paused."""
    queue.pause(session, find_run(session, run_id).job_id)


def resume_run(session: Session, run_id: str) -> None:
    """Have a run go on that is paused, or that ended badly and has a checkpoint. Raises NotFound, and Conflict."""
    queue.resume(session, find_run(session, run_id).job_id)


def control_run(session: Session, run_id: str, said: AnyControl) -> ControlOut:
    """Ask something of a training; its worker does it between two steps. Raises NotFound, and Conflict."""
    run = find_run(session, run_id)
    job_id = run.job_id
    number = queue.control(session, job_id, said.model_dump(mode="json"))
    job = session.get_one(Job, job_id, populate_existing=True)  # held from now on: what is refused, was not asked
    _refuse_impossible(job, said)
    if isinstance(said, SetLr):
        _refuse_other_rates(run)
    if isinstance(said, Stop) and (job.status == JobStatus.PAUSED or job.request == queue.Request.PAUSE):
        queue.resume(session, job_id)  # somebody has to evaluate it
    return ControlOut.of(queue.list_controls(session, job_id, after=number - 1)[0])


def _refuse_other_rates(run: Run) -> None:
    schedule = TrainingSpec.model_validate(run.spec["training"]).schedule
    if not schedule.goes_by_lr:
        raise Conflict(f"Its schedule, {schedule.type}, has rates of its own: to set this one would change nothing.")


def _refuse_impossible(job: Job, said: AnyControl) -> None:
    epoch = (job.progress or {}).get("epoch", 0)
    if isinstance(said, SaveCheckpoint) and job.status != JobStatus.RUNNING:
        raise Conflict(f"It is {job.status}: there is nothing to save that is not saved.")
    if isinstance(said, Stop) and job.attempt == 0:
        raise Conflict("It has not begun, so there is nothing to keep.", hint="Cancel it.")
    if isinstance(said, SetNumEpochs) and said.num_epochs < epoch:
        raise Conflict(f"It has done {epoch:,} epochs already.", hint="To end it now, stop it.")
