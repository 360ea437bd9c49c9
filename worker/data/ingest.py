"""Ingestion: a file that was sent, or a dataset that is built in, becomes a typed table with its statistics.

The table is written whole under a name of the attempt's own. It takes its place inside the fenced transaction in which
the row says it is ready, so an attempt that was given up cannot replace what another has committed. Only then the file
that was sent goes: an ingestion that dies anywhere is taken up again from the start.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db import UNAVAILABLE
from app.db.tables import Dataset
from app.dialect import Dialect
from app.errors import JobFailure
from app.queue import LeaseLost
from app.specs.columns import Column
from app.storage import StoredFile, sync_folder
from app.tabular.set_aside import SET_ASIDE
from worker.data import builtin, reading
from worker.data.statistics import describe_table
from worker.job import Cancelled, Job

UPLOAD, TABLE = "upload.csv", "data.parquet"
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
            _ingest(job, dataset)
    except (Cancelled, LeaseLost, *UNAVAILABLE):
        raise  # the file is still needed: another attempt will read it
    except Exception as error:
        _fail(job, dataset_id, _in_words(error))
        raise
    _clean_up(job.storage.path("datasets", dataset_id))


def _ingest(job: Job, dataset: Dataset) -> None:
    folder = job.storage.folder("datasets", dataset.id)
    target = folder / f"attempt-{job.claim.attempt}.parquet"
    try:
        with job.storage.writing(target) as file:
            num_rows = _write(job, dataset, file)
        _settle(job, dataset, target, num_rows)
    finally:
        target.unlink(missing_ok=True)


def _settle(job: Job, dataset: Dataset, target: Path, num_rows: int) -> None:
    """Describe the table at `target`, and put it and its row in place."""
    columns = describe_table(target, _reporter(job, _READING_SHARE, 1.0, _num_columns(dataset), "columns"))
    for column in columns:
        if column.num_infinite:
            job.log(f"{column.name} holds {column.num_infinite:,} infinite values", "warning")
    stored = job.storage.describe(target)
    job.log(f"{num_rows:,} rows, {len(columns):,} columns")

    def commit(session: Session) -> None:
        _finish(session, dataset.id, num_rows, columns, stored)
        if target.exists():  # else it was renamed already, by the same commit whose reply was lost
            target.replace(target.parent / TABLE)
            sync_folder(target.parent)

    job.commit(commit)


def _write(job: Job, dataset: Dataset, file: Any) -> int:
    source = dataset.source
    if source["type"] == "builtin":
        table = pa.table(builtin.make(source["name"]))
        return reading.write_parquet(iter(table.to_batches()), table.schema, file, lambda num_rows: None)
    dialect = Dialect.model_validate(job.claim.payload["dialect"])
    path = job.storage.path("datasets", dataset.id, UPLOAD)
    return reading.convert(path, dialect, file, _reporter(job, 0.0, _READING_SHARE, dialect.num_rows, "rows"))


def _num_columns(dataset: Dataset) -> int:
    return len(dataset.columns or ()) or 1


def _reporter(job: Job, start: float, end: float, total: int, unit: str) -> Callable[[int], None]:
    """Tells how far it is, and stops when asked to."""

    def report(done: int) -> None:
        if job.requested:
            raise Cancelled
        job.progress({"share": start + (end - start) * min(1.0, done / max(1, total)), unit: done})

    return report


def _finish(session: Session, dataset_id: str, num_rows: int, columns: list[Column], stored: StoredFile) -> None:
    session.execute(
        update(Dataset)
        .where(Dataset.id == dataset_id)
        .values(
            status="ready",
            num_rows=num_rows,
            columns=[column.model_dump(mode="json") for column in columns],
            size_bytes=stored.size_bytes,
            table_sha256=stored.sha256,
            error=None,
        )
    )


def _in_words(error: Exception) -> dict[str, Any]:
    if isinstance(error, JobFailure):
        return error.as_error()
    return {
        "kind": "error",
        "message": f"The table cannot be made: {error}",
        "hint": "The log of its ingestion has the details.",
    }


def _fail(job: Job, dataset_id: str, error: dict[str, Any]) -> None:
    failed = update(Dataset).where(Dataset.id == dataset_id).values(status="failed", error=error)
    job.commit(lambda session: session.execute(failed))
    job.storage.remove("datasets", dataset_id)


def _clean_up(folder: Path) -> None:
    """Remove what is not needed once the table is there: the file that was sent, and what an earlier attempt left."""
    for path in folder.iterdir():
        if path.name not in (TABLE, SET_ASIDE):
            path.unlink(missing_ok=True)
