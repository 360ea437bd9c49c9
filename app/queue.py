"""The queue: the only place where a job changes state. At-least-once execution, effectively-once record.

A claim adds one to the job's `attempt`, and every later write of that worker begins with `fence`: an UPDATE that
holds only while the job is running under that very attempt. It renews the lease, shuts out a worker that was thought
dead, and hands out the numbers of the events, in one statement. All times are the database's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, case, func, insert, select, update
from sqlalchemy.orm import Session

from app import causes, events
from app.causes import Cause
from app.db.engine import now
from app.db.holders import cut_off
from app.db.tables import Job, Worker
from app.errors import Conflict, NotFound
from app.ids import new_id

MAX_CRASHES = 3
LEAST_GAP_S = 1e-5  # between neighbours that wait: a position has no more than seven digits behind the point


class JobStatus(StrEnum):
    """Where a job stands. Only this module moves it."""

    QUEUED = "queued"  # waits for a worker, or for the job it comes after
    RUNNING = "running"  # leased to a worker
    SUCCEEDED = "succeeded"  # did what it was for
    FAILED = "failed"  # will not be tried again; `error` says why
    CANCELLED = "cancelled"  # someone asked, and the worker has obeyed


ENDED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class JobKind(StrEnum):
    """What a worker can be asked to do."""

    TRAIN = "train"
    INGEST = "ingest"
    EXPORT = "export"
    REPORT = "report"  # done elsewhere: held by the client that reports it, never claimed by a worker


WORK = tuple(kind for kind in JobKind if kind is not JobKind.REPORT)
SILENT = "silent"  # how a reported job has failed whose client was no longer heard of; its next word takes it up again


class LeaseLost(Exception):
    """The job is no longer this attempt's: it was rescued, cancelled or ended. Stop at once, write nothing."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a job: what every one of its writes is checked against."""

    job_id: str
    attempt: int
    kind: str
    payload: dict[str, Any]
    worker_id: str


@dataclass(frozen=True)
class Fence:
    """What a fenced write learns: the last number given to it, the database's time, and what was asked meanwhile."""

    last_seq: int
    time: float
    request: str | None


def enqueue(
    session: Session, kind: JobKind, payload: dict[str, Any], *, priority: int = 0, after: str | None = None
) -> str:
    """Queue a job and return its id. With `after`, it waits until that job has succeeded, and fails with it.

    Raises Conflict when that job has failed or was cancelled already.
    """
    job_id = new_id()
    if after is not None:
        before = session.execute(select(Job.status).where(Job.id == after).with_for_update()).scalar_one()
        if before in (JobStatus.FAILED, JobStatus.CANCELLED):
            raise Conflict(f"What this waits for has ended as {before}.")
        after = None if before == JobStatus.SUCCEEDED else after
    created_at = session.execute(
        insert(Job)
        .values(
            id=job_id,
            kind=kind,
            status=JobStatus.QUEUED,
            priority=priority,
            position=_behind_all(priority),
            payload=payload,
            after_id=after,
            attempt=0,
            num_crashes=0,
            last_seq=1,
            created_at=now(),
        )
        .returning(Job.created_at)
    ).scalar_one()
    events.insert(session, job_id, 1, created_at, [events.New("status", {"status": JobStatus.QUEUED})])
    return job_id


def _behind_all(priority: int) -> ColumnElement[float]:
    """The place of what is queued now: the time, but behind all that wait, also where the clock was set back."""
    waiting = select(func.max(Job.position)).where(Job.status == JobStatus.QUEUED, Job.priority == priority)
    last = waiting.scalar_subquery()
    return case((last >= now(), last + LEAST_GAP_S), else_=now())


