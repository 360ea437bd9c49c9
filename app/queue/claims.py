"""What workers do with a job while they have it: take it, prove that they have it, keep its lease."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Float, Integer, Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from app import events
from app.db.engine import now
from app.db.tables import Job
from app.ids import new_id
from app.queue.moves import held_by, move
from app.queue.states import WORK, Claim, Fence, JobKind, JobStatus, LeaseLost

_JOBS = cast("Table", Job.__table__)


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
        .returning(
            Job.id, Job.attempt, Job.kind, Job.payload, Job.last_seq, Job.heartbeat_at, Job.num_controls, Job.progress
        )
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    status = {"status": JobStatus.RUNNING, "attempt": row.attempt, "worker_id": worker_id}
    events.insert(session, row.id, row.last_seq, row.heartbeat_at, [events.New("status", status)])
    return Claim(row.id, row.attempt, row.kind, row.payload, worker_id, row.num_controls, row.progress)


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
    move(
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
    said = {"progress": progress, "last_batch": batch, "pid": pid}
    told = {name: value for name, value in said.items() if value is not None}
    held = {"held_id": claim.job_id, "held_attempt": claim.attempt, "lease_s": lease_s, "num_events": num_events}
    row = session.execute(_fencing(tuple(told)), held | told).one_or_none()
    if row is None:
        raise LeaseLost(claim.job_id)
    return Fence(row.last_seq, row.heartbeat_at, row.request, row.num_controls)


@cache
def _fencing(told: tuple[str, ...]) -> Any:
    """`moves.held_by` as a fence needs it, with the columns that it tells: built once, for it goes with every batch."""
    jobs = _JOBS.c
    values: dict[str, Any] = {
        "lease_until": now() + bindparam("lease_s", type_=Float),
        "heartbeat_at": now(),
        "last_seq": jobs.last_seq + bindparam("num_events", type_=Integer),
        **{name: bindparam(name, type_=jobs[name].type) for name in told},
    }
    if "progress" in told:
        values["progress_at"] = now()
    mine = [jobs.id == bindparam("held_id"), jobs.attempt == bindparam("held_attempt")]
    return (
        update(_JOBS)
        .where(*mine, jobs.status == JobStatus.RUNNING)
        .values(**values)
        .returning(jobs.last_seq, jobs.heartbeat_at, jobs.request, jobs.num_controls)
    )


def sound(session: Session, claim: Claim) -> None:
    """The job has come further than before and its state is safe: deaths so far were no loop. Raises LeaseLost."""
    alive = held_by(claim).values(num_crashes=0).returning(Job.id).execution_options(synchronize_session=False)
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
