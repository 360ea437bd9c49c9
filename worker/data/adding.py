"""Rows that a version adds: files are read as they always are, fitted to the table's columns, and become parts."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from app.db.tables import Dataset
from app.errors import JobFailure
from app.marks import mark_of, shape_of
from app.stored.columns import HINT, lacking, listed, unlike
from app.stored.manifest import Manifest, TablePart
from app.stored.table import StoredTable, open_table
from app.tabular.set_aside import SET_ASIDE
from worker.data.arriving import write_file
from worker.data.checking import reporter
from worker.data.formats.fields import GROUP_BYTES, GROUP_ROWS, open_writer
from worker.data.version import MAKING_SHARE, Base, Made, named
from worker.job import Job

_READING_SHARE = 0.8  # of the making


def add_rows(job: Job, dataset: Dataset, base: Base, folder: Path, attempt: Path) -> Made:
    """Add the rows of the files in `folder` as parts in `attempt`. Raises JobFailure, and Cancelled."""
    payloads = job.claim.payload["version"]["files"]
    schema = open_table(base.place).schema
    texts = {field.name for field in schema if pa.types.is_string(field.type)}
    parts, added = list(base.manifest.parts), []
    step = MAKING_SHARE / len(payloads)
    for i, payload in enumerate(payloads):
        source, raw = folder / f"added-{i}", attempt / "read.parquet"
        with job.storage.writing(raw) as file:
            written = write_file(job, source, payload, file, (i * step, (i + _READING_SHARE) * step), texts)
        report = reporter(job, (i + _READING_SHARE) * step, (i + 1) * step, written.num_rows, "rows")
        parts += _fitted(job, raw, payload["filename"], schema, attempt, report)
        num_set_aside = written.found.get("num_set_aside", 0)
        added.append(
            {"filename": payload["filename"], "num_rows": written.num_rows, "num_set_aside": num_set_aside}
            | {key: value for key, value in written.found.get("source", {}).items() if key in ("notes", "encoding")}
        )
        _take_set_aside(source / SET_ASIDE, attempt / SET_ASIDE)
    manifest = Manifest(parts=tuple(parts))
    num_added = manifest.num_rows - base.manifest.num_rows
    if not num_added:
        raise JobFailure("unchanged", "There are no rows in what was to be added.", "Look at what was set aside.")
    job.log(f"{num_added:,} rows were added to {base.manifest.num_rows:,}")
    made = (dataset.made or {}) | {"added": added}
    return Made(manifest, None, {"made": made, "num_set_aside": sum(one["num_set_aside"] for one in added)})


def _fitted(
    job: Job, raw: Path, filename: str, schema: pa.Schema, attempt: Path, report: Callable[[int], None]
) -> Iterator[TablePart]:
    """The rows of the file at `raw` as a part with the columns of `schema`: as it is, or written anew.

    Raises JobFailure where they are others. A file without rows is no part.
    """
    table = open_table(raw)
    how = unlike(table.schema.names, schema.names)
    if how is not None:
        raise JobFailure("other_columns", f"{filename} has other columns than the dataset: it {how}.", HINT)
    lacks = lacking(table.schema.names, schema.names)
    if lacks:
        job.log(f"{filename} lacks {listed(lacks)}: missing values in its rows", "warning")
    if not table.num_rows:
        return
    if [_sort_of(field) for field in table.schema] != [_sort_of(field) for field in schema]:
        target = attempt / "fitted.parquet"
        with job.storage.writing(target) as file, open_writer(file, schema) as writer:
            done = 0
            for batch in table.batches(table.schema.names, _rows_at_once(table)):
                writer.write_batch(_cast(batch, schema, filename))
                report(done := done + batch.num_rows)
        raw = target
    yield TablePart(file=named(job, raw), num_rows=table.num_rows)


def _sort_of(field: pa.Field) -> tuple[Any, ...]:
    return field.name, field.type, _mark_of(field)


def _mark_of(field: pa.Field) -> tuple[Any, ...]:
    """What a column holds that is no plain value; that words are classes, the table says as a whole."""
    match mark_of(field):
        case "image":
            return ("image",)
        case "array":
            return ("array", *shape_of(field))
    return ()


def _rows_at_once(table: StoredTable) -> int:
    """As many rows as make a row group that is no larger than those of a file that was read."""
    row_bytes = sum(table.num_bytes(name) for name in table.schema.names) // max(1, table.num_rows)
    return max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, row_bytes)))


def _cast(batch: pa.RecordBatch, schema: pa.Schema, filename: str) -> pa.RecordBatch:
    """The same rows as in the table; what they lack is missing. Raises JobFailure with a column that does not fit."""
    arrays = []
    for field in schema:
        if field.name not in batch.schema.names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        found = batch.schema.field(field.name)
        try:
            if _mark_of(found) != _mark_of(field):
                raise pa.ArrowInvalid("images and arrays of a shape are not made of anything else")
            arrays.append(batch.column(field.name).cast(field.type))
        except pa.ArrowException as error:
            message = f"The column {field.name!r} of {filename} is {found.type}, and the dataset's is {field.type}"
            reason = (str(error).splitlines() or [""])[0]
            hint = "Write it as the dataset has it, or make a dataset of its own."
            raise JobFailure("other_columns", f"{message}: {reason}.", hint) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _take_set_aside(source: Path, target: Path) -> None:
    """What did not fit, behind what did not fit of the files before; the heading once."""
    if not source.is_file():
        return
    is_first = not target.exists()
    with source.open("rb") as rows, target.open("ab") as file:
        if not is_first:
            rows.readline()
        shutil.copyfileobj(rows, file, 1 << 20)
