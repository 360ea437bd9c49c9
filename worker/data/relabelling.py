"""Cells that a version relabels: a column that changes is written again, for the parts in which it does."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from app.db.tables import Dataset
from app.errors import JobFailure
from app.stored.differences import num_different
from app.stored.manifest import CHANGES, File, Manifest
from app.stored.table import StoredTable, open_table
from worker.data.changes import Change, changes_of
from worker.data.checking import reporter
from worker.data.reading import write_parquet
from worker.data.version import MAKING_SHARE, Base, Made, named
from worker.job import Job

_ROWS_AT_ONCE = 1 << 16


def relabel(job: Job, dataset: Dataset, base: Base, attempt: Path) -> Made:
    """Give cells the values that were written down; columns that change lie in files of their own in `attempt`.

    Raises JobFailure where nothing changes, and Cancelled.
    """
    table = open_table(base.place)
    asked = json.loads((job.storage.path("datasets", dataset.id) / CHANGES).read_bytes())
    changes = changes_of(base.place, table.schema, asked)
    parts, counts = list(base.manifest.parts), dict.fromkeys(changes, 0)
    report = reporter(job, 0.0, MAKING_SHARE, table.num_rows * len(changes), "rows")
    done = 0
    for name, found in changes.items():
        first = 0
        for i, part in enumerate(base.manifest.parts):
            stretch = slice(first, first := first + part.num_rows)
            if any(one.touches(stretch) for one in found):
                file, num = _superseded(job, table, name, found, stretch, attempt)
                counts[name] += num
                if num:
                    parts[i] = parts[i].model_copy(update={"columns": {**parts[i].columns, name: file}})
            report(done := done + part.num_rows)
    changed = {name for name, num in counts.items() if num}
    if not changed:
        message = "Every cell holds already what it was to be set to."
        raise JobFailure("unchanged", message, "The version before has all that this one would.")
    for name in sorted(changed):
        job.log(f"{name}: {counts[name]:,} cells changed")
    told = dataset.made or {}
    relabelled = [one | {"num_changed": counts[one["column"]]} for one in told.get("relabelled", [])]
    return Made(Manifest(parts=tuple(parts)), changed, {"made": told | {"relabelled": relabelled}})


def _superseded(
    job: Job, table: StoredTable, name: str, changes: Sequence[Change], stretch: slice, attempt: Path
) -> tuple[File, int]:
    """The rows of a column that a part has, in a file of their own with the changes; and how many cells differ."""
    num = 0

    def changed() -> Iterator[pa.RecordBatch]:
        nonlocal num
        at = stretch.start
        for batch in table.batches([name], _ROWS_AT_ONCE, stretch.start, stretch.stop):
            before = after = batch.column(0)
            for one in changes:
                after = one.applied(after, at)
            num += num_different(before, after)
            at += batch.num_rows
            yield pa.RecordBatch.from_arrays([after], schema=schema)

    schema = pa.schema([table.schema.field(name)])
    with job.storage.writing(attempt / "column.parquet") as file:
        write_parquet(changed(), schema, file, lambda num_rows: None)
    return named(job, attempt / "column.parquet"), num
