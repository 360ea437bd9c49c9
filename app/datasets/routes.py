"""Datasets over REST."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy.orm import Session

from app.datasets import service
from app.datasets.arrival import Kept
from app.datasets.receiving import Chosen, Received, ReceivingRoute, Uploaded
from app.datasets.schemas import (
    BuiltinOut,
    DatasetOut,
    DatasetPage,
    FileDefinition,
    GeneratorOut,
    RowsOut,
    StatisticsOut,
    UploadDefinition,
)
from app.datasets.searching import find_rows
from app.datasets.tables import read_rows
from app.db.tables import Dataset
from app.dependencies import AppDatabase, AppStorage, Reading, Writing
from app.errors import NotFound
from app.idempotency import before_writing
from app.specs.sources import DatasetDefinition
from app.tabular.set_aside import SET_ASIDE
from app.uploads import service as uploads

router = APIRouter(prefix="/datasets", tags=["datasets"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [DatasetDefinition.model_json_schema(), FileDefinition.model_json_schema()]}
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "definition": UploadDefinition.model_json_schema(),
                        "file": {"type": "string", "format": "binary"},
                    },
                },
                "encoding": {"definition": {"contentType": "application/json"}},
            },
        },
    }
}


def create(
    request: Request,
    database: AppDatabase,
    session: Writing,
    storage: AppStorage,
    response: Response,
    afterwards: BackgroundTasks,
) -> DatasetOut:
    """Add a dataset: a file, one that came in pieces, or one that is built in or generated.

    A table may be CSV or TSV, also gzipped, or alone in a zip archive. Delimited text is checked as it comes: rows that
    do not fit are set aside; what cannot be read is refused with its line. `definition` goes before `file`.
    """
    received: Received = request.state.received
    if isinstance(received, Uploaded):
        dataset = _add_file(session, received)
    elif isinstance(received, Chosen):
        with before_writing(request, database):
            with database.read() as reading:
                upload = uploads.find_whole(reading, received.definition.source.upload)
            found = service.lay_out_chosen(storage, received.dataset_id, upload)
        dataset = service.create_chosen(session, received.dataset_id, received.definition, found)
        afterwards.add_task(storage.remove, uploads.FOLDER, upload.id)  # else it is swept away later
    else:
        dataset = service.ensure(session, received, loc=())
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    return service.get_dataset(session, dataset.id)


def _add_file(session: Session, received: Uploaded) -> Dataset:
    taken, place = received.taken, (received.dataset_id, received.name, received.filename)
    if isinstance(taken, Kept):
        return service.create_kept(session, *place, taken)
    return service.create_uploaded(session, *place, taken)


router.add_api_route(
    "", create, methods=["POST"], status_code=201, openapi_extra=_BODY, route_class_override=ReceivingRoute
)


@router.get("")
def list_all(
    session: Reading, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> DatasetPage:
    """Datasets, newest first."""
    items, next_cursor = service.list_datasets(session, cursor=cursor, limit=limit)
    return DatasetPage(items=items, next_cursor=next_cursor)


@router.get("/builtins")
def list_builtins() -> list[BuiltinOut]:
    """The datasets that come with Traindeck."""
    return service.list_builtins()


@router.get("/generators")
def list_generators() -> list[GeneratorOut]:
    """The rules by which datasets can be made."""
    return service.list_generators()


@router.get("/{dataset_id}")
def get(dataset_id: str, session: Reading) -> DatasetOut:
    """One dataset, with all that is known of its columns."""
    return service.get_dataset(session, dataset_id)


@router.get("/{dataset_id}/rows")
def rows(
    dataset_id: str,
    database: AppDatabase,
    storage: AppStorage,
    offset: Annotated[int, Query(ge=0, lt=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    filter: Annotated[list[str], Query(max_length=20)] = [],  # noqa: B006, FastAPI copies it
    sort: Annotated[str | None, Query(max_length=300)] = None,
) -> RowsOut:
    """Some rows, in the order of the file or of a column: `sort=-age`.

    `filter=label:cat`, `age:>=30`, `note:~word`, `age:missing`; of several, all must hold.
    """
    with database.read() as session:  # not held while the table is read
        num_rows = service.find_ready(session, dataset_id).num_rows or 0
    place = storage.path("datasets", dataset_id)
    if filter or sort:
        found = find_rows(place, filter, sort, offset, limit)
        return RowsOut(**vars(found), num_rows=num_rows)
    rows = read_rows(place, offset, limit)
    numbers = list(range(offset, offset + len(rows)))
    return RowsOut(rows=rows, numbers=numbers, num_matching=num_rows, num_rows=num_rows)


@router.get("/{dataset_id}/set_aside", response_class=FileResponse)
def set_aside(dataset_id: str, session: Reading, storage: AppStorage) -> FileResponse:
    """The rows of the file that do not fit, as CSV: line, reason, and the text as it stands there, cut."""
    dataset = service.find_dataset(session, dataset_id)
    path = storage.path("datasets", dataset.id, SET_ASIDE)
    if not path.is_file():
        raise NotFound(f"Every row of {dataset.name} fits; none was set aside.")
    return FileResponse(path, media_type="text/csv", filename=SET_ASIDE)


@router.get("/{dataset_id}/statistics")
def statistics(dataset_id: str, session: Reading) -> StatisticsOut:
    """What is known of each column: type, range, mean, deviation, missing and distinct values, a histogram."""
    columns = service.columns_of(session, dataset_id)
    dataset = service.find_dataset(session, dataset_id)
    return StatisticsOut(num_rows=dataset.num_rows or 0, columns=columns)


@router.post("/{dataset_id}/cancel", status_code=202)
def cancel(dataset_id: str, session: Writing, storage: AppStorage, afterwards: BackgroundTasks) -> DatasetOut:
    """Ask for a dataset to be read no further. What is read of it is dropped, and what was sent."""
    if service.stop_reading(session, dataset_id):
        afterwards.add_task(storage.remove, "datasets", dataset_id)
    return service.get_dataset(session, dataset_id)


@router.delete("/{dataset_id}", status_code=204)
def delete(dataset_id: str, database: AppDatabase, storage: AppStorage) -> None:
    """Remove a dataset and its files, unless a run was trained on it."""
    with database.write() as session:
        service.begin_delete(session, dataset_id)
    with database.write() as session:
        service.delete_dataset(session, dataset_id)
    storage.remove("datasets", dataset_id)
