"""Versions of a dataset over REST: what is added or relabelled makes the next one."""

from fastapi import APIRouter, BackgroundTasks, Request, Response

from app.datasets import service, versions
from app.datasets.changes import between
from app.datasets.schemas import ChangesOut, DatasetOut, VersionDefinition, VersionOut
from app.db import Database
from app.db.tables import Dataset
from app.dependencies import AppDatabase, AppSettings, AppStorage, Writing
from app.errors import NotFound, Unprocessable
from app.idempotency import before_writing
from app.ids import new_id
from app.settings import Settings
from app.specs.base import Problem
from app.specs.columns import Column
from app.storage import Storage
from app.uploads import service as uploads

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.post("/{dataset_id}/versions", status_code=201)
def create(
    request: Request,
    dataset_id: str,
    body: VersionDefinition,
    database: AppDatabase,
    session: Writing,
    storage: AppStorage,
    settings: AppSettings,
    response: Response,
    afterwards: BackgroundTasks,
) -> DatasetOut:
    """Make the next version: add the rows of files that came in pieces, or relabel cells. A worker writes it.

    It shares what does not change with this one, which must be the newest of its family.
    """
    version_id = new_id()
    try:
        with before_writing(request, database):
            laid = _lay_out(database, storage, settings, dataset_id, version_id, body)
        dataset = versions.begin_version(session, version_id, laid)
    except BaseException:
        storage.remove("datasets", version_id)
        raise
    for upload_id in laid.uploads:
        afterwards.add_task(storage.remove, uploads.FOLDER, upload_id)  # else it is swept away later
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    return service.get_dataset(session, dataset.id)


def _lay_out(
    database: Database,
    storage: Storage,
    settings: Settings,
    dataset_id: str,
    version_id: str,
    definition: VersionDefinition,
) -> versions.Laid:
    """What the version is to be made of. No session is held while the table or a file is read."""
    with database.read() as session:
        service.find_ready(session, dataset_id)
        base, used = versions.look_at(session, dataset_id, definition)
    _refuse_idle(storage, dataset_id, versions.filters_of(definition))
    return versions.lay_out(storage, settings, version_id, base, used, definition)


def _refuse_idle(storage: Storage, dataset_id: str, asked: list[tuple[int, list[str]]]) -> None:
    """Raises Unprocessable where a filter cannot be read, or where no row matches it."""
    if not asked:
        return
    from app.stored.searching import matching  # pyarrow and DuckDB take a quarter of a second

    for place, filters in asked:
        if not matching(storage.path("datasets", dataset_id), filters).any():
            problem = Problem(loc=["relabel", place, "filter"], msg="no row matches", received="; ".join(filters))
            raise Unprocessable(f"No row matches {'; '.join(filters)}.", errors=[problem])


@router.get("/{dataset_id}/versions")
def list_all(dataset_id: str, database: AppDatabase, storage: AppStorage) -> list[VersionOut]:
    """Every version of the dataset's family, the newest first, and what deleting each would free."""
    with database.read() as session:
        found = service.list_versions(session, dataset_id)
    return [one.model_copy(update={"own_bytes": storage.own_size("datasets", one.id)}) for one in found]


@router.get("/{dataset_id}/changes")
def changes(dataset_id: str, database: AppDatabase, storage: AppStorage, since: str | None = None) -> ChangesOut:
    """What tells this version from an older one, `since`; without it, from the newest of the older ones.

    Cells are compared in columns that do not lie in the same files; the others cannot have changed.
    """
    with database.read() as session:
        newer = service.find_ready(session, dataset_id)
        older = _older(newer, [one for one, _ in versions.family_of(session, newer)], since)
    columns = [[Column.model_validate(column) for column in one.columns or []] for one in (older, newer)]
    places = [storage.path("datasets", one.id) for one in (older, newer)]
    num_added, found = between(places[0], places[1], columns[0], columns[1])
    return ChangesOut(since=older.version, version=newer.version, num_added=num_added, columns=found)


def _older(newer: Dataset, family: list[Dataset], since: str | None) -> Dataset:
    ready = [one for one in family if one.version < newer.version and one.status == service.READY]
    found = next((one for one in ready if since in (None, one.id)), None)
    if found is None and since is None:
        raise NotFound(f"There is no version of {newer.name} before {newer.version}.")
    if found is None:
        message = f"{since} is no older version of {newer.name} that is ready"
        raise Unprocessable(f"{message}.", errors=[Problem(loc=["query", "since"], msg=message, received=since)])
    return found
