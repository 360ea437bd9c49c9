"""The queue as people see it: who holds which device, what waits in which order, why, and when it likely starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import Dataset, Job, Run
from app.errors import Conflict, NotFound
from app.queue import JobKind, JobStatus
from app.schedule import durations
from app.schedule.forecast import Slots, Waiting, starts
from app.schedule.schemas import PausedOut, QueueOut, RunningOut, WaitingOut
from app.workers import service as workers
from app.workers.schemas import WorkerOut

MAX_LISTED = 200  # of those that wait
_LIGHT = (JobKind.INGEST, JobKind.EXPORT)  # a worker takes one of these beside full slots


@dataclass(frozen=True)
class _Row:
    job: Job
    run: Run | None
    dataset: Dataset | None
    at: float

    @property
    def name(self) -> str:
        named = self.run or self.dataset
        return named.name if named else "unnamed"


def show(session: Session, *, lease_s: float = 30, beat_s: float = 10, limit: int = MAX_LISTED) -> QueueOut:
    """The whole queue, with the first `limit` of those that wait."""
    here = [one for one in workers.list_workers(session, lease_s, beat_s) if one.alive or one.running]
    running = _rows(session, _running())
    waiting = _rows(session, _in_order(JobStatus.QUEUED).limit(limit))
    likely = durations.likely(session, [row.job for row in running + waiting])
    shown = [_running_out(row, likely.get(row.job.id)) for row in running]
    alive = [one for one in here if one.alive]
    found = _forecast(alive, shown, waiting, likely)
    names = _names(session, [row.job.after_id for row in waiting if row.job.after_id])
    reasons = _reasons(alive, waiting, names, found)
    return QueueOut(
        at=session.execute(select(now())).scalar_one(),
        running=shown,
        waiting=[
            _waiting_out(row, i + 1, why, start)
            for i, (row, why, start) in enumerate(zip(waiting, reasons, found, strict=True))
        ],
        paused=[_paused_out(row) for row in _rows(session, _in_order(JobStatus.PAUSED).limit(limit))],
        num_waiting=_count(session) if len(waiting) == limit else len(waiting),
        workers=here,
    )


def find_waiting(session: Session, job_id: str, *, lease_s: float = 30, beat_s: float = 10) -> WaitingOut:
    """A waiting job as the queue shows it. Raises NotFound, and Conflict when it no longer waits."""
    status = session.execute(select(Job.status).where(Job.id == job_id)).scalar_one_or_none()
    if status is None:
        raise NotFound(f"There is no job {job_id}.")
    if status != JobStatus.QUEUED:
        raise Conflict(f"It does not wait: it is {status}.")
    queue = show(session, lease_s=lease_s, beat_s=beat_s, limit=10_000)
    return next(one for one in queue.waiting if one.job_id == job_id)


def _running() -> Any:
    held = (Job.status == JobStatus.RUNNING, Job.worker_id.is_not(None))
    return _joined().where(*held).order_by(Job.started_at, Job.id)


def _in_order(status: JobStatus) -> Any:
    return _joined().where(Job.status == status).order_by(Job.priority.desc(), Job.position, Job.id)


def _joined() -> Any:
    return (
        select(Job, Run, Dataset, now())
        .outerjoin(Run, or_(Run.job_id == Job.id, Run.export_job_id == Job.id))
        .outerjoin(Dataset, Dataset.job_id == Job.id)
    )


def _rows(session: Session, query: Any) -> list[_Row]:
    return [_Row(*row) for row in session.execute(query)]


def _count(session: Session) -> int:
    return session.scalar(select(func.count()).where(Job.status == JobStatus.QUEUED)) or 0


def _names(session: Session, job_ids: Sequence[str]) -> dict[str, str]:
    """What jobs are waited for, in words."""
    datasets = select(Dataset.job_id, Dataset.name).where(Dataset.job_id.in_(job_ids))
    before = select(Run.job_id, Run.name).where(Run.job_id.in_(job_ids))
    read = {job_id: f"the dataset {name} to be read" for job_id, name in session.execute(datasets) if job_id}
    return read | {job_id: f"the run {name} to succeed" for job_id, name in session.execute(before)}


def _running_out(row: _Row, likely_s: float | None) -> RunningOut:
    job, progress = row.job, row.job.progress or {}
    elapsed_s = max(0.0, row.at - (job.started_at or row.at))
    return RunningOut(
        job_id=job.id,
        run_id=row.run.id if row.run else None,
        dataset_id=row.dataset.id if row.dataset else None,
        kind=job.kind,
        name=row.name,
        worker_id=job.worker_id,
        device=progress.get("device"),
        attempt=job.attempt,
        share=share_done(progress),
        elapsed_s=elapsed_s,
        left_s=_left_s(job, row.at, elapsed_s, likely_s),
        heartbeat_age_s=None if job.heartbeat_at is None else max(0.0, row.at - job.heartbeat_at),
        request=job.request,
    )


def share_done(progress: Mapping[str, Any]) -> float | None:
    """How much of a job is done, from 0 to 1; None where its progress does not say."""
    if "share" in progress:
        return float(progress["share"])
    return progress["step"] / progress["num_steps"] if progress.get("num_steps") else None


def _left_s(job: Job, at: float, elapsed_s: float, likely_s: float | None) -> float | None:
    """What the job itself says, less the time since; else what jobs like it took, less what it has had."""
    told_s = (job.progress or {}).get("left_s")
    if told_s is not None:
        return max(0.0, float(told_s) - (at - (job.progress_at or at)))
    return None if likely_s is None else max(0.0, likely_s - elapsed_s)


def _waiting_out(row: _Row, position: int, why: str, start_s: float | None) -> WaitingOut:
    return WaitingOut(
        job_id=row.job.id,
        run_id=row.run.id if row.run else None,
        dataset_id=row.dataset.id if row.dataset else None,
        kind=row.job.kind,
        name=row.name,
        position=position,
        priority=row.job.priority,
        why=why,
        likely_start_s=start_s,
        waits_s=max(0.0, row.at - row.job.created_at),
        cause=row.job.cause,
    )


def _paused_out(row: _Row) -> PausedOut:
    job = row.job
    return PausedOut(
        job_id=job.id,
        run_id=row.run.id if row.run else None,
        name=row.name,
        priority=job.priority,
        share=share_done(job.progress or {}),
        cause=job.cause,
    )


def _forecast(
    alive: Sequence[WorkerOut], running: Sequence[RunningOut], waiting: Sequence[_Row], likely: Mapping[str, float]
) -> list[float | None]:
    slots = [_slots(one, [job for job in running if job.worker_id == one.id]) for one in alive]
    jobs = [
        Waiting(
            row.job.id,
            likely.get(row.job.id),
            row.job.then_after_id or row.job.after_id,
            is_light=row.job.kind in _LIGHT,
        )
        for row in waiting
    ]
    return starts(slots, jobs, {job.job_id: job.left_s for job in running})


def _slots(worker: WorkerOut, jobs: list[RunningOut]) -> Slots:
    light = [job for job in jobs if job.kind in _LIGHT]
    heavy = [job for job in jobs if job not in light[: max(0, len(jobs) - worker.slots)]]
    free_in_s = [job.left_s for job in heavy] + [0.0] * (worker.slots - len(heavy))
    return Slots(free_in_s, light[0].left_s if light else 0.0)


def _reasons(
    alive: Sequence[WorkerOut],
    waiting: Sequence[_Row],
    names: Mapping[str, str],
    likely_starts: Sequence[float | None],
) -> list[str]:
    """Why each waits, in its order."""
    ahead: list[str] = []
    reasons = []
    for row, start_s in zip(waiting, likely_starts, strict=True):
        reason = _reason(row.job, alive, names)
        reasons.append(reason or _turn(ahead, has_room=start_s == 0))
        if reason is None:
            ahead.append(row.job.kind)
    return reasons


def _reason(job: Job, alive: Sequence[WorkerOut], names: Mapping[str, str]) -> str | None:
    """What keeps a job from being taken at all; None when it only waits for its turn."""
    if not alive:
        return "no worker is alive"
    if not any(job.kind in one.kinds for one in alive):
        return "no worker can run jobs of this kind"
    if all(one.state == "silent" for one in alive):
        return "no worker gives a sign of life"
    if job.after_id is not None:
        return f"waits for {names.get(job.after_id, 'another job to end')}"
    return None


def _turn(ahead: Sequence[str], *, has_room: bool) -> str:
    if has_room:
        return "starts at once"
    if not ahead:
        return "next, once a slot is free"
    what = "run" if all(kind == JobKind.TRAIN for kind in ahead) else "job"
    return f"{len(ahead):,} {what if len(ahead) == 1 else what + 's'} before it"
