"""Files of weights over REST: sent as any file is, in pieces, and then kept for models to begin with."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response
from fastapi.responses import FileResponse

from app.dependencies import AppDatabase, AppStorage, Reading
from app.uploads import service as uploads
from app.weights import service
from app.weights.schemas import NewWeights, WeightsOut, WeightsPage

router = APIRouter(prefix="/weights", tags=["weights"])


@router.post("", status_code=201)
def create(
    new: NewWeights, database: AppDatabase, storage: AppStorage, response: Response, afterwards: BackgroundTasks
) -> WeightsOut:
    """Keep a file that has come in pieces: safetensors, or what torch.save writes of a state_dict."""
    with database.read() as session:
        upload = uploads.find_whole(session, new.upload)
    laid = service.lay_out(storage, upload)
    try:
        with database.write() as session:
            found = service.describe(service.create(session, new.upload, new.name, laid))
    except BaseException:
        storage.remove(service.FOLDER, laid.id)
        raise
    afterwards.add_task(storage.remove, uploads.FOLDER, upload.id)  # else it is swept away later
    response.headers["Location"] = f"/api/v1/weights/{found.id}"
    return found


@router.get("")
def list_all(
    session: Reading, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> WeightsPage:
    """The files that are kept, newest first."""
    items, next_cursor = service.list_all(session, cursor=cursor, limit=limit)
    return WeightsPage(items=items, next_cursor=next_cursor)


@router.get("/{weights_id}")
def get(weights_id: str, session: Reading) -> WeightsOut:
    """One file."""
    return service.describe(service.find(session, weights_id))


@router.get("/{weights_id}/file")
def file(weights_id: str, session: Reading, storage: AppStorage) -> FileResponse:
    """A file itself, as a download."""
    row = service.find(session, weights_id)
    place = storage.path(service.FOLDER, row.id)
    return FileResponse(
        place, media_type="application/octet-stream", filename=row.name, headers={"ETag": f'"{row.sha256}"'}
    )


@router.delete("/{weights_id}", status_code=204)
def delete(weights_id: str, database: AppDatabase, storage: AppStorage) -> None:
    """Forget a file. Runs that began with it have weights of their own; one that is still to begin will fail."""
    with database.write() as session:
        session.delete(service.find(session, weights_id))
    storage.remove(service.FOLDER, weights_id)  # only now: a row without its file would be worse
