"""Files of weights: keep, find, forget. Plain functions on a session; the caller commits.

Whether a file is one is judged by how it begins: it is read by the worker alone, which takes nothing of it but tensors.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Upload, WeightsFile
from app.errors import NotFound, Unsupported
from app.ids import new_id
from app.storage import Storage, StoredFile
from app.uploads import service as uploads
from app.weights.schemas import Format, WeightsOut

FOLDER = "weights"
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"  # how torch.save has written files since version 1.6, and before
_HEADER_BYTES = 100 << 20  # of safetensors, at most: its own limit


@dataclass(frozen=True)
class LaidOut:
    """A file at its place, whose row is still to be committed."""

    id: str
    format: Format
    file: StoredFile


def lay_out(storage: Storage, upload: Upload) -> LaidOut:
    """Give a file that has come in pieces a place here too. Raises Unsupported where it does not begin as weights do.

    Its first place is the caller's to remove once the weights count. Nobody's transaction waits for the hashing.
    """
    found = _format_of(uploads.place_of(storage, upload))
    weights_id = new_id()
    place = storage.folder(FOLDER) / weights_id
    uploads.give_second_name(storage, upload, place)
    return LaidOut(weights_id, found, storage.describe(place))


def _format_of(path: Path) -> Format:
    """By how it begins. Of safetensors that is a length, which may look like a pickle: so it is asked first."""
    with path.open("rb") as file:
        head = file.read(9)
    length, most = int.from_bytes(head[:8], "little"), min(_HEADER_BYTES, path.stat().st_size - 8)
    if 2 <= length <= most and head[8:] == b"{":
        return "safetensors"
    if head.startswith((_ZIP, _PICKLE)):
        return "pth"
    raise Unsupported(
        "This is no file of weights.", hint="Safetensors are read, and what torch.save writes of a state_dict."
    )


def create(session: Session, upload_id: str, name: str | None, laid: LaidOut) -> WeightsFile:
    """The row of a file that is laid out; the upload is used up. Raises NotFound."""
    upload = uploads.find_whole(session, upload_id)
    row = WeightsFile(
        id=laid.id,
        name=name or upload.filename,
        format=laid.format,
        size_bytes=laid.file.size_bytes,
        sha256=laid.file.sha256,
        created_at=now(),
    )
    session.add(row)
    session.delete(upload)
    session.flush()
    return row


def find(session: Session, weights_id: str) -> WeightsFile:
    """The row of that id. Raises NotFound."""
    row = session.get(WeightsFile, weights_id)
    if row is None:
        raise NotFound(f"There are no weights {weights_id}.")
    return row


def list_all(session: Session, *, cursor: str | None, limit: int) -> tuple[list[WeightsOut], str | None]:
    """Files, newest first, from after `cursor`; and the cursor of the next page, None at the end."""
    query = select(WeightsFile).order_by(WeightsFile.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(WeightsFile.id < cursor)
    rows = list(session.scalars(query))
    return [describe(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None


def describe(row: WeightsFile) -> WeightsOut:
    """What is told of it."""
    return WeightsOut.model_validate(row, from_attributes=True)
