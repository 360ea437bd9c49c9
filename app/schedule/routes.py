"""The queue over REST."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query

from app import places, queue
from app.datasets import service as datasets
from app.dependencies import AppSettings, AppStorage, Reading, Writing
from app.schedule import service
from app.schedule.schemas import Move, QueueOut, QueuePatch, WaitingOut

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("")
def show(
    session: Reading, settings: AppSettings, limit: Annotated[int, Query(ge=1, le=10_000)] = service.MAX_LISTED
) -> QueueOut:
    """Who holds which device, and what waits: why, in which order, and when it likely starts."""
    return service.show(session, lease_s=settings.lease_s, beat_s=settings.beat_s, limit=limit)


@router.get("/{job_id}")
def get(job_id: str, session: Reading, settings: AppSettings) -> WaitingOut:
    """One waiting job."""
    return service.find_waiting(session, job_id, lease_s=settings.lease_s, beat_s=settings.beat_s)


@router.post("/{job_id}/move")
def move(job_id: str, place: Move, session: Writing, settings: AppSettings) -> WaitingOut:
    """Put a waiting job before or after another one, or to an end of the queue."""
    places.move(session, job_id, before=place.before, after=place.after, to=place.to)
    return service.find_waiting(session, job_id, lease_s=settings.lease_s, beat_s=settings.beat_s)


@router.patch("/{job_id}")
def change(job_id: str, patch: QueuePatch, session: Writing, settings: AppSettings) -> WaitingOut:
    """Give a waiting job a priority."""
    places.set_priority(session, job_id, patch.priority)
    return service.find_waiting(session, job_id, lease_s=settings.lease_s, beat_s=settings.beat_s)


@router.post("/{job_id}/cancel", status_code=202)
def cancel(job_id: str, session: Writing, storage: AppStorage, afterwards: BackgroundTasks) -> dict[str, str]:
    """Ask any job to stop: a waiting one ends at once, a running one once its worker has obeyed."""
    status = queue.cancel(session, job_id)
    if status is queue.JobStatus.CANCELLED and (unread := datasets.unread_of(session, job_id)):
        afterwards.add_task(storage.remove, "datasets", unread)
    return {"job_id": job_id, "status": status}
