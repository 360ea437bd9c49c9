"""Ingestion: a file that was sent, or a dataset that is built in or generated, becomes a table with its statistics.

The table is written whole under a name of the attempt's own. It takes its place inside the fenced transaction in which
the row says it is ready, so an attempt that was given up cannot replace what another has committed. Only then the file
that was sent goes: an ingestion that dies anywhere is taken up again from the start.
"""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import generated
from app.db import UNAVAILABLE
from app.db.tables import Dataset
from app.errors import JobFailure, is_disk_full
from app.queue import LeaseLost, Request
from app.specs.sources import GeneratedSource
from app.storage import sync_folder
from app.stored.manifest import MANIFEST, RAW, TABLE, read_manifest
from app.tabular.set_aside import SET_ASIDE
from worker.data import builtin, reading, versions
from worker.data.arriving import Written, write_file
from worker.data.checking import reporter
from worker.data.formats.fields import image_field
from worker.data.settling import mark_ready
from worker.data.statistics import describe_table
from worker.job import Cancelled, Job

_READING_SHARE = 0.7  # of the work; the rest is statistics


def run(job: Job) -> None:
    """Ingest the dataset that the job names. Raises JobFailure, and Cancelled when asked to stop."""
    dataset_id = job.claim.payload["dataset_id"]
    with job.db.read() as session:
        dataset = session.get(Dataset, dataset_id)
    if dataset is None:
        raise JobFailure("gone", "The dataset was deleted before it was read.")
    try:
        if dataset.status != "ready":
            make = versions.make if "version" in job.claim.payload else _ingest
            make(job, dataset)
    except Cancelled:
        if job.requested == Request.CANCEL:  # else the file is still needed: another attempt will read it
            job.storage.remove("datasets", dataset_id)
        raise
    except (LeaseLost, *UNAVAILABLE):
        raise  # as above
    except Exception as error:
        told = _disk_full() if is_disk_full(error) else error
        _fail(job, dataset_id, _in_words(told))
        if told is not error:
            raise told from error
        raise
    _clean_up(job.storage.path("datasets", dataset_id))


def _ingest(job: Job, dataset: Dataset) -> None:
    folder = job.storage.folder("datasets", dataset.id)
    target = folder / f"attempt-{job.claim.attempt}.parquet"
    try:
        with job.storage.writing(target) as file:
            written = _write(job, dataset, file)
        is_hashed = dataset.content_hash is not None or "content_hash" in written.found
        if not is_hashed and (folder / RAW).exists():
            written.found["content_hash"] = job.storage.describe(folder / RAW).sha256
        _settle(job, dataset, target, written)
    finally:
        target.unlink(missing_ok=True)


def _settle(job: Job, dataset: Dataset, target: Path, written: Written) -> None:
    """Describe the table at `target`, and put it and its row in place."""
    columns = describe_table(target, reporter(job, _READING_SHARE, 1.0, _num_columns(dataset), "columns"))
    for column in columns:
        if column.num_infinite:
            job.log(f"{column.name} holds {column.num_infinite:,} infinite values", "warning")
    stored = job.storage.describe(target)
    job.log(f"{written.num_rows:,} rows, {len(columns):,} columns")

    def commit(session: Session) -> None:
        values = {"num_rows": written.num_rows, "size_bytes": stored.size_bytes, "table_sha256": stored.sha256}
        mark_ready(session, dataset.id, columns, **values, **written.found)
        if target.exists():  # else it was renamed already, by the same commit whose reply was lost
            target.replace(target.parent / TABLE)
            sync_folder(target.parent)

    job.commit(commit)


def _write(job: Job, dataset: Dataset, file: Any) -> Written:
    """The table, into the open Parquet file. Every way in which rows come is chosen here."""
    source, payload = dataset.source, job.claim.payload
    if source["type"] in ("builtin", "generated"):
        table = table_of(_made(source))
        return Written(reading.write_parquet(iter(table.to_batches()), table.schema, file, lambda num_rows: None))
    folder = job.storage.path("datasets", dataset.id)
    return write_file(job, folder, payload, file, (0.0, _READING_SHARE))


def table_of(columns: dict[str, Any]) -> pa.Table:
    """Columns (N,) of numpy as a table; objects are encoded images."""
    fields = {name: image_field(name) for name, values in columns.items() if values.dtype == object}
    arrays = [pa.array(values) for values in columns.values()]
    found = zip(columns, arrays, strict=True)
    return pa.table(arrays, pa.schema([fields.get(name, pa.field(name, one.type)) for name, one in found]))


def _made(source: dict[str, Any]) -> dict[str, Any]:
    if source["type"] == "generated":
        return generated.make(GeneratedSource.model_validate(source))
    return builtin.make(source["name"])


def _num_columns(dataset: Dataset) -> int:
    return len(dataset.columns or ()) or 1


def _in_words(error: Exception) -> dict[str, Any]:
    if isinstance(error, JobFailure):
        return error.as_error()
    return {
        "kind": "error",
        "message": f"The table cannot be made: {error}",
        "hint": "The log of its ingestion has the details.",
    }


def _disk_full() -> JobFailure:
    message = "The disk on which the table is written is full."
    hint = "Make room, for example by deleting datasets or runs that nobody needs; then add it again."
    return JobFailure("disk_full", message, hint)


def _fail(job: Job, dataset_id: str, error: dict[str, Any]) -> None:
    failed = update(Dataset).where(Dataset.id == dataset_id).values(status="failed", error=error)
    job.commit(lambda session: session.execute(failed))
    job.storage.remove("datasets", dataset_id)


def _clean_up(folder: Path) -> None:
    """Remove what is not needed once the table is there: what was sent, and what an earlier attempt left."""
    manifest = read_manifest(folder)
    kept = {TABLE, SET_ASIDE, MANIFEST, *(file.name for file in (manifest.files if manifest else ()))}
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in kept:
            path.unlink(missing_ok=True)
