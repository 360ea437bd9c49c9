"""The table of a dataset, as one file to take away."""

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response, StreamingResponse

from app.datasets import service
from app.datasets.tables import write_whole
from app.dependencies import AppDatabase, AppStorage
from app.stored.manifest import TABLE, read_manifest

router = APIRouter(prefix="/datasets", tags=["datasets"])

_TYPE = "application/vnd.apache.parquet"
_BYTES_AT_ONCE = 1 << 20


@router.get("/{dataset_id}/table", response_class=FileResponse)
def table(dataset_id: str, database: AppDatabase, storage: AppStorage) -> Response:
    """The whole table as Parquet: every row and column, in their order and types."""
    with database.read() as session:  # not held while the table is read
        service.find_ready(session, dataset_id)
    place = storage.path("datasets", dataset_id)
    if read_manifest(place) is None:
        return FileResponse(place / TABLE, media_type=_TYPE, filename="table.parquet")
    file = tempfile.TemporaryFile(dir=storage.data_dir)  # noqa: SIM115, it has no name, and is closed once it is sent
    try:
        write_whole(place, file)
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": 'attachment; filename="table.parquet"', "Content-Length": str(file.tell())}
    return StreamingResponse(_pieces(file), media_type=_TYPE, headers=headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_BYTES_AT_ONCE):
            yield piece
