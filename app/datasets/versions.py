"""Versions of a dataset: begun, listed, held against one another. Plain functions on a session; the caller commits.

A version is never changed. What is added or relabelled makes the next one, which a worker writes: it shares the files
that stay as they are. Only the newest is gone on from, so that the versions of a family are a line.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from app import formats, queue
from app.datasets.relabelling import written_down
from app.datasets.schemas import VersionDefinition
from app.db import now
from app.db.tables import Dataset, Job, Upload
from app.errors import Conflict, NotFound, NotReady, Unprocessable
from app.queue import JobKind, JobStatus
from app.settings import Settings
from app.specs.base import Problem
from app.specs.columns import Column
from app.storage import Storage
from app.stored.columns import HINT, unlike
from app.stored.manifest import CHANGES, RAW
from app.tabular.packing import format_of
from app.tabular.refusals import Limits
from app.tabular.zipped import sole_table
from app.uploads import service as uploads
from app.uploads.preview import read_preview

_FOUND_OUT = frozenset({"notes", "encoding"})  # of a file, which is not that of the new version


def find_dataset(session: Session, dataset_id: str, *, hold: bool = False) -> Dataset:
    """The row of that id; with `hold`, nobody else changes it until this is committed. Raises NotFound."""
    dataset = session.get(Dataset, dataset_id, with_for_update=hold)
    if dataset is None:
        raise NotFound(f"There is no dataset {dataset_id}.")
    return dataset


def may_become_ready(job: Any) -> ColumnElement[bool]:
    """Whether an ingestion has not ended badly, by its row or the lack of one."""
    return or_(job.status.is_(None), job.status.not_in((JobStatus.FAILED, JobStatus.CANCELLED)))


def _rank(dataset: Any, job: Any) -> ColumnElement[int]:
    """What stands for a family: best a version that is ready, then one that is being made, last one that failed."""
    return case(
        (dataset.status == "ready", 2), (and_(dataset.status == "ingesting", may_become_ready(job)), 1), else_=0
    )


def stands_for_family() -> ColumnElement[bool]:
    """Whether a row of Dataset, outer-joined with Job, is the one of its family that lists show: the newest ready one,
    and where none is ready, the newest."""
    other, its_job = aliased(Dataset), aliased(Job)
    ours, theirs = _rank(Dataset, Job), _rank(other, its_job)
    goes_before = or_(theirs > ours, and_(theirs == ours, other.version > Dataset.version))
    better = (
        select(other.id)
        .outerjoin(its_job, other.job_id == its_job.id)
        .where(other.family_id == Dataset.family_id, goes_before)
    )
    return ~better.correlate(Dataset, Job).exists()


def newest_of(session: Session, family_id: str, *, ready: bool = False) -> Dataset | None:
    """The newest version of a family that has not failed; with `ready`, that can be used."""
    is_sound = Dataset.status == "ready"
    if not ready:
        is_sound = or_(is_sound, and_(Dataset.status == "ingesting", may_become_ready(Job)))
    query = select(Dataset).outerjoin(Job, Dataset.job_id == Job.id).where(Dataset.family_id == family_id, is_sound)
    return session.scalar(query.order_by(Dataset.version.desc()).limit(1))


def family_of(session: Session, dataset: Dataset) -> list[tuple[Dataset, Job | None]]:
    """Every version of a dataset's family with its ingestion, the newest first."""
    query = select(Dataset, Job).outerjoin(Job, Dataset.job_id == Job.id)
    rows = session.execute(query.where(Dataset.family_id == dataset.family_id).order_by(Dataset.version.desc()))
    return [(row[0], row[1]) for row in rows]


@dataclass(frozen=True)
class Laid:
    """What a version is to be made of, which lies in its folder: as its row tells it, and as the worker is told."""

    made: dict[str, Any]
    plan: dict[str, Any]
    uploads: list[str]  # of whose files there is a second name


def look_at(session: Session, base_id: str, definition: VersionDefinition) -> tuple[Dataset, list[Upload]]:
    """The dataset that is gone on from, and the uploads that are added, as they are now.

    Raises NotFound, and Conflict where the dataset is not the newest of its family, or a file is not whole.
    """
    base = find_dataset(session, base_id)
    _refuse_unless_newest(session, base)
    return base, [uploads.find_whole(session, one.upload) for one in definition.uploads or []]


