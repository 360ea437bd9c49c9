"""Files that come in pieces: begin, find, forget, sweep away. Plain functions on a session; the caller commits."""

from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db import Database, now
from app.db.tables import Upload
from app.errors import Conflict, NotFound, TooLarge
from app.settings import Settings
from app.specs.base import Problem
from app.storage import Storage
from app.tabular.refusals import size
from app.uploads.schemas import NewUpload, UploadOut

FOLDER = "uploads"
KEPT_S = 24 * 3600.0  # after the last piece


class Incomplete(Conflict):
    """The file is not whole yet."""


def begin(session: Session, storage: Storage, settings: Settings, new: NewUpload, filename: str) -> Upload:
    """Expect a file. Raises TooLarge."""
    if new.size_bytes > settings.max_upload_bytes:
        limit = size(settings.max_upload_bytes)
        problem = Problem(loc=["body", "size_bytes"], msg=f"larger than {limit}", received=new.size_bytes)
        raise TooLarge(f"The file is larger than {limit}.", errors=[problem])
    upload = Upload(filename=filename, size_bytes=new.size_bytes, num_received=0, created_at=now(), touched_at=now())
    session.add(upload)
    session.flush()
    storage.folder(FOLDER)
    storage.write(place_of(storage, upload), b"")
    return upload


def find(session: Session, upload_id: str) -> Upload:
    """The row of that id. Raises NotFound."""
    upload = session.get(Upload, upload_id)
    if upload is None:
        raise NotFound(f"There is no upload {upload_id}.", hint="One that nobody goes on with is removed after a day.")
    return upload


def find_whole(session: Session, upload_id: str) -> Upload:
    """The same of a file that is whole. Raises Incomplete too."""
    upload = find(session, upload_id)
    if upload.num_received < upload.size_bytes:
        raise Incomplete(f"Of {upload.filename}, {upload.num_received:,} of {upload.size_bytes:,} bytes have come.")
    return upload


def place_of(storage: Storage, upload: Upload) -> Path:
    """Where its bytes lie."""
    return storage.path(FOLDER, upload.id)


def give_second_name(storage: Storage, upload: Upload, place: Path) -> None:
    """Let its file be found at `place` too. Raises NotFound where somebody has given it up meanwhile."""
    try:
        storage.link(place_of(storage, upload), place)
    except FileNotFoundError as error:
        raise NotFound(f"There is no upload {upload.id} any more.") from error


def describe(upload: Upload) -> UploadOut:
    """What is told of it."""
    return UploadOut(
        id=upload.id,
        filename=upload.filename,
        size_bytes=upload.size_bytes,
        offset=upload.num_received,
        created_at=upload.created_at,
    )


def sweep(database: Database, storage: Storage, *, kept_s: float = KEPT_S) -> int:
    """Remove files that nobody has gone on with, and those whose row is gone. Returns how many."""
    with database.read() as session:
        before = session.scalars(select(now() - kept_s)).one()
        touched = {row.id: row.touched_at for row in session.execute(select(Upload.id, Upload.touched_at))}
    old = {upload_id for upload_id, touched_at in touched.items() if touched_at < before}
    if old:
        with database.write() as session:
            session.execute(delete(Upload).where(Upload.id.in_(old), Upload.touched_at < before))
    folder = storage.path(FOLDER)
    left = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    gone = [path for path in left if path.name in old or (path.name not in touched and path.stat().st_mtime < before)]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
