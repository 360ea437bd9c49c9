"""The event log: everything that happens to a job, as one append-only stream numbered without holes.

The stream is the live protocol, the replay after a reconnect and the history. Beside it, in the same transaction, each
series keeps a pyramid of buckets (`app.pyramids`), so that a chart of any length reads a bounded number of rows.
The caller brings the numbers: `app.queue.fence` hands them out to whoever holds the job.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy import insert as sql_insert
from sqlalchemy.orm import Session

from app import columns, pyramids
from app.columns import Points
from app.curves import METRICS, REWIND
from app.db.tables import Event as EventRow
from app.db.tables import Job

__all__ = [
    "METRICS",
    "REWIND",
    "Event",
    "New",
    "insert",
    "last_seqs",
    "latest",
    "numbers",
    "read",
    "read_numbered",
    "weigh",
]

_HEAD_BYTES = 4096  # of a batch of points: enough to count those of fifty series
_EVENTS = cast("Table", EventRow.__table__)  # the ORM's way of inserting costs twice the time


@dataclass(frozen=True)
class New:
    """An event to append. The body of a "metrics" event is `points`; of any other, `body`, which must be JSON.

    With `time`, in seconds since the epoch, it happened then, not now: what is imported has happened long ago.
    """

    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    points: Sequence[Points] = ()
    time: float | None = None


@dataclass(frozen=True)
class Event:
    """An event as it was appended. `time` is in seconds since the epoch, on the database's clock."""

    seq: int
    time: float
    kind: str
    body: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The form that clients read."""
        return {"seq": self.seq, "time": self.time, "kind": self.kind, "body": self.body}


def insert(session: Session, job_id: str, last_seq: int, time: float, new: Sequence[New]) -> None:
    """Append events whose last number is `last_seq`, and bring the roll-ups up to date, in the caller's transaction."""
    seq = last_seq - len(new)
    for batch in _up_to_rewinds(new):
        # A rewind looks into the stream: what comes after it must not be there yet.
        session.execute(sql_insert(_EVENTS), [_row(job_id, seq + i, time, event) for i, event in enumerate(batch, 1)])
        seq += len(batch)
        pyramids.add(session, job_id, [points for event in batch if event.kind == METRICS for points in event.points])
        if batch[-1].kind == REWIND:
            pyramids.rewind(session, job_id, batch[-1].body["to_step"])


def _up_to_rewinds(new: Sequence[New]) -> Iterator[list[New]]:
    """The events in parts, each of which ends with a rewind, but for the last."""
    part: list[New] = []
    for event in new:
        part.append(event)
        if event.kind == REWIND:
            yield part
            part = []
    if part:
        yield part


def read(
    session: Session, job_id: str, after: int = 0, limit: int = 1000, kinds: Sequence[str] | None = None
) -> list[Event]:
    """The events after number `after`, oldest first, at most `limit` of them."""
    query = _stream(job_id, kinds).where(EventRow.seq > after).order_by(EventRow.seq).limit(limit)
    return [_event(*row) for row in session.execute(query)]


def weigh(session: Session, job_id: str, after: int, upto: int) -> list[int]:
    """How many points each event after one number, up to another, holds at least, and 1 where none. Decodes nothing."""
    head = func.substr(EventRow.body, 1, _HEAD_BYTES)
    query = (
        select(EventRow.kind, func.length(EventRow.body), head)
        .where(EventRow.job_id == job_id, EventRow.seq > after, EventRow.seq <= upto)
        .order_by(EventRow.seq)
    )
    return [max(1, columns.count(head, size)) if kind == METRICS else 1 for kind, size, head in session.execute(query)]


def latest(session: Session, job_id: str, kinds: Sequence[str], limit: int, before: int | None = None) -> list[Event]:
    """The newest events of some kinds, oldest first; with `before`, those before that number."""
    query = _stream(job_id, kinds).order_by(EventRow.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(EventRow.seq < before)
    return [_event(*row) for row in session.execute(query)][::-1]


def numbers(session: Session, job_id: str, kind: str) -> list[int]:
    """The numbers of all events of a kind, oldest first."""
    query = select(EventRow.seq).where(EventRow.job_id == job_id, EventRow.kind == kind).order_by(EventRow.seq)
    return list(session.scalars(query))


def read_numbered(session: Session, job_id: str, seqs: Sequence[int]) -> list[Event]:
    """The events of these numbers, oldest first."""
    query = _stream(job_id, None).where(EventRow.seq.in_(list(seqs))).order_by(EventRow.seq)
    return [_event(*row) for row in session.execute(query)]


def last_seqs(session: Session, job_ids: Iterable[str]) -> dict[str, int]:
    """How far each stream has come."""
    query = select(Job.id, Job.last_seq).where(Job.id.in_(list(job_ids)))
    return {row.id: row.last_seq for row in session.execute(query)}


def _stream(job_id: str, kinds: Sequence[str] | None) -> Any:
    query = select(EventRow.seq, EventRow.time, EventRow.kind, EventRow.body).where(EventRow.job_id == job_id)
    return query if kinds is None else query.where(EventRow.kind.in_(list(kinds)))


def _event(seq: int, time: float, kind: str, body: bytes) -> Event:
    if kind == METRICS:
        return Event(seq, time, kind, {"series": [points.as_json() for points in columns.decode(body)]})
    return Event(seq, time, kind, json.loads(body))


def _row(job_id: str, seq: int, time: float, event: New) -> dict[str, Any]:
    at = time if event.time is None else event.time
    row: dict[str, Any] = {"job_id": job_id, "seq": seq, "time": at, "kind": event.kind}
    if event.kind != METRICS:
        body = json.dumps(event.body, separators=(",", ":"), allow_nan=False).encode()
        return row | {"body": body, "from_step": None, "to_step": None}
    filled = [points for points in event.points if len(points.steps)]
    return row | {
        "body": columns.encode(event.points),
        "from_step": min((int(points.steps[0]) for points in filled), default=None),
        "to_step": max((int(points.steps[-1]) for points in filled), default=None),
    }
