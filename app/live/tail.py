"""Reads what is new in the streams that a process follows: once for all of their readers. Sync; runs in a thread.

SQLite tells for a few microseconds whether anyone has committed; Postgres is asked how far the followed streams have
come. No Redis and no NOTIFY: a poll costs one look, whatever the number of browsers.
"""

from collections.abc import Mapping
from itertools import accumulate

from sqlalchemy.orm import Session

from app import events
from app.db import Database, Pulse
from app.errors import NotFound
from app.live.buffer import CAPACITY, Buffer, Entry

MAX_NEW = 500  # events read at once; further behind than that, the buffer is made anew from the end
_PIECE = 64


News = list[Entry] | Buffer | None  # what follows; or a new end, after a gap; or: there is no such stream any more


class Tail:
    """The followed streams of a process, as the database has them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pulse = Pulse(db)
        self._seen: int | None = None

    def load(self, job_id: str) -> Buffer:
        """The end of a stream, as much as a buffer holds. Raises NotFound."""
        with self._db.read() as session:
            return _load(session, job_id)

    def last_seq(self, job_id: str) -> int:
        """How far a stream has come; 0 when there is none."""
        with self._db.read() as session:
            return events.last_seqs(session, [job_id]).get(job_id, 0)

    def look(self, cursors: Mapping[str, int], *, force: bool) -> dict[str, News]:
        """What is new in each stream after its cursor; nothing where nothing is.

        `force`: look although nobody has committed, for some cursor is of a moment before the last look.
        """
        version = self._pulse.read()
        if not cursors or (version is not None and version == self._seen and not force):
            return {}
        with self._db.read() as session:
            last_seqs = events.last_seqs(session, cursors)
            behind = {job_id: after for job_id, after in cursors.items() if last_seqs.get(job_id) != after}
            news = {job_id: _news(session, job_id, after, last_seqs.get(job_id)) for job_id, after in behind.items()}
        self._seen = version  # only now: had the read failed, the next look must not think that it had happened
        return news

    def close(self) -> None:
        """Let go of the database."""
        self._pulse.close()


def _news(session: Session, job_id: str, after: int, last_seq: int | None) -> News:
    if last_seq is None:
        return None
    if not 0 <= last_seq - after <= MAX_NEW or sum(events.weigh(session, job_id, after, last_seq)) > CAPACITY:
        return _load(session, job_id)
    return _read(session, job_id, after, last_seq)


def _load(session: Session, job_id: str) -> Buffer:
    last_seq = events.last_seqs(session, [job_id]).get(job_id)
    if last_seq is None:
        raise NotFound(f"There is no stream {job_id}.")
    buffer = Buffer(job_id, last_seq)
    room = CAPACITY
    while buffer.floor > 0 and room > 0:
        # Points are counted before they are decoded: a batch that does not fit may be a thousand times what does.
        costs = events.weigh(session, job_id, max(0, buffer.floor - _PIECE), buffer.floor)
        fitting = [cost for cost in accumulate(reversed(costs)) if cost <= room]
        if not fitting or not buffer.prepend(_read(session, job_id, buffer.floor - len(fitting), buffer.floor)):
            break
        room = room - fitting[-1] if len(fitting) == len(costs) else 0
    return buffer


def _read(session: Session, job_id: str, after: int, upto: int) -> list[Entry]:
    """The events after one number, up to another. What is up to a stream's `last_seq` never changes."""
    return [Entry.of(event) for event in events.read(session, job_id, after=after, limit=upto - after)]
