"""How long jobs will likely take, from what jobs like them took."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.db.tables import Job, Run
from app.queue import JobKind, JobStatus

_RECENT = 1000  # jobs that are looked through for ones alike
_ALIKE = 20  # of these, those that count


def likely(session: Session, jobs: Sequence[Job]) -> dict[str, float]:
    """In seconds, by id, of those jobs of which it can be known.

    A training is like those of the same dataset with as many parameters, and takes as long for each epoch; a job of
    another kind is like all of its kind.
    """
    if not jobs:
        return {}
    trainings = [job.id for job in jobs if job.kind == JobKind.TRAIN]
    others = {job.kind for job in jobs if job.kind != JobKind.TRAIN}
    by_kind = {kind: median(found) for kind in others if (found := _of_kind(session, kind))}
    likely_s = {job.id: by_kind[job.kind] for job in jobs if job.kind in by_kind}
    return likely_s | dict(_of_trainings(session, trainings))


def _of_kind(session: Session, kind: str) -> list[float]:
    ended = _recently_ended().subquery()
    query = select(ended.c.duration_s).where(ended.c.kind == kind).order_by(ended.c.id.desc()).limit(_ALIKE)
    return [max(0.0, duration_s) for duration_s in session.scalars(query)]


def _recently_ended() -> Any:
    whole_s = Job.finished_at - Job.started_at
    # Between attempts it lay in the queue or was paused: what counts is what a training says that it has trained.
    trained_s = func.coalesce(Job.progress["trained_s"].as_float(), whole_s)
    duration_s = case((Job.attempt > 1, trained_s), else_=whole_s).label("duration_s")
    succeeded = (Job.status == JobStatus.SUCCEEDED, Job.started_at.is_not(None))
    return select(Job.id, Job.kind, duration_s).where(*succeeded).order_by(Job.id.desc()).limit(_RECENT)


def _of_trainings(session: Session, job_ids: Sequence[str]) -> Iterator[tuple[str, float]]:
    num_epochs = Run.spec["training"]["num_epochs"].as_integer()
    columns = (Run.dataset_id, Run.num_parameters, num_epochs)
    asked = session.execute(select(Run.job_id, *columns).where(Run.job_id.in_(job_ids))).all()
    if not asked:
        return
    datasets = {row.dataset_id for row in asked}
    ended = _recently_ended().subquery()
    query = (
        select(*columns, ended.c.duration_s)
        .join(ended, ended.c.id == Run.job_id)
        .where(Run.dataset_id.in_(datasets))
        .order_by(Run.id.desc())
    )
    alike: dict[tuple[str | None, int], list[float]] = defaultdict(list)
    for dataset_id, num_parameters, epochs, duration_s in session.execute(query):
        if epochs and len(alike[dataset_id, num_parameters]) < _ALIKE:
            alike[dataset_id, num_parameters].append(max(0.0, duration_s) / epochs)
    for job_id, dataset_id, num_parameters, epochs in asked:
        if (dataset_id, num_parameters) in alike:
            yield job_id, median(alike[dataset_id, num_parameters]) * (epochs or 0)
