"""Workers over REST."""

from fastapi import APIRouter

from app.dependencies import AppSettings, Reading, Writing
from app.workers import service
from app.workers.schemas import WorkerPage

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("")
def list_all(session: Reading, settings: AppSettings) -> WorkerPage:
    """Workers heard of within a day, with their devices and what each has in hand."""
    return WorkerPage(items=service.list_workers(session, alive_within_s=settings.lease_s, beat_s=settings.beat_s))


@router.delete("/{worker_id}", status_code=204)
def forget(worker_id: str, session: Writing, settings: AppSettings) -> None:
    """Forget a worker that is gone. Refused while it is alive or holds jobs."""
    service.forget_worker(session, worker_id, alive_within_s=settings.lease_s)
