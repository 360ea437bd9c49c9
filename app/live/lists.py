"""Which items of a list have changed since the last look: the runs, the workers. Sync; runs in a thread."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.db import Database, now
from app.db.tables import Job, Run
from app.ids import first_id_at
from app.queue import JobStatus
from app.runs import service as runs
from app.workers import service as workers

RECENT_S = 60
COUNTED_EVERY_S = 1.0
MAX_CHANGED = 500
_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED)


class TooMany(Exception):
    """So much has changed at once that reading the list again is the shorter way."""


class Source(Protocol):
    """A list that is followed."""

    every_s: float

    def changed(self) -> dict[str, str]:
        """The items that changed since the last call, as JSON by id. Raises TooMany."""
        ...


@dataclass(frozen=True)
class _Census:
    """When the runs were counted, how many they were, the newest id, and how many have gone since the count before."""

    at: float
    num: int
    newest: str
    num_gone: int


class RunList:
    """The runs. The first look gives what a page that was made just before may have missed."""

    every_s = 0.25

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: dict[str, tuple[Any, ...]] | None = None
        self._active: list[str] = []
        self._known: _Census | None = None

    def changed(self) -> dict[str, str]:
        """The runs whose training or export has moved."""
        with self._db.read() as session:
            states, census = self._states(session), self._census(session)
            seen, is_first = self._seen or {}, self._seen is None
            changed = [job_id for job_id, state in states.items() if seen.get(job_id) != state]
            if is_first:
                changed = sorted(changed)[-MAX_CHANGED:]
            # A list tells what is there, not what is not: when some are gone, whoever follows reads it again.
            is_too_much = len(changed) > MAX_CHANGED or census.num_gone > 0
            found = runs.summaries(session, _runs_of(session, changed)) if changed and not is_too_much else []
        # Only now: a look that failed has told nobody.
        self._seen, self._known = states, census
        self._active = [job_id for job_id, state in states.items() if state[0] in _ACTIVE]
        if is_too_much:
            raise TooMany
        return {run.id: run.model_dump_json() for run in found}

    def _census(self, session: Session) -> "_Census":
        """How many runs there are; counted at most every `COUNTED_EVERY_S`, for a hundred thousand take a while."""
        known = self._known
        if known is not None and time.monotonic() < known.at + COUNTED_EVERY_S:
            return replace(known, num_gone=0)
        num, newest = session.execute(select(func.count(), func.max(Run.id)).select_from(Run)).one()
        num_new = session.scalar(select(func.count()).where(Run.id > known.newest)) or 0 if known else 0
        num_gone = known.num + num_new - num if known else 0
        return _Census(time.monotonic(), num, newest or "", max(0, num_gone))

    def _states(self, session: Session) -> dict[str, tuple[Any, ...]]:
        """What tells whether a job has moved, of each that can have: active ones, those that were, new ones."""
        where: list[ColumnElement[bool]] = [
            Job.status.in_(_ACTIVE),
            Job.id.in_(self._active),
            Job.id > first_id_at(time.time() - RECENT_S),
        ]
        if self._seen is None:
            where.append(Job.finished_at > now() - RECENT_S)
        query = select(Job.id, Job.status, Job.last_seq, Job.request, Job.attempt).where(or_(*where))
        return {job_id: tuple(state) for job_id, *state in session.execute(query)}


def _runs_of(session: Session, job_ids: Sequence[str]) -> list[str]:
    query = select(Run.id).where(or_(Run.job_id.in_(job_ids), Run.export_job_id.in_(job_ids)))
    return list(session.scalars(query))


class WorkerList:
    """The workers. One has changed too when it was heard of, and when it was not for too long."""

    every_s = 1.0

    def __init__(self, db: Database, alive_within_s: float, beat_s: float = 10) -> None:
        self._db = db
        self._alive_within_s = alive_within_s
        self._beat_s = beat_s
        self._seen: dict[str, tuple[str, float]] = {}

    def changed(self) -> dict[str, str]:
        """The workers of which something other than the silence since their last beat has changed.

        Raises TooMany when one was forgotten.
        """
        with self._db.read() as session:
            listed = workers.list_workers(session, self._alive_within_s, self._beat_s)
        gone = self._seen.keys() - {worker.id for worker in listed}
        if gone:
            self._seen = {}
            raise TooMany  # a list tells what is there, not what is not: whoever follows reads it again
        changed: dict[str, str] = {}
        for worker in listed:
            state, age_s = worker.model_dump_json(exclude={"heartbeat_at", "heartbeat_age_s"}), worker.heartbeat_age_s
            known = self._seen.get(worker.id)
            if known is None or known[0] != state or age_s < known[1]:
                changed[worker.id] = worker.model_dump_json()
            self._seen[worker.id] = (state, age_s)
        return changed
