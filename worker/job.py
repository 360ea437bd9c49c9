"""A job as its handler sees it: say what happens, ask what was requested, commit what must hold together.

Points and events are buffered and leave in batches from a thread of their own, each batch in one fenced transaction;
the handler never waits for the database but in `commit` and `flush`. A batch whose reply was lost is stored once.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import events, queue
from app.columns import Points
from app.db import UNAVAILABLE, Database
from app.db.tables import Job as JobRow
from app.queue import Claim, LeaseLost
from app.settings import Settings
from app.storage import Storage

T = TypeVar("T")
_log = logging.getLogger(__name__)

STOP = "stop"  # the worker is told to go; the job is to be given back
_LOOK_EVERY_S = 0.5  # how often an otherwise silent job looks for requests
_FIRST_PAUSE_S = 0.01
_RETRY_FOR_S = 60.0  # how long a database that is away is waited for


class Deserted(Exception):
    """Raised by a handler when another process that it trains with is gone: who started them knows why."""


class Cancelled(Exception):
    """Raised by a handler once it has obeyed `Job.requested`."""


@dataclass(frozen=True)
class Ending:
    """What ends a job well: `write` makes its results true, and `told` tells of them, in one transaction."""

    write: Callable[[Session], Any]
    told: Sequence[events.New] = ()


class Job:
    """One claimed job. Methods may be called from any thread; `commit` raises LeaseLost when the job was taken away."""

    def __init__(self, claim: Claim, db: Database, settings: Settings) -> None:
        self.claim, self.db, self.settings = claim, db, settings
        self.storage = Storage(settings.data_dir)
        self._asked: str | None = None
        self.num_controls = claim.num_controls  # that there are, as far as it was heard of
        self._is_stopping = False
        self._pending: list[events.New] = []
        self._points: list[Points] | None = None  # of the newest pending event that takes more
        self._batch = 0
        self._has_points = False
        self._lost = False
        self._buffering = threading.Lock()
        self._writing = threading.Lock()
        self._said = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_regularly, name="reporter", daemon=True)
        self._thread.start()

    @property
    def requested(self) -> str | None:
        """What is asked of the job now: "cancel", "pause", or "stop" when the worker has to go. Raises LeaseLost."""
        if self._lost:
            raise LeaseLost(self.claim.job_id)
        return self._asked or (STOP if self._is_stopping else None)

    def stop(self) -> None:
        """The worker has to go."""
        self._is_stopping = True

    def log(self, text: str, level: str = "info") -> None:
        """A line for the run's log."""
        self.event("log", {"level": level, "text": text})

    def event(self, kind: str, body: dict[str, Any]) -> None:
        """Anything else that belongs on the stream; `body` must be JSON."""
        with self._buffering:
            self._pending.append(events.New(kind, body))
            if kind != "log":  # points may have been said before a line of the log; before a rewind they mean others
                self._points = None
        self._said.set()

    def progress(self, body: dict[str, Any]) -> None:
        """How far the job is. Only the newest leaves with a batch."""
        with self._buffering:
            self._pending = [event for event in self._pending if event.kind != "progress"]
            self._pending.append(events.New("progress", body))
        self._said.set()

    def metrics(self, name: str, steps: ArrayLike, values: ArrayLike) -> None:
        """Points (N,) of the series `name`, in the order of their steps."""
        points = Points.of(name, steps, values)
        self._has_points = True
        with self._buffering:
            if self._points is None:
                self._points = []
                self._pending.append(events.New(events.METRICS, points=self._points))
            self._points.append(points)
        self._said.set()

    def flush(self) -> None:
        """Wait until everything reported so far is durable. Raises LeaseLost."""
        self.commit(lambda session: None)

    def commit(self, write: Callable[[Session], T], *, events: Sequence[events.New] = ()) -> T:
        """Everything reported so far, then `events`, and then `write`, in one fenced transaction. Raises LeaseLost.

        Of a row that `write` adds, tell by `events`: what goes through `event` may be durable before the row is.
        """
        with self._writing:
            return self._store(write, events)

    def close(self) -> None:
        """Stop the thread; what is still buffered is dropped."""
        self._closing.set()
        self._said.set()
        self._thread.join(timeout=30)

    def _store(self, write: Callable[[Session], T], told: Sequence[events.New]) -> T:
        batch = [*self._take(), *told]
        self._batch += 1
        deadline = time.monotonic() + _RETRY_FOR_S
        retrying = False
        while True:
            try:
                with self.db.write() as session:
                    return self._store_once(session, batch, write, retrying)
            except UNAVAILABLE as error:
                if time.monotonic() > deadline:
                    raise
                _log.warning("job %s: the database did not answer, trying again: %s", self.claim.job_id, _of(error))
                retrying = True
                time.sleep(0.5)

    def _store_once(
        self, session: Session, batch: list[events.New], write: Callable[[Session], T], retrying: bool
    ) -> T:
        if retrying and self._arrived(session):
            queue.fence(session, self.claim, lease_s=self.settings.lease_s)
        else:
            progress = next((event.body for event in reversed(batch) if event.kind == "progress"), None)
            fence = queue.fence(
                session,
                self.claim,
                lease_s=self.settings.lease_s,
                num_events=len(batch),
                progress=progress,
                batch=self._batch,
                pid=os.getpid() if self._batch == 1 else None,
            )
            events.insert(session, self.claim.job_id, fence.last_seq, fence.time, batch)
            self._asked, self.num_controls = fence.request, fence.num_controls
        return write(session)

    def _arrived(self, session: Session) -> bool:
        """Whether the batch was committed although its reply was lost."""
        query = select(JobRow.last_batch).where(JobRow.id == self.claim.job_id, JobRow.attempt == self.claim.attempt)
        return session.execute(query).scalar_one_or_none() == self._batch

    def _take(self) -> list[events.New]:
        with self._buffering:
            batch, self._pending, self._points = self._pending, [], None
        return [_merged(event) if event.kind == events.METRICS else event for event in batch]

    def _write_regularly(self) -> None:
        """What is said first leaves at once, what follows in batches: every 10 ms, then every 20 … every `flush_s`.

        The first points leave as soon as that; from then on a batch takes the interpreter from the training.
        """
        pause_s = _FIRST_PAUSE_S
        while not self._closing.is_set():
            said_something = self._said.wait(_LOOK_EVERY_S)
            self._said.clear()
            try:
                if said_something:
                    self.flush()
                    self._closing.wait(pause_s)
                    pause_s = self.settings.flush_s if self._has_points else min(2 * pause_s, self.settings.flush_s)
                else:
                    self._look()
            except LeaseLost:
                self._lost = True
                return
            except SQLAlchemyError as error:  # else the handler would go on for a job that nobody hears of
                _log.error("job %s: gave up on the database: %s", self.claim.job_id, _of(error))
                self._lost = True
                return

    def _look(self) -> None:
        heard = select(JobRow.request, JobRow.num_controls)
        mine = heard.where(JobRow.id == self.claim.job_id, JobRow.attempt == self.claim.attempt)
        with self.db.read() as session:
            row = session.execute(mine).one_or_none()
        if row is not None:
            self._asked, self.num_controls = row.request, row.num_controls


