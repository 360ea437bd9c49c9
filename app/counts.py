"""How many there are of each thing: what stands beside its name in the menu."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Dataset, Job, Model, Run, Worker
from app.queue import JobStatus


def count_all(session: Session, alive_within_s: float = 30) -> dict[str, int]:
    """Runs; models and datasets, each with all its versions; the jobs that wait; the workers that are alive."""
    is_alive = (Worker.stopped_at.is_(None), Worker.heartbeat_at > now() - alive_within_s)
    queries = {
        "runs": select(func.count()).select_from(Run),
        "models": select(func.count(Model.family_id.distinct())),
        "datasets": select(func.count(Dataset.family_id.distinct())),
        "queue": select(func.count()).where(Job.status == JobStatus.QUEUED),
        "workers": select(func.count()).select_from(Worker).where(*is_alive),
    }
    columns = [query.scalar_subquery().label(name) for name, query in queries.items()]
    return dict(session.execute(select(*columns)).one()._mapping)
