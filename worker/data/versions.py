"""The next version of a dataset: rows are added or cells relabelled, and what stays is shared.

Everything is laid out in a folder of the attempt's own: the files of the version before under a second name, those
that are new, and the list of parts. It takes its place inside the fenced transaction in which the row says it is ready.
So an attempt that dies leaves nothing that anyone would read, and the next one begins anew.
"""

import shutil
from pathlib import Path

from sqlalchemy.orm import Session

from app.db.tables import Dataset
from app.errors import JobFailure
from app.specs.columns import Column
from app.storage import sync_folder
from app.stored.manifest import MANIFEST, TABLE, File, Manifest, TablePart, name_of, read_manifest
from app.tabular.set_aside import SET_ASIDE
from worker.data.adding import add_rows
from worker.data.checking import reporter
from worker.data.relabelling import relabel
from worker.data.settling import mark_ready
from worker.data.statistics import describe_table
from worker.data.version import MAKING_SHARE, Base, Made
from worker.job import Job


def make(job: Job, dataset: Dataset) -> None:
    """Make the version that the job names. Raises JobFailure and Cancelled."""
    plan = job.claim.payload["version"]
    base = _base_of(job, plan["of"])
    folder = job.storage.folder("datasets", dataset.id)
    attempt = job.storage.folder("datasets", dataset.id, f"attempt-{job.claim.attempt}")
    try:
        for file in base.manifest.files:
            job.storage.link(base.path_of(file), attempt / file.name)
        adds = "files" in plan
        made = add_rows(job, dataset, base, folder, attempt) if adds else relabel(job, dataset, base, attempt)
        _drop_unused(attempt, made.manifest)
        job.storage.write(attempt / MANIFEST, made.manifest.content())
        _settle(job, dataset, base, folder, attempt, made)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)


def _base_of(job: Job, base_id: str) -> Base:
    with job.db.read() as session:
        dataset = session.get(Dataset, base_id)
    if dataset is None or dataset.num_rows is None:
        raise JobFailure("gone", "The version it was to be made of was deleted.", "Go on from the newest there is.")
    place = job.storage.path("datasets", base_id)
    return Base(dataset, place, read_manifest(place) or _whole(job, dataset, place / TABLE))


def _whole(job: Job, dataset: Dataset, path: Path) -> Manifest:
    """The one part of a table that was taken in as a whole."""
    sha256 = dataset.table_sha256 or job.storage.describe(path).sha256
    file = File(name=name_of(sha256), size_bytes=path.stat().st_size, sha256=sha256)
    return Manifest(parts=(TablePart(file=file, num_rows=dataset.num_rows or 0),))


def _settle(job: Job, dataset: Dataset, base: Base, folder: Path, attempt: Path, made: Made) -> None:
    """Describe what is new, and put the table and its row in place: the list of parts last, for it names the others."""
    manifest, known = made.manifest, [Column.model_validate(column) for column in base.dataset.columns or []]
    report = reporter(job, MAKING_SHARE, 1.0, len(known) if made.changed is None else len(made.changed), "columns")
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