class Silent(Job):
    """A job as a process has it that only takes part: it says nothing, changes nothing, and nothing is asked of it."""

    def __init__(self, claim: Claim, db: Database, settings: Settings) -> None:
        self.claim, self.db, self.settings = claim, db, settings
        self.storage = Storage(settings.data_dir)
        self.num_controls = claim.num_controls

    @property
    def requested(self) -> str | None:
        """Nothing."""
        return None

    def event(self, kind: str, body: dict[str, Any]) -> None:
        """Nobody hears it."""

    def progress(self, body: dict[str, Any]) -> None:
        """Nobody hears it."""

    def metrics(self, name: str, steps: ArrayLike, values: ArrayLike) -> None:
        """Nobody hears it."""

    def commit(self, write: Callable[[Session], T], *, events: Sequence[events.New] = ()) -> T:
        """Nothing is written."""
        return None  # type: ignore[return-value]  # nobody asks what it gave

    def close(self) -> None:
        """There is nothing to stop."""


def _of(error: Exception) -> object:
    """What the driver said, without the statement, where it is the driver's."""
    return getattr(error, "orig", error)


def _merged(event: events.New) -> events.New:
    """The points of a batch with each series in one piece."""
    by_name: dict[str, list[Points]] = {}
    for points in event.points:
        by_name.setdefault(points.name, []).append(points)
    return events.New(
        event.kind,
        points=[
            Points(name, np.concatenate([p.steps for p in parts]), np.concatenate([p.values for p in parts]))
            for name, parts in by_name.items()
        ],
    )
