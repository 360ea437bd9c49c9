"""Which items of a list have changed since the last look: the runs, the workers. Sync; runs in a thread."""

import time
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.db import Database, now
from app.db.tables import Job, Run
from app.ids import first_id_at
from app.queue import JobStatus
from app.runs import service as runs
from app.workers import service as workers

RECENT_S = 60
MAX_CHANGED = 500
_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class TooMany(Exception):
    """So much has changed at once that reading the list again is the shorter way."""


class Source(Protocol):
    """A list that is followed."""

    every_s: float

    def changed(self) -> dict[str, str]:
        """The items that changed since the last call, as JSON by id. Raises TooMany."""
        ...


class RunList:
    """The runs. The first look gives what a page that was made just before may have missed."""

    every_s = 0.25

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: dict[str, tuple[Any, ...]] | None = None
        self._active: list[str] = []

    def changed(self) -> dict[str, str]:
        """The runs whose training or export has moved."""
        with self._db.read() as session:
            states = self._states(session)
            seen = {} if self._seen is None else self._seen
            changed = [job_id for job_id, state in states.items() if seen.get(job_id) != state]
            is_first, self._seen = self._seen is None, states
            self._active = [job_id for job_id, state in states.items() if state[0] in _ACTIVE]
            if is_first:
                changed = sorted(changed)[-MAX_CHANGED:]
            if len(changed) > MAX_CHANGED:
                raise TooMany
            found = runs.summaries(session, _runs_of(session, changed)) if changed else []
        return {run.id: run.model_dump_json() for run in found}

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
