"""Datasets: make, find, describe, remove. Plain functions on a session; the caller commits."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from app import formats, generated, queue
from app.datasets import versions
from app.datasets.arrival import Kept
from app.datasets.builtin import Builtin, builtins, definition_hash
from app.datasets.schemas import BuiltinOut, DatasetOut, FileDefinition, GeneratorOut, VersionOut
from app.db import now
from app.db.tables import Dataset, Job, Run, Upload
from app.errors import Conflict, NotReady, Unprocessable
from app.formats import Format
from app.ids import new_id
from app.queue import ENDED, JobKind, JobStatus
from app.specs.base import Loc, Problem
from app.specs.columns import Column
from app.specs.sources import BuiltinSource, DatasetDefinition, GeneratedSource, UploadSource
from app.storage import Storage
from app.stored.manifest import RAW
from app.tabular.packing import format_of
from app.tabular.records import Taken
from app.uploads import service as uploads

INGESTING, READY, FAILED = "ingesting", "ready", "failed"
_NAMED_RUNS = 3
# What lists leave out of a column.
_LONG = ("values", "histogram", "top_values", "lengths", "word_lengths", "top_words")


@dataclass(frozen=True)
class Known:
    """What a run is checked against."""

    columns: list[Column]
    num_rows: int


def describe(session: Session, definition: DatasetDefinition) -> Known:
    """What a dataset holds or will hold, without making it. Raises Unprocessable, and NotReady while it is read."""
    loc: Loc = ["dataset", "source", "name"]
    if isinstance(definition.source, UploadSource):
        dataset = _uploaded(session, definition.source, loc)
        return Known(columns_of(session, dataset.id), dataset.num_rows or 0)
    return _made(definition.source, loc)[0]


def ensure(session: Session, definition: DatasetDefinition, loc: Sequence[str] = ("dataset",)) -> Dataset:
    """The dataset of that source: the one there is, or unless it is a file, a new one that is queued to be made.

    Raises Unprocessable with the place, which begins at `loc`, when there is no such source.
    """
    if isinstance(definition.source, UploadSource):
        return _uploaded(session, definition.source, [*loc, "source", "name"])
    known, version = _made(definition.source, [*loc, "source", "name"])
    source = definition.source.model_dump(mode="json")
    content_hash = definition_hash(source, version)
    return _find_sound(session, definition.name, content_hash) or _add(
        session,
        new_id(),
        {},
        name=definition.name,
        source=source,
        content_hash=content_hash,
        num_rows=known.num_rows,
        columns=[column.model_dump(mode="json") for column in known.columns],
    )


def _made(source: BuiltinSource | GeneratedSource, loc: Loc) -> tuple[Known, str]:
    """What a dataset that is made will hold, and what tells this version of it from others."""
    if isinstance(source, GeneratedSource):
        return Known(list(generated.describe(source)), source.num_rows), f"generated {generated.VERSION}"
    found = _builtin(source, loc)
    return Known(found.columns, found.num_rows), found.content_hash


def _builtin(source: BuiltinSource, loc: Loc) -> Builtin:
    if source.name not in builtins():
        message = f"there is no built-in dataset {source.name!r}; there are {', '.join(builtins())}"
        raise Unprocessable(message, errors=[Problem(loc=loc, msg=message, received=source.name)])
    return builtins()[source.name]


def _uploaded(session: Session, source: UploadSource, loc: Loc) -> Dataset:
    filename = Dataset.source["filename"].as_string()
    dataset = session.scalar(_sound().where(filename == source.name).limit(1))
    if dataset is None:
        message = f"no file {source.name!r} has been uploaded; add it under Datasets"
        raise Unprocessable(message, errors=[Problem(loc=loc, msg=message, received=source.name)])
    return dataset


def _find_sound(session: Session, name: str, content_hash: str) -> Dataset | None:
    query = _sound().where(Dataset.content_hash == content_hash, Dataset.name == name)
    return session.scalar(query.limit(1))


def _sound() -> Select[Dataset]:
    """The datasets that are ready, or may yet become so, newest first."""
    is_made = and_(Dataset.status == INGESTING, versions.may_become_ready(Job))
    return (
        select(Dataset)
        .outerjoin(Job, Dataset.job_id == Job.id)
        .where(or_(Dataset.status == READY, is_made))
        .order_by(Dataset.id.desc())
    )


def create_kept(session: Session, dataset_id: str, name: str, filename: str, kept: Kept) -> Dataset:
    """A dataset of a file that was kept as it came under that id, queued to be read."""
    source = {"type": "upload", "filename": filename, "size_bytes": kept.size_bytes, "format": kept.format}
    payload: dict[str, Any] = {"format": kept.format, "filename": filename}
    if kept.format == "zip":  # it may hold delimited text
        payload["overrides"] = asdict(kept.overrides)
    return _add(session, dataset_id, payload, name=name, source=source, content_hash=kept.sha256)


def lay_out_chosen(storage: Storage, dataset_id: str, upload: Upload) -> Format:
    """Give a file that has come in pieces a second name in the folder of a dataset that is to be; and what it seems.

    The first name is the caller's to remove once the dataset counts. Nobody's transaction waits for it.
    """
    place = storage.folder("datasets", dataset_id) / RAW
    uploads.give_second_name(storage, upload, place)
    with place.open("rb") as file:
        return format_of(file.read(formats.HEAD_BYTES), upload.filename)


def create_chosen(session: Session, dataset_id: str, definition: FileDefinition, found: Format) -> Dataset:
    """A dataset of such a file, of which a format was found, queued to be checked and read. Raises NotFound."""
    upload = uploads.find_whole(session, definition.source.upload)
    source = {"type": "upload", "filename": upload.filename, "size_bytes": upload.size_bytes}
    payload: dict[str, Any] = {"format": found, "filename": upload.filename}
    if found in ("delimited", "zip"):  # a zip may hold such a file
        payload["overrides"] = asdict(definition.source.overrides())
    if found != "delimited":
        source["format"] = found
    dataset = _add(session, dataset_id, payload, name=definition.name, source=source)
    session.delete(upload)
    session.flush()
    return dataset


def create_uploaded(session: Session, dataset_id: str, name: str, filename: str, taken: Taken) -> Dataset:
    """A dataset of a file that was taken in under that id, queued to be read."""
    dialect = taken.dialect
    source = {"type": "upload", "filename": filename, **taken.as_source()}
    payload = {"dialect": dialect.model_dump(mode="json")}
    values = {"name": name, "source": source, "content_hash": taken.sha256, "num_set_aside": taken.num_set_aside}
    return _add(session, dataset_id, payload, **values)


def _add(session: Session, dataset_id: str, payload: dict[str, Any], **values: Any) -> Dataset:
    job_id = queue.enqueue(session, JobKind.INGEST, {"dataset_id": dataset_id, **payload})
    dataset = Dataset(id=dataset_id, status=INGESTING, job_id=job_id, created_at=now(), **values)
    session.add(dataset)
    session.flush()
    return dataset


find_dataset = versions.find_dataset  # as other features know it


def find_ready(session: Session, dataset_id: str) -> Dataset:
    """The row of that id, whose table can be read. Raises NotFound and NotReady."""
    dataset = find_dataset(session, dataset_id)
    if dataset.status != READY or dataset.num_rows is None:
        raise NotReady(f"The dataset {dataset.name} has not been read.")
    return dataset


def refuse_failed(session: Session, dataset: Dataset) -> None:
    """Raises Conflict, with the reason, when a dataset will never be ready."""
    job = session.get(Job, dataset.job_id) if dataset.job_id else None
    status, error = _state(dataset, job)
    if status == FAILED:
        reason = (error or {}).get("message")
        raise Conflict(f"The dataset {dataset.name} could not be read, so it has no rows.", hint=reason)


def columns_of(session: Session, dataset_id: str) -> list[Column]:
    """What is known of a dataset's columns.

    Raises NotFound, Conflict when reading it failed, and NotReady until it is read.
    """
    dataset = find_dataset(session, dataset_id)
    refuse_failed(session, dataset)
    if dataset.columns is None:
        raise NotReady(f"The dataset {dataset.name} is still being read; try again in a few seconds.")
    return [Column.model_validate(column) for column in dataset.columns]


def get_dataset(session: Session, dataset_id: str) -> DatasetOut:
    """A dataset with everything that is known of its columns. Raises NotFound."""
    dataset = find_dataset(session, dataset_id)
    job = session.get(Job, dataset.job_id) if dataset.job_id else None
    return _out(dataset, job, dataset.columns or [])


def list_datasets(
    session: Session, *, cursor: str | None = None, limit: int = 50
) -> tuple[list[DatasetOut], str | None]:
    """Datasets, newest first, from after `cursor`; and the cursor of the next page, None at the end.

    Of each, the newest version that is ready; where none is, the newest.
    """
    query = select(Dataset, Job).outerjoin(Job, Dataset.job_id == Job.id).where(versions.stands_for_family())
    query = query.order_by(Dataset.id.desc()).limit(limit + 1)
    if cursor:
        query = query.where(Dataset.id < cursor)
    rows = list(session.execute(query))
    items = [_out(dataset, job, [_brief(column) for column in dataset.columns or []]) for dataset, job in rows[:limit]]
    return items, items[-1].id if len(rows) > limit else None


def list_versions(session: Session, dataset_id: str) -> list[VersionOut]:
    """Every version of a dataset's family, the newest first; what each alone holds is left to whoever sees the files.

    Raises NotFound.
    """
    family = versions.family_of(session, find_dataset(session, dataset_id))
    return [
        VersionOut(
            id=one.id,
            version=one.version,
            status=_state(one, job)[0],
            num_rows=one.num_rows,
            size_bytes=one.size_bytes,
            own_bytes=0,
            made=one.made,
            created_at=one.created_at,
        )
        for one, job in family
    ]


def list_builtins() -> list[BuiltinOut]:
    """The datasets that can be made by name."""
    return [
        BuiltinOut(name=name, title=one.title, num_rows=one.num_rows, num_columns=len(one.columns))
        for name, one in builtins().items()
    ]


def list_generators() -> list[GeneratorOut]:
    """The rules by which datasets can be made."""
    return [GeneratorOut(name=name, title=title) for name, title in generated.titles().items()]


def stop_reading(session: Session, dataset_id: str) -> bool:
    """Ask whoever reads a dataset to stop, or nobody to begin; one that has been read stays. Raises NotFound.

    Tells whether nobody has begun, so that its files are the caller's to remove once this is committed.
    """
    dataset = find_dataset(session, dataset_id)
    job = session.get(Job, dataset.job_id) if dataset.job_id else None
    if job is None or job.status in ENDED:
        return False
    status = queue.cancel(session, job.id)
    session.expire(job)
    return status is JobStatus.CANCELLED and unread_of(session, job.id) is not None


def unread_of(session: Session, job_id: str) -> str | None:
    """The dataset that a job which is over was to read and has not: nobody needs its files any more."""
    return session.scalar(select(Dataset.id).where(Dataset.job_id == job_id, Dataset.status == INGESTING))


def begin_delete(session: Session, dataset_id: str) -> None:
    """Stop the reading of a dataset that is to be deleted. Raises NotFound, and Conflict while a run uses it."""
    _refuse_if_used(session, find_dataset(session, dataset_id))
    stop_reading(session, dataset_id)


def delete_dataset(session: Session, dataset_id: str) -> None:
    """Forget a dataset, one version of it; its files are the caller's to remove afterwards.

    Raises NotFound, and Conflict while a run uses it, a worker reads it or a version is made of it.
    """
    dataset = find_dataset(session, dataset_id, hold=True)  # whoever begins a version of it waits, and finds it gone
    _refuse_if_used(session, dataset)
    job = session.get(Job, dataset.job_id) if dataset.job_id else None
    if job is not None and job.status == JobStatus.QUEUED:
        if queue.cancel(session, job.id) is not JobStatus.CANCELLED:
            raise NotReady(f"A worker has just begun to read the dataset {dataset.name}; try again in a few seconds.")
    elif job is not None and job.status not in ENDED:
        raise NotReady(f"The dataset {dataset.name} is still being read; delete it in a few seconds.")
    session.delete(dataset)
    session.flush()
    if job is not None:
        session.delete(job)
        session.flush()


def _refuse_if_used(session: Session, dataset: Dataset) -> None:
    versions.refuse_if_in_use(session, dataset)
    query = select(Run.name).where(Run.dataset_id == dataset.id).order_by(Run.id.desc()).limit(_NAMED_RUNS + 1)
    names = list(session.scalars(query))
    if names:
        listed = ", ".join(names[:_NAMED_RUNS]) + (" and others" if len(names) > _NAMED_RUNS else "")
        message = f"Runs were trained on the dataset {dataset.name}: {listed}."
        raise Conflict(message, hint="Delete these runs first.")


def _brief(column: dict[str, Any]) -> dict[str, Any]:
    return {**column, **dict.fromkeys(_LONG)}


def _out(dataset: Dataset, job: Job | None, columns: list[dict[str, Any]]) -> DatasetOut:
    status, error = _state(dataset, job)
    return DatasetOut(
        id=dataset.id,
        name=dataset.name,
        family_id=dataset.family_id,
        version=dataset.version,
        made=dataset.made,
        status=status,
        num_rows=dataset.num_rows,
        num_set_aside=dataset.num_set_aside,
        num_columns=None if dataset.columns is None else len(columns),
        columns=columns,
        source=dataset.source,
        content_hash=dataset.content_hash,
        size_bytes=dataset.size_bytes,
        created_at=dataset.created_at,
        error=error,
        job_id=dataset.job_id,
    )


def _state(dataset: Dataset, job: Job | None) -> tuple[str, dict[str, Any] | None]:
    """Where a dataset stands: one whose ingestion ended without a word (it crashed, it was cancelled) has failed."""
    ended_badly = job is not None and job.status in (JobStatus.FAILED, JobStatus.CANCELLED)
    if dataset.status != INGESTING or job is None or not ended_badly:
        return dataset.status, dataset.error
    if job.status == JobStatus.CANCELLED:
        hint = "Nothing of it was kept. To have it after all, add it again."
        return FAILED, {"kind": "cancelled", "message": "Reading it was cancelled.", "hint": hint}
    return FAILED, job.error or {"kind": "failed", "message": "Reading it has failed.", "hint": "Add it again."}
