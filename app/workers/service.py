"""Workers: who is there, and what each has in hand."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Job, Run, Worker
from app.queue import JobStatus
from app.workers.schemas import RunningJob, WorkerOut

FORGOTTEN_AFTER_S = 24 * 3600  # a worker that was gone for longer is no longer listed


def list_workers(session: Session, alive_within_s: float = 30) -> list[WorkerOut]:
    """Workers heard of within a day, the living first, then the newest.

    One is alive that has not said goodbye and was heard of within `alive_within_s`.
    """
    query = select(Worker, (now() - Worker.heartbeat_at).label("age_s")).where(
        or_(Worker.heartbeat_at > now() - FORGOTTEN_AFTER_S, Worker.id.in_(select(Job.worker_id).where(_is_running())))
    )
    rows = session.execute(query).all()
    running = _running(session, [worker.id for worker, _ in rows])
    listed = [_out(worker, max(0.0, age_s), running[worker.id], alive_within_s) for worker, age_s in rows]
    return sorted(listed, key=lambda worker: (worker.alive, worker.id), reverse=True)


def _out(worker: Worker, age_s: float, running: list[RunningJob], alive_within_s: float) -> WorkerOut:
    return WorkerOut(
        id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        devices=worker.devices,
        slots=worker.slots,
        heartbeat_age_s=age_s,
        alive=worker.stopped_at is None and age_s < alive_within_s,
        running=running,
        torch_version=worker.versions.get("torch"),
        exp_timing=worker.timings,
    )


def _running(session: Session, worker_ids: Sequence[str]) -> dict[str, list[RunningJob]]:
    """The jobs in hand of each worker, with the run that each is the training or the export of."""
    query = (
        select(Job.worker_id, Job.id, Job.kind, Run.id)
        .outerjoin(Run, or_(Run.job_id == Job.id, Run.export_job_id == Job.id))
        .where(_is_running(), Job.worker_id.in_(worker_ids))
        .order_by(Job.id)
    )
    found: dict[str, list[RunningJob]] = defaultdict(list)
    for worker_id, job_id, kind, run_id in session.execute(query):
        found[worker_id or ""].append(RunningJob(job_id=job_id, kind=kind, run_id=run_id))
    return found


def _is_running() -> ColumnElement[bool]:
    return Job.status == JobStatus.RUNNING
