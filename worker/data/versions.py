"""The next version of a dataset: rows are added or cells relabelled, and what stays is shared.

Everything is laid out in a folder of the attempt's own: the files of the version before under a second name, those
that are new, and the list of parts. It takes its place inside the fenced transaction in which the row says it is ready.
So an attempt that dies leaves nothing that anyone would read, and the next one begins anew.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from app.db.tables import Dataset
from app.errors import JobFailure
from app.marks import mark_of, shape_of
from app.specs.columns import Column
from app.storage import sync_folder
from app.stored.columns import unlike
from app.stored.differences import num_different
from app.stored.manifest import MANIFEST, TABLE, File, Manifest, TablePart, name_of, read_manifest
from app.stored.table import StoredTable, open_table
from app.tabular.set_aside import SET_ASIDE
from worker.data.arriving import write_file
from worker.data.changes import Change, changes_of
from worker.data.checking import reporter
from worker.data.formats.fields import GROUP_BYTES, GROUP_ROWS, open_writer
from worker.data.reading import write_parquet
from worker.data.settling import mark_ready
from worker.data.statistics import describe_table
from worker.job import Job

CHANGES = "changes.json"  # what is relabelled, as the server wrote it down
_MAKING_SHARE = 0.7  # of the work; the rest is statistics
_READING_SHARE = 0.8  # of the making, where files are read
_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class _Base:
    """The version that is gone on from."""

    dataset: Dataset
    place: Path
    manifest: Manifest

    def path_of(self, file: File) -> Path:
        """Where a file of it lies: that of a table of one file has the name it was taken in with."""
        own = self.place / file.name
        return own if own.is_file() else self.place / TABLE


@dataclass(frozen=True)
class _Made:
    """What a version has become, before it counts: its parts, which columns are new, what its row is to say."""

    manifest: Manifest
    changed: set[str] | None  # None: all
    found: dict[str, Any]


def make(job: Job, dataset: Dataset) -> None:
    """Make the version that the job names. Raises JobFailure and Cancelled."""
    plan = job.claim.payload["version"]
    base = _base_of(job, plan["of"])
    folder = job.storage.folder("datasets", dataset.id)
    attempt = job.storage.folder("datasets", dataset.id, f"attempt-{job.claim.attempt}")
    try:
        for file in base.manifest.files:
            job.storage.link(base.path_of(file), attempt / file.name)
        made = _add(job, dataset, base, folder, attempt) if "files" in plan else _relabel(job, dataset, base, attempt)
        _drop_unused(attempt, made.manifest)
        job.storage.write(attempt / MANIFEST, made.manifest.content())
        _settle(job, dataset, base, folder, attempt, made)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)


def _base_of(job: Job, base_id: str) -> _Base:
    with job.db.read() as session:
        dataset = session.get(Dataset, base_id)
    if dataset is None or dataset.num_rows is None:
        raise JobFailure("gone", "The version it was to be made of was deleted.", "Go on from the newest there is.")
    place = job.storage.path("datasets", base_id)
    return _Base(dataset, place, read_manifest(place) or _whole(job, dataset, place / TABLE))


def _whole(job: Job, dataset: Dataset, path: Path) -> Manifest:
    """The one part of a table that was taken in as a whole."""
    sha256 = dataset.table_sha256 or job.storage.describe(path).sha256
    file = File(name=name_of(sha256), size_bytes=path.stat().st_size, sha256=sha256)
    return Manifest(parts=(TablePart(file=file, num_rows=dataset.num_rows or 0),))


def _settle(job: Job, dataset: Dataset, base: _Base, folder: Path, attempt: Path, made: _Made) -> None:
    """Describe what is new, and put the table and its row in place: the list of parts last, for it names the others."""
    manifest, known = made.manifest, [Column.model_validate(column) for column in base.dataset.columns or []]
    report = reporter(job, _MAKING_SHARE, 1.0, len(known) if made.changed is None else len(made.changed), "columns")
    described = {column.name: column for column in describe_table(attempt, report, made.changed)}
    columns = [described.get(column.name, column) for column in known]
    values = {"num_rows": manifest.num_rows, "size_bytes": manifest.size_bytes, **made.found}
    hashes = {"content_hash": manifest.sha256, "table_sha256": manifest.sha256}

    def commit(session: Session) -> None:
        mark_ready(session, dataset.id, columns, **values, **hashes)
        for name in [*(file.name for file in manifest.files), SET_ASIDE, MANIFEST]:
            if (attempt / name).exists():  # else it was moved already, by the same commit whose reply was lost
                (attempt / name).replace(folder / name)
        sync_folder(folder)

    job.commit(commit)


def _drop_unused(attempt: Path, manifest: Manifest) -> None:
    """What was superseded, or only a step on the way."""
    used = {SET_ASIDE, *(file.name for file in manifest.files)}
    for path in attempt.iterdir():
        if path.name not in used:
            path.unlink()


# rows that are added


def _add(job: Job, dataset: Dataset, base: _Base, folder: Path, attempt: Path) -> _Made:
    payloads = job.claim.payload["version"]["files"]
    schema = open_table(base.place).schema
    parts, added = list(base.manifest.parts), []
    step = _MAKING_SHARE / len(payloads)
    for i, payload in enumerate(payloads):
        source, raw = folder / f"added-{i}", attempt / "read.parquet"
        with job.storage.writing(raw) as file:
            written = write_file(job, source, payload, file, i * step, (i + _READING_SHARE) * step)
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
    return _Made(manifest, None, {"made": made, "num_set_aside": sum(one["num_set_aside"] for one in added)})


def _fitted(
    job: Job, raw: Path, filename: str, schema: pa.Schema, attempt: Path, report: Callable[[int], None]
) -> Iterator[TablePart]:
    """The rows of the file at `raw` as a part with the columns of `schema`: as it is, or written anew.

    Raises JobFailure where they are others. A file without rows is no part.
    """
    table = open_table(raw)
    how = unlike(table.schema.names, schema.names)
    if how is not None:
        hint = "Rows that are added have the same columns, in any order."
        raise JobFailure("other_columns", f"{filename} has other columns than the dataset: it {how}.", hint)
    if not table.num_rows:
        return
    if [_sort_of(field) for field in table.schema] != [_sort_of(field) for field in schema]:
        target = attempt / "fitted.parquet"
        with job.storage.writing(target) as file, open_writer(file, schema) as writer:
            done = 0
            for batch in table.batches(schema.names, _rows_at_once(table)):
                writer.write_batch(_cast(batch, schema, filename))
                report(done := done + batch.num_rows)
        raw = target
    yield TablePart(file=_named(job, raw), num_rows=table.num_rows)


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
    """The same rows with the types of the table. Raises JobFailure with the column that does not fit."""
    arrays = []
    for field, found in zip(schema, batch.schema, strict=True):
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


# cells that are relabelled


def _relabel(job: Job, dataset: Dataset, base: _Base, attempt: Path) -> _Made:
    table = open_table(base.place)
    asked = json.loads((job.storage.path("datasets", dataset.id) / CHANGES).read_bytes())
    changes = changes_of(base.place, table.schema, asked)
    parts, counts = list(base.manifest.parts), dict.fromkeys(changes, 0)
    report = reporter(job, 0.0, _MAKING_SHARE, table.num_rows * len(changes), "rows")
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
    return _Made(Manifest(parts=tuple(parts)), changed, {"made": told | {"relabelled": relabelled}})


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
    return _named(job, attempt / "column.parquet"), num


def _named(job: Job, path: Path) -> File:
    """The file under the name that its content has in every version."""
    stored = job.storage.describe(path)
    target = path.parent / name_of(stored.sha256)
    if target.exists():  # it is there already, and perhaps shared
        path.unlink()
    else:
        path.replace(target)
    return File(name=target.name, size_bytes=stored.size_bytes, sha256=stored.sha256)
