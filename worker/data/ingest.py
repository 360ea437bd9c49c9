"""Ingestion: a file that was sent, or a dataset that is built in or generated, becomes a table with its statistics.

The table is written whole under a name of the attempt's own. It takes its place inside the fenced transaction in which
the row says it is ready, so an attempt that was given up cannot replace what another has committed. Only then the file
that was sent goes: an ingestion that dies anywhere is taken up again from the start.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from sqlalchemy import update
from sqlalchemy.orm import Session

from app import generated
from app.db import UNAVAILABLE
from app.db.tables import Dataset
from app.dialect import Dialect
from app.errors import JobFailure
from app.formats import Format
from app.queue import LeaseLost
from app.specs.columns import Column
from app.specs.sources import GeneratedSource
from app.storage import StoredFile, sync_folder
from app.tabular.set_aside import SET_ASIDE, Misfit, SetAside
from worker.data import builtin, formats, reading
from worker.data.checking import CHECKING_SHARE, RAW, check, reporter
from worker.data.statistics import describe_table
from worker.job import Cancelled, Job

CHECKED, TABLE = "upload.csv", "data.parquet"
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
            written = _write(job, dataset, file)
        if dataset.content_hash is None and (folder / RAW).exists():
            written.found.setdefault("content_hash", job.storage.describe(folder / RAW).sha256)
        _settle(job, dataset, target, written)
    finally:
        target.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Written:
    """A table that was written, and what its row is to say beside that."""

    num_rows: int
    found: dict[str, Any] = field(default_factory=dict)


def _settle(job: Job, dataset: Dataset, target: Path, written: _Written) -> None:
    """Describe the table at `target`, and put it and its row in place."""
    columns = describe_table(target, reporter(job, _READING_SHARE, 1.0, _num_columns(dataset), "columns"))
    for column in columns:
        if column.num_infinite:
            job.log(f"{column.name} holds {column.num_infinite:,} infinite values", "warning")
    stored = job.storage.describe(target)
    job.log(f"{written.num_rows:,} rows, {len(columns):,} columns")

    def commit(session: Session) -> None:
        _finish(session, dataset.id, written, columns, stored)
        if target.exists():  # else it was renamed already, by the same commit whose reply was lost
            target.replace(target.parent / TABLE)
            sync_folder(target.parent)

    job.commit(commit)


def _write(job: Job, dataset: Dataset, file: Any) -> _Written:
    """The table, into the open Parquet file. Every way in which rows come is chosen here."""
    source, payload = dataset.source, job.claim.payload
    if source["type"] in ("builtin", "generated"):
        table = pa.table(_made(source))
        return _Written(reading.write_parquet(iter(table.to_batches()), table.schema, file, lambda num_rows: None))
    found = payload.get("format", "delimited")
    folder = job.storage.path("datasets", dataset.id)
    if found != "delimited":
        return _read_other(job, folder, found, file)
    if "dialect" in payload:  # it was checked while it came
        dialect = Dialect.model_validate(payload["dialect"])
        return _Written(_convert(job, folder / CHECKED, dialect, file, 0.0))
    checked = folder / f"attempt-{job.claim.attempt}.csv"
    try:
        taken = check(job, folder, checked)
        num_rows = _convert(job, checked, taken.dialect, file, CHECKING_SHARE)
    finally:
        checked.unlink(missing_ok=True)
    described = {"type": "upload", "filename": payload["filename"], **taken.as_source()}
    found_out = {"source": described, "content_hash": taken.sha256, "num_set_aside": taken.num_set_aside}
    return _Written(num_rows, found_out)


def _read_other(job: Job, folder: Path, format: Format, file: BinaryIO) -> _Written:
    """A file that is no delimited text."""
    source = folder / RAW
    report = reporter(job, 0.0, _READING_SHARE, source.stat().st_size, "bytes")
    found = formats.read(source, job.claim.payload["filename"], format, file, report)
    for note in found.notes:
        job.log(note)
    if found.num_set_aside:
        job.log(f"{found.num_set_aside:,} parts of the file were set aside", "warning")
        with ExitStack() as files:
            kept = SetAside(lambda: files.enter_context(job.storage.writing(folder / SET_ASIDE)))
            misfits = [Misfit(*one) for one in found.set_aside]
            kept.add(misfits, found.num_set_aside - len(misfits))
    return _Written(found.num_rows, {"num_set_aside": found.num_set_aside})


def _convert(job: Job, path: Path, dialect: Dialect, file: Any, begun: float) -> int:
    return reading.convert(path, dialect, file, reporter(job, begun, _READING_SHARE, dialect.num_rows, "rows"))


def _made(source: dict[str, Any]) -> dict[str, Any]:
    if source["type"] == "generated":
        return generated.make(GeneratedSource.model_validate(source))
    return builtin.make(source["name"])


def _num_columns(dataset: Dataset) -> int:
    return len(dataset.columns or ()) or 1


def _finish(session: Session, dataset_id: str, written: _Written, columns: list[Column], stored: StoredFile) -> None:
    session.execute(
        update(Dataset)
        .where(Dataset.id == dataset_id)
        .values(
            status="ready",
            num_rows=written.num_rows,
            columns=[column.model_dump(mode="json") for column in columns],
            size_bytes=stored.size_bytes,
            table_sha256=stored.sha256,
            error=None,
            **written.found,
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
