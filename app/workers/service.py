"""Workers: who is there, and what each has in hand."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Job, Run, Worker
from app.errors import Conflict, NotFound
from app.queue import WORK, JobStatus
from app.workers.schemas import RunningJob, WorkerOut, WorkerState

FORGOTTEN_AFTER_S = 24 * 3600  # a worker that was gone for longer is no longer listed
LATE = 1.2  # beats: one that was not heard of for longer is silent


def list_workers(session: Session, alive_within_s: float = 30, beat_s: float = 10) -> list[WorkerOut]:
    """Workers heard of within a day, the living first, then the newest.

    One is alive that has not said goodbye and was heard of within `alive_within_s`; it is silent when a beat is late.
    """
    query = select(Worker, (now() - Worker.heartbeat_at).label("age_s")).where(
        or_(Worker.heartbeat_at > now() - FORGOTTEN_AFTER_S, Worker.id.in_(select(Job.worker_id).where(_is_running())))
    )
    rows = session.execute(query).all()
    running = _running(session, [worker.id for worker, _ in rows])
    silent_after_s = min(LATE * beat_s, alive_within_s)
    listed = [
        _out(worker, max(0.0, age_s), running[worker.id], silent_after_s, alive_within_s) for worker, age_s in rows
    ]
    return sorted(listed, key=lambda worker: (worker.alive, worker.id), reverse=True)


def forget_worker(session: Session, worker_id: str, alive_within_s: float = 30) -> None:
    """Remove the row of a worker that is gone. What it did stays, and no longer names it.

    Raises NotFound, and Conflict while it is alive or holds jobs.
    """
    age_s = (now() - Worker.heartbeat_at).label("age_s")
    row = session.execute(select(Worker, age_s).where(Worker.id == worker_id).with_for_update(of=Worker)).one_or_none()
    if row is None:
        raise NotFound(f"There is no worker {worker_id}.")
    if row.Worker.stopped_at is None and row.age_s < alive_within_s:
        raise Conflict(f"The worker {row.Worker.name} is alive.", hint="Stop its process first.")
    held = session.scalar(select(func.count()).where(Job.worker_id == worker_id, _is_running()))
    if held:
        jobs = "1 job" if held == 1 else f"{held} jobs"
        raise Conflict(f"The worker {row.Worker.name} still holds {jobs}; what it holds is taken over in a moment.")
    session.delete(row.Worker)
    session.flush()


def _out(
    worker: Worker, age_s: float, running: list[RunningJob], silent_after_s: float, lost_after_s: float
) -> WorkerOut:
    state = _state(worker, age_s, silent_after_s, lost_after_s)
    return WorkerOut(
        id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        devices=worker.devices,
        slots=worker.slots,
        heartbeat_at=worker.heartbeat_at,
        heartbeat_age_s=age_s,
        state=state,
        alive=state in (WorkerState.ALIVE, WorkerState.SILENT),
        silent_after_s=silent_after_s,
        lost_after_s=lost_after_s,
        started_at=worker.started_at,
        running=running,
        kinds=worker.versions.get("kinds", list(WORK)),
        versions={name: version for name, version in worker.versions.items() if isinstance(version, str)},
        torch_version=worker.versions.get("torch"),
        exp_timing=worker.timings,
    )


def _state(worker: Worker, age_s: float, silent_after_s: float, lost_after_s: float) -> WorkerState:
    if worker.stopped_at is not None:
        return WorkerState.STOPPED
    if age_s < silent_after_s:
        return WorkerState.ALIVE
    return WorkerState.SILENT if age_s < lost_after_s else WorkerState.LOST


def _running(session: Session, worker_ids: Sequence[str]) -> dict[str, list[RunningJob]]:
    """The jobs in hand of each worker, with the run that each is the training or the export of."""
    query = (
        select(Job.worker_id, Job.id, Job.kind, Run.id, Run.name)
        .outerjoin(Run, or_(Run.job_id == Job.id, Run.export_job_id == Job.id))
        .where(_is_running(), Job.worker_id.in_(worker_ids))
        .order_by(Job.id)
    )
    found: dict[str, list[RunningJob]] = defaultdict(list)
    for worker_id, job_id, kind, run_id, name in session.execute(query):
        found[worker_id or ""].append(RunningJob(job_id=job_id, kind=kind, run_id=run_id, name=name))
    return found


def _is_running() -> ColumnElement[bool]:
    return Job.status == JobStatus.RUNNING
