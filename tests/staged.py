"""A queue as it might be, written straight into the database: workers, what they hold, what waits. Needs no torch."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app import queue
from app.db import Database, now
from app.db.tables import Dataset, Job, Run, Worker
from app.ids import new_id
from app.queue import Claim, JobKind
from app.runs import service as runs
from app.specs.run import RunSpec

PROGRAM: dict[str, Any] = {
    "name": "a run",
    "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
    "model": {"layers": [{"type": "linear", "out_features": 3}]},
    "data": {"target": "species", "split": {"type": "shares", "train": 0.7, "validation": 0.3, "test": 0.0, "seed": 1}},
    "training": {
        "num_epochs": 10,
        "batch_size": 16,
        "seed": 1,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "lr": 0.01},
    },
}
LEASE_S = 30.0


def add_worker(db: Database, name: str = "worker 1", slots: int = 1, **changes: Any) -> str:
    """A worker that was heard of just now."""
    row: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "host": "rack-7",
        "pid": 4711,
        "slots": slots,
        "devices": [
            {"name": "cpu", "type": "a processor", "cores": 8, "memory_bytes": 16 << 30, "free_bytes": 9 << 30}
        ],
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "started_at": now(),
        "heartbeat_at": now(),
    }
    with db.write() as session:
        worker = Worker(**row | changes)
        session.add(worker)
        session.flush()
        return worker.id


def submit(db: Database, name: str, *, num_epochs: int = 10, is_read: bool = True) -> tuple[str, str]:
    """Queue a run of that name; its id and its job's. `is_read`: its dataset has been read."""
    training = PROGRAM["training"] | {"num_epochs": num_epochs}
    with db.write() as session:
        run = runs.create_run(session, RunSpec.model_validate(PROGRAM | {"name": name, "training": training}))
        if is_read:
            _read(session, run.dataset_id or "")
        return run.id, run.job_id


def _read(session: Session, dataset_id: str) -> None:
    dataset = session.get_one(Dataset, dataset_id)
    session.execute(update(Job).where(Job.after_id == dataset.job_id).values(after_id=None))
    session.execute(update(Job).where(Job.id == dataset.job_id).values(status="succeeded"))
    dataset.status = "ready"


def claim(db: Database, worker_id: str, *, progress: dict[str, Any] | None = None, **changes: Any) -> Claim:
    """The next job, taken by a worker that has told how far it is."""
    with db.write() as session:
        taken = queue.claim(session, worker_id, lease_s=LEASE_S)
        assert taken
        queue.fence(session, taken, lease_s=LEASE_S, progress=progress, pid=1234)
        if changes:
            session.execute(update(Job).where(Job.id == taken.job_id).values(**changes))
    return taken


def finish(db: Database, taken: Claim, *, took_s: float) -> None:
    """The job has succeeded after so long."""
    with db.write() as session:
        queue.succeed(session, taken)
        session.execute(update(Job).where(Job.id == taken.job_id).values(started_at=Job.finished_at - took_s))


def export_of(db: Database, run_id: str) -> str:
    """Queue the export of a run; the job's id."""
    with db.write() as session:
        job_id = queue.enqueue(session, JobKind.EXPORT, {"run_id": run_id})
        session.execute(update(Run).where(Run.id == run_id).values(export_job_id=job_id))
        return job_id


def export(db: Database) -> str:
    """Queue an export of nothing in particular; the job's id."""
    with db.write() as session:
        return queue.enqueue(session, JobKind.EXPORT, {"run_id": "none"})
