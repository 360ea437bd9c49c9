"""How a job ends, or is given back: as its worker says, by its process's death, by its worker's silence."""

from typing import Any

from sqlalchemy import Update, or_, select, update
from sqlalchemy.orm import Session

from app import causes
from app.causes import Cause
from app.db.engine import now
from app.db.holders import cut_off
from app.db.tables import Job, Worker
from app.queue.moves import held_by, is_silent, move
from app.queue.states import SILENT, Claim, JobKind, JobStatus, LeaseLost, Request


def succeed(session: Session, claim: Claim, *, finished_at: float | None = None) -> None:
    """The job did what it was for; now, or at the time that is told. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.SUCCEEDED, finished_at=finished_at)


def fail(session: Session, claim: Claim, error: dict[str, Any]) -> None:
    """The job cannot be done: `error` holds kind, message and hint. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.FAILED, error)


def break_off(session: Session, claim: Claim) -> None:
    """Whoever had the job has left it, asked or not: it is cancelled. Raises LeaseLost."""
    _end_held(session, claim, JobStatus.CANCELLED)


def obey(session: Session, claim: Claim, cause: Cause) -> JobStatus:
    """The worker has saved the job's state and lets go of it: it becomes what was asked, if anything still is.

    Else it waits again, by `cause`: the worker is told to stop, or what was asked is no longer. Raises LeaseLost.
    """
    request = session.execute(select(Job.request).where(Job.id == claim.job_id).with_for_update()).scalar_one_or_none()
    if request == Request.CANCEL:
        _end_held(session, claim, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if request == Request.PAUSE:
        _pause(session, held_by(claim), causes.paused(), claim.job_id)
        return JobStatus.PAUSED
    _requeue(session, held_by(claim), cause, claim.job_id, num_crashes=0)
    return JobStatus.QUEUED


def crash(session: Session, claim: Claim, cause: Cause) -> JobStatus:
    """The job's process died. It is tried again, unless it was to stop or has now died as often as it may.

    Raises LeaseLost.
    """
    query = select(Job.num_crashes, Job.max_crashes, Job.request).where(Job.id == claim.job_id).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        raise LeaseLost(claim.job_id)
    return _after_crash(session, held_by(claim), claim.job_id, row, cause)


def rescue(session: Session) -> list[str]:
    """Take jobs from workers that fell silent. Safe to call from every process at once; returns the jobs' ids."""
    rescued = []
    silent = (
        select(Job.id, Job.kind, Job.attempt, Job.num_crashes, Job.max_crashes, Job.request, Worker.name, Worker.host)
        .add_columns((now() - Job.heartbeat_at).label("silent_s"))
        .outerjoin(Worker, Job.worker_id == Worker.id)
        .where(is_silent())
        .with_for_update(of=Job, skip_locked=True)
    )
    for row in session.execute(silent).all():
        where = update(Job).where(Job.id == row.id, Job.attempt == row.attempt, is_silent())
        cause = causes.lost_host(row.name or "that had it", row.host or "an unknown host", row.silent_s)
        try:
            if row.kind == JobKind.REPORT:
                _end_silent(session, where, row.id, row.request)
            else:
                _after_crash(session, where, row.id, row, cause)
        except LeaseLost:
            continue
        rescued.append(row.id)
    # What is silent still, somebody has locked: who froze with it, most likely. It is free at the next look.
    cut_off(session, session.scalars(select(Job.id).where(is_silent())).all())
    return rescued


def any_silent(session: Session) -> bool:
    """Whether `rescue` has something to do: a look that takes no lock."""
    return session.execute(select(Job.id).where(is_silent()).limit(1)).first() is not None


def _end_held(
    session: Session,
    claim: Claim,
    status: JobStatus,
    error: dict[str, Any] | None = None,
    *,
    finished_at: float | None = None,
) -> None:
    end(session, held_by(claim), claim.job_id, status, error, finished_at=finished_at)


def end(
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
    move(session, where, job_id, detail, status=status, error=error, finished_at=at, lease_until=None)
    if status is JobStatus.SUCCEEDED:
        session.execute(update(Job).where(Job.then_after_id == job_id).values(then_after_id=None))
        one_less = {"after_id": Job.then_after_id, "then_after_id": None}
        session.execute(update(Job).where(Job.after_id == job_id).values(one_less))
        return
    reason = {
        "kind": "not_started",
        "message": f"What it waited for ended as {status}.",
        "hint": (error or {}).get("message"),
    }
    is_waiting = Job.status.in_((JobStatus.QUEUED, JobStatus.PAUSED))
    waits_for_it = or_(Job.after_id == job_id, Job.then_after_id == job_id)
    for waiting in session.scalars(select(Job.id).where(waits_for_it, is_waiting)).all():
        row = update(Job).where(Job.id == waiting, is_waiting)
        end(session, row, waiting, JobStatus.FAILED, reason)


def _end_silent(session: Session, where: Update, job_id: str, request: str | None) -> None:
    """Nobody can say whether a script that reported still runs: what is known is that it is silent."""
    if request == Request.CANCEL:
        end(session, where, job_id, JobStatus.CANCELLED)
        return
    error = {
        "kind": SILENT,
        "message": "Its script was no longer heard of.",
        "hint": "If it still runs, the run goes on when it is heard of again. If it has died, "
        "“python -m traindeck sync” on its machine delivers what it had not sent.",
    }
    end(session, where, job_id, JobStatus.FAILED, error)


def _after_crash(session: Session, where: Update, job_id: str, row: Any, cause: Cause) -> JobStatus:
    """What becomes of a job, by its `num_crashes` so far, its `max_crashes` and the `request` of it."""
    if row.request == Request.CANCEL:
        end(session, where, job_id, JobStatus.CANCELLED)
        return JobStatus.CANCELLED
    if row.request == Request.PAUSE:  # whoever asked for that decides when it is tried again
        _pause(session, where, cause, job_id)
        return JobStatus.PAUSED
    num_crashes = row.num_crashes + 1
    if num_crashes < row.max_crashes:
        _requeue(session, where, cause, job_id, num_crashes=1)
        return JobStatus.QUEUED
    end(session, where, job_id, JobStatus.FAILED, causes.crash_loop(num_crashes, cause).as_json())
    return JobStatus.FAILED


def _requeue(session: Session, where: Update, cause: Cause, job_id: str, *, num_crashes: int) -> None:
    _let_go(session, where, cause, job_id, JobStatus.QUEUED, num_crashes=Job.num_crashes + num_crashes)


def _pause(session: Session, where: Update, cause: Cause, job_id: str) -> None:
    _let_go(session, where, cause, job_id, JobStatus.PAUSED, request=None, requested_at=None)


def _let_go(session: Session, where: Update, cause: Cause, job_id: str, status: JobStatus, **values: Any) -> None:
    why = cause.as_json()
    nobodys = {"worker_id": None, "pid": None, "lease_until": None}
    move(session, where, job_id, {"status": status, "cause": why}, status=status, cause=why, **nobodys, **values)