def lay_out(
    storage: Storage,
    settings: Settings,
    version_id: str,
    base: Dataset,
    used: Sequence[Upload],
    definition: VersionDefinition,
) -> Laid:
    """Put what is added or relabelled into the folder of the version. Nobody's transaction waits for it.

    Files get a second name there; the first is the caller's to remove once the version counts. Raises Unprocessable
    with all that does not fit.
    """
    columns = [Column.model_validate(column) for column in base.columns or []]
    made: dict[str, Any] = {"from": base.id, "version": base.version}
    plan: dict[str, Any] = {"of": base.id}
    if definition.relabel is not None:
        told, changes = written_down(definition.relabel, columns, base.num_rows or 0)
        storage.write(storage.folder("datasets", version_id) / CHANGES, json.dumps(changes).encode())
        made["relabelled"] = told
    else:
        plan["files"] = list(_files(storage, settings, version_id, definition, used, [one.name for one in columns]))
        made["added"] = [{"filename": one.filename, "size_bytes": one.size_bytes} for one in used]
    return Laid(made, plan, [one.id for one in used])


def begin_version(session: Session, version_id: str, laid: Laid) -> Dataset:
    """The next version of a dataset under an id of its own, queued to be made of what lies in its folder.

    Raises NotFound, and Conflict where the dataset is not the newest of its family any more.
    """
    base = find_dataset(session, laid.plan["of"], hold=True)  # so that of two at once the other sees what this one adds
    _refuse_unless_newest(session, base)
    for upload_id in laid.uploads:
        session.delete(uploads.find_whole(session, upload_id))
    job_id = queue.enqueue(session, JobKind.INGEST, {"dataset_id": version_id, "version": laid.plan})
    last = session.scalar(select(func.max(Dataset.version)).where(Dataset.family_id == base.family_id)) or base.version
    dataset = Dataset(
        id=version_id,
        name=base.name,
        family_id=base.family_id,
        version=last + 1,
        made=laid.made,
        status="ingesting",
        source={key: value for key, value in base.source.items() if key not in _FOUND_OUT},
        job_id=job_id,
        created_at=now(),
    )
    session.add(dataset)
    session.flush()
    return dataset


def _refuse_unless_newest(session: Session, base: Dataset) -> None:
    newest = newest_of(session, base.family_id)
    if newest is not None and newest.version > base.version:
        if newest.status != "ready":
            message = f"Version {newest.version} of {base.name} is being made."
            raise Conflict(message, hint=f"Once it is ready, go on from it: it is the dataset {newest.id}.")
        message = f"This is version {base.version} of {base.name}, and version {newest.version} is the newest."
        raise Conflict(message, hint=f"Go on from the newest: it is the dataset {newest.id}.")
    if base.status != "ready":
        raise NotReady(f"The dataset {base.name} has not been read.")


def _files(
    storage: Storage,
    settings: Settings,
    version_id: str,
    definition: VersionDefinition,
    used: Sequence[Upload],
    names: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """What the worker is told of each file, which lies in a folder of its own."""
    for i, (added, upload) in enumerate(zip(definition.uploads or [], used, strict=True)):
        place = storage.folder("datasets", version_id, f"added-{i}") / RAW
        uploads.give_second_name(storage, upload, place)
        with place.open("rb") as file:
            found = format_of(file.read(formats.HEAD_BYTES), upload.filename)
        payload: dict[str, Any] = {"format": found, "filename": upload.filename}
        # A header shows at once whether it fits; other formats are for the worker to open.
        if found == "delimited" or (found == "zip" and sole_table(place)):
            overrides = added.overrides()
            seen = read_preview(place, upload, overrides, Limits(settings.max_upload_bytes, settings.max_field_bytes))
            if seen.format == "delimited":
                _refuse_unlike([column.name for column in seen.columns], names, upload.filename, i)
            payload["overrides"] = vars(overrides)
        yield payload


def _refuse_unlike(found: Sequence[str], names: Sequence[str], filename: str, place: int) -> None:
    how = unlike(found, names)
    if how is not None:
        problem = Problem(loc=["uploads", place, "upload"], msg=f"it {how}", received=list(found)[:50])
        raise Unprocessable(f"{filename} has other columns than the dataset: it {how}.", errors=[problem], hint=HINT)


def refuse_if_in_use(session: Session, dataset: Dataset) -> None:
    """Raises Conflict while a version is made of this one."""
    query = select(Dataset).outerjoin(Job, Dataset.job_id == Job.id)
    being_made = (Dataset.family_id == dataset.family_id, Dataset.status == "ingesting", may_become_ready(Job))
    for other in session.scalars(query.where(*being_made, Dataset.version > dataset.version)):
        if (other.made or {}).get("from") == dataset.id:
            message = f"Version {other.version} of {dataset.name} is being made of this one."
            raise Conflict(message, hint="Wait until it is ready, or cancel it.")


def filters_of(definition: VersionDefinition) -> list[tuple[int, list[str]]]:
    """What is to be looked for in the table: the place of each relabelling that does not name its rows, its filter."""
    return [(i, one.filter) for i, one in enumerate(definition.relabel or []) if one.filter]