def claim(session: Session, worker_id: str, *, lease_s: float, kinds: Sequence[str] = WORK) -> Claim | None:
    """Take the next job: highest priority first, then by place. None when nothing waits."""
    candidate = (
        select(Job.id)
        .where(Job.status == JobStatus.QUEUED, Job.after_id.is_(None), Job.kind.in_(kinds))
        .order_by(Job.priority.desc(), Job.position, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = session.execute(
        update(Job)
        .where(Job.id == candidate, Job.status == JobStatus.QUEUED)
        .values(
            status=JobStatus.RUNNING,
            attempt=Job.attempt + 1,
            last_batch=None,
            worker_id=worker_id,
            pid=None,
            lease_until=now() + lease_s,
            heartbeat_at=now(),
            started_at=func.coalesce(Job.started_at, now()),
            last_seq=Job.last_seq + 1,
        )
        .returning(Job.id, Job.attempt, Job.kind, Job.payload, Job.last_seq, Job.heartbeat_at)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    status = {"status": JobStatus.RUNNING, "attempt": row.attempt, "worker_id": worker_id}
    events.insert(session, row.id, row.last_seq, row.heartbeat_at, [events.New("status", status)])
    return Claim(row.id, row.attempt, row.kind, row.payload, worker_id)


def hold(session: Session, payload: dict[str, Any], *, lease_s: float, started_at: float | None = None) -> Claim:
    """Begin a job that is done elsewhere. It runs at once, under an attempt of the client that will report it."""
    job_id = new_id()
    created_at = session.execute(
        insert(Job)
        .values(
            id=job_id,
            kind=JobKind.REPORT,
            status=JobStatus.RUNNING,
            position=now(),
            payload=payload,
            attempt=1,
            last_seq=1,
            lease_until=now() + lease_s,
            heartbeat_at=now(),
            created_at=now(),
            started_at=now() if started_at is None else started_at,
        )
        .returning(Job.created_at)
    ).scalar_one()
    events.insert(session, job_id, 1, created_at, [events.New("status", {"status": JobStatus.RUNNING, "attempt": 1})])
    return Claim(job_id, 1, JobKind.REPORT, payload, "")


def take_up(session: Session, claim: Claim, payload: dict[str, Any] | None = None, *, lease_s: float) -> Claim:
    """Go on with a reported job, whatever became of it, under a new attempt that shuts out the one before.

    With a new `payload`, the batches are counted anew. Raises LeaseLost when it is no longer at the attempt of `claim`.
    """
    where = update(Job).where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.kind == JobKind.REPORT)
    attempt = claim.attempt + 1
    anew = {} if payload is None else {"payload": payload, "last_batch": None}
    _move(
        session,
        where,
        claim.job_id,
        {"status": JobStatus.RUNNING, "attempt": attempt},
        status=JobStatus.RUNNING,
        attempt=attempt,
        lease_until=now() + lease_s,
        heartbeat_at=now(),
        finished_at=None,
        error=None,
        request=None,
        requested_at=None,
        **anew,
    )
    return Claim(claim.job_id, attempt, claim.kind, payload or claim.payload, claim.worker_id)


def fence(
    session: Session,
    claim: Claim,
    *,
    lease_s: float,
    num_events: int = 0,
    progress: dict[str, Any] | None = None,
    batch: int | None = None,
    pid: int | None = None,
) -> Fence:
    """Begin a worker's transaction: prove the claim, renew the lease, take numbers for `num_events` events.

    `pid`: the process that has the job in hand. Raises LeaseLost when the job is no longer this attempt's.
    """
    values: dict[str, Any] = {
        "lease_until": now() + lease_s,
        "heartbeat_at": now(),
        "last_seq": Job.last_seq + num_events,
    }
    if progress is not None:
        values |= {"progress": progress, "progress_at": now()}
    if batch is not None:
        values["last_batch"] = batch
    if pid is not None:
        values["pid"] = pid
    row = session.execute(
        _held(claim)
        .values(**values)
        .returning(Job.last_seq, Job.heartbeat_at, Job.request)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise LeaseLost(claim.job_id)
    return Fence(row.last_seq, row.heartbeat_at, row.request)


def sound(session: Session, claim: Claim) -> None:
    """The job has come further than before and its state is safe: deaths so far were no loop. Raises LeaseLost."""
    alive = _held(claim).values(num_crashes=0).returning(Job.id).execution_options(synchronize_session=False)
    if session.execute(alive).one_or_none() is None:
        raise LeaseLost(claim.job_id)


def beat(session: Session, claims: Iterable[Claim], *, lease_s: float) -> tuple[dict[str, Fence], list[Claim]]:
    """Renew the leases a supervisor holds. Returns what was asked of each job, and the claims that were lost."""
    held: dict[str, Fence] = {}
    lost: list[Claim] = []
    for one in claims:
        try:
            held[one.job_id] = fence(session, one, lease_s=lease_s)
        except LeaseLost:
            lost.append(one)
    return held, lost


def succeed(session: Session, claim: Claim, *, finished_at: float | None = None) -> None:
    """The job did what it was for; now, or at the time that is told. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.SUCCEEDED, finished_at=finished_at)


def fail(session: Session, claim: Claim, error: dict[str, Any]) -> None:
    """The job cannot be done: `error` holds kind, message and hint. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.FAILED, error)


def obey_cancel(session: Session, claim: Claim) -> None:
    """The worker has stopped as it was asked to. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.CANCELLED)


def release(session: Session, claim: Claim) -> None:
    """Give a job back unharmed, as a worker does that is told to stop; one that was to be cancelled ends.

    Raises LeaseLost.
    """
    request = session.execute(select(Job.request).where(Job.id == claim.job_id).with_for_update()).scalar_one_or_none()
    if request == "cancel":
        _end_held(session, claim, JobStatus.CANCELLED)
        return
    _requeue(session, _held(claim), causes.stopped(), claim.job_id, num_crashes=0)


def crash(session: Session, claim: Claim, cause: Cause) -> JobStatus:
    """The job's process died. It is tried again, unless it was to be cancelled or has now died three times.

    Raises LeaseLost.
    """
    query = select(Job.num_crashes, Job.request).where(Job.id == claim.job_id).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        raise LeaseLost(claim.job_id)
    return _after_crash(session, _held(claim), claim.job_id, row.num_crashes + 1, row.request, cause)


def rescue(session: Session) -> list[str]:
    """Take jobs from workers that fell silent. Safe to call from every process at once; returns the jobs' ids."""
    rescued = []
    silent = (
        select(Job.id, Job.kind, Job.attempt, Job.num_crashes, Job.request, Worker.name, Worker.host)
        .add_columns((now() - Job.heartbeat_at).label("silent_s"))
        .outerjoin(Worker, Job.worker_id == Worker.id)
        .where(_silent())
        .with_for_update(of=Job, skip_locked=True)
    )
    for row in session.execute(silent).all():
        where = update(Job).where(Job.id == row.id, Job.attempt == row.attempt, _silent())
        cause = causes.lost_host(row.name or "that had it", row.host or "an unknown host", row.silent_s)
        try:
            if row.kind == JobKind.REPORT:
                _end_silent(session, where, row.id, row.request)
            else:
                _after_crash(session, where, row.id, row.num_crashes + 1, row.request, cause)
        except LeaseLost:
            continue
        rescued.append(row.id)
    # What is silent still, somebody has locked: who froze with it, most likely. It is free at the next look.
    cut_off(session, session.scalars(select(Job.id).where(_silent())).all())
    return rescued


def any_silent(session: Session) -> bool:
    """Whether `rescue` has something to do: a look that takes no lock."""
    return session.execute(select(Job.id).where(_silent()).limit(1)).first() is not None


def cancel(session: Session, job_id: str) -> JobStatus:
    """Ask for a job to stop. A waiting job ends at once; a running one when its worker has obeyed.

    Raises NotFound, and Conflict when it has ended already.
    """
    # Held while it is decided, or a job that is claimed or given back meanwhile would slip through.
    row = session.execute(select(Job.status, Job.request).where(Job.id == job_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    if row.status in ENDED:
        raise Conflict(f"It has ended already, as {row.status}.")
    this = update(Job).where(Job.id == job_id)
    if row.status == JobStatus.QUEUED:
        _end(session, this, job_id, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if row.request is None:
        asked = {"status": JobStatus.RUNNING, "request": "cancel"}
        _move(session, this, job_id, asked, request="cancel", requested_at=now())
    return JobStatus.RUNNING


def overdue(session: Session, worker_id: str, grace_s: float) -> list[str]:
    """The running jobs of a worker that were asked to stop longer than `grace_s` ago."""
    return list(
        session.scalars(
            select(Job.id).where(
                Job.worker_id == worker_id,
                Job.status == JobStatus.RUNNING,
                Job.requested_at < now() - grace_s,
            )
        )
    )


def _held(claim: Claim) -> Update:
    return update(Job).where(Job.id == claim.job_id, Job.attempt == claim.attempt, Job.status == JobStatus.RUNNING)


def _silent() -> ColumnElement[bool]:
    return and_(Job.status == JobStatus.RUNNING, Job.lease_until < now())


def _end_held(
    session: Session,
    claim: Claim,
    status: JobStatus,
    error: dict[str, Any] | None = None,
    *,
    finished_at: float | None = None,
) -> None:
    _end(session, _held(claim), claim.job_id, status, error, finished_at=finished_at)


def _end(
    session: Session,
    where: Update,
    job_id: str,
    status: JobStatus,
    error: dict[str, Any] | None = None,
    *,
    finished_at: float | None = None,
) -> None:
    """Every way to an end: the row, its status event, and the jobs that waited for this one."""
    detail = {"status": status} | ({"error": error} if error else {})
    at = now() if finished_at is None else finished_at
    _move(session, where, job_id, detail, status=status, error=error, finished_at=at, lease_until=None)
    if status is JobStatus.SUCCEEDED:
        session.execute(update(Job).where(Job.after_id == job_id).values(after_id=None))
        return
    reason = {
        "kind": "not_started",
        "message": f"What it waited for ended as {status}.",
        "hint": (error or {}).get("message"),
    }
    waiting_jobs = select(Job.id).where(Job.after_id == job_id, Job.status == JobStatus.QUEUED)
    for waiting in session.scalars(waiting_jobs).all():
        row = update(Job).where(Job.id == waiting, Job.status == JobStatus.QUEUED)
        _end(session, row, waiting, JobStatus.FAILED, reason)


def _end_silent(session: Session, where: Update, job_id: str, request: str | None) -> None:
    """Nobody can say whether a script that reported still runs: what is known is that it is silent."""
    if request == "cancel":
        _end(session, where, job_id, JobStatus.CANCELLED)
        return
    error = {
        "kind": SILENT,
        "message": "Its script was no longer heard of.",
        "hint": "If it still runs, the run goes on when it is heard of again. If it has died, "
        "“python -m traindeck sync” on its machine delivers what it had not sent.",
    }
    _end(session, where, job_id, JobStatus.FAILED, error)


def _after_crash(
    session: Session, where: Update, job_id: str, num_crashes: int, request: str | None, cause: Cause
) -> JobStatus:
    if request == "cancel":
        _end(session, where, job_id, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if num_crashes < MAX_CRASHES:
        _requeue(session, where, cause, job_id, num_crashes=1)
        return JobStatus.QUEUED
    _end(session, where, job_id, JobStatus.FAILED, causes.crash_loop(num_crashes, cause).as_json())
    return JobStatus.FAILED


def _requeue(session: Session, where: Update, cause: Cause, job_id: str, *, num_crashes: int) -> None:
    _move(
        session,
        where,
        job_id,
        {"status": JobStatus.QUEUED, "cause": cause.as_json()},
        status=JobStatus.QUEUED,
        cause=cause.as_json(),
        worker_id=None,
        pid=None,
        lease_until=None,
        num_crashes=Job.num_crashes + num_crashes,
    )


def _move(session: Session, where: Update, job_id: str, detail: dict[str, Any], **values: Any) -> None:
    row = session.execute(
        where.values(**values, last_seq=Job.last_seq + 1)
        .returning(Job.last_seq, now())
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise LeaseLost(job_id)
    events.insert(session, job_id, row[0], row[1], [events.New("status", detail)])
