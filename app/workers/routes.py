"""Workers over REST."""

from fastapi import APIRouter

from app.dependencies import AppSettings, Reading
from app.workers import service
from app.workers.schemas import WorkerPage

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("")
def list_all(session: Reading, settings: AppSettings) -> WorkerPage:
    """Workers heard of within a day, with their devices and what each has in hand."""
    return WorkerPage(items=service.list_workers(session, alive_within_s=settings.lease_s))
