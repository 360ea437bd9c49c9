"""Files that come in pieces, over REST: a connection may be lost at any byte, and the file goes on from there."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.dependencies import AppSettings, AppStorage, Reading, Writing
from app.errors import NotReady
from app.storage import printable_name
from app.tabular.corrections import Corrections
from app.tabular.refusals import Limits
from app.uploads import service
from app.uploads.preview import HEAD_BYTES, read_preview
from app.uploads.receiving import PieceRoute
from app.uploads.schemas import NewUpload, PreviewOut, UploadOut

router = APIRouter(prefix="/uploads", tags=["uploads"])

_PIECE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=201)
def begin(
    new: NewUpload, session: Writing, storage: AppStorage, settings: AppSettings, response: Response
) -> UploadOut:
    """Announce a file. Its pieces follow; `POST /datasets` then makes a dataset of it."""
    upload = service.begin(session, storage, settings, new, printable_name(new.filename))
    response.headers["Location"] = f"/api/v1/uploads/{upload.id}"
    return service.describe(upload)


def put(upload_id: str, session: Reading, offset: Annotated[int, Query(ge=0)]) -> UploadOut:
    """The next piece, as raw bytes, from byte `offset` on. It is durable before it is answered.

    A piece that begins anywhere else is refused with 409; `offset` in the answer says where the file goes on.
    """
    return service.describe(service.find(session, upload_id))


router.add_api_route("/{upload_id}", put, methods=["PUT"], openapi_extra=_PIECE, route_class_override=PieceRoute)


@router.get("/{upload_id}")
def get(upload_id: str, session: Reading) -> UploadOut:
    """How much of a file has come: after a lost connection, it goes on at `offset`."""
    return service.describe(service.find(session, upload_id))


@router.get("/{upload_id}/preview")
def preview(
    upload_id: str,
    session: Reading,
    storage: AppStorage,
    settings: AppSettings,
    corrections: Annotated[Corrections, Query()],
) -> PreviewOut:
    """How the file seems to be written, and its first rows. What is said in the query is not guessed."""
    upload = service.find(session, upload_id)
    if upload.num_received < min(upload.size_bytes, HEAD_BYTES):
        raise NotReady(f"Too little of {upload.filename} has come to judge it.")
    limits = Limits(settings.max_upload_bytes, settings.max_field_bytes)
    return read_preview(service.place_of(storage, upload), upload, corrections.overrides(), limits)


@router.delete("/{upload_id}", status_code=204)
def cancel(upload_id: str, request: Request, session: Writing, storage: AppStorage) -> None:
    """Give a file up. What has come of it is removed."""
    upload = service.find(session, upload_id)
    session.delete(upload)
    session.flush()
    storage.remove(service.FOLDER, upload.id)
