"""Every point of a stream, in pieces of bounded size, without what rewinds superseded: for exports and repairs.

A pass sees the stream as it was when the pass began, however long it takes: what is in a stream never changes.
"""

from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import columns
from app.columns import Points
from app.curves import METRICS, list_rewinds
from app.db.tables import Event, Job

PIECE_BYTES = 1 << 20  # of stored points: at most a quarter of a million, but for a single larger event
PIECE_EVENTS = 1000
MAX_STEP = (1 << 63) - 1


class Pass:
    """One way through a job's points. Each piece may be read with a session of its own, so that none stays open."""

    def __init__(self, session: Session, job_id: str, from_step: int = 0, to_step: int | None = None) -> None:
        self.job_id = job_id
        self._range = (from_step, MAX_STEP if to_step is None else to_step)
        self._last_seq: int = session.scalar(select(Job.last_seq).where(Job.id == job_id)) or 0
        rewinds = [(seq, step) for seq, step in list_rewinds(session, job_id) if seq <= self._last_seq]
        self._rewinds = np.array([seq for seq, _ in rewinds], np.int64)  # (R,)
        self._limits = lowest_from([step for _, step in rewinds])

    def read(
        self, session: Session, after: int = 0, names: Collection[str] | None = None
    ) -> tuple[list[Points], int | None]:
        """The points after an event, a `Points` with times for each series; and the event to go on from, if any."""
        sizes = session.execute(self._query(Event.seq, func.length(Event.body)).where(Event.seq > after)).all()
        if not sizes:
            return [], None
        totals = accumulate(size for _, size in sizes)
        num_fitting = max(1, sum(total <= PIECE_BYTES for total in totals))
        end: int = sizes[num_fitting - 1][0]
        query = self._query(Event.seq, Event.time, Event.body).where(Event.seq > after, Event.seq <= end)
        by_name: dict[str, list[Points]] = {}
        for seq, time, body in session.execute(query):
            for points in columns.decode(body):
                if names is None or points.name in names:
                    by_name.setdefault(points.name, []).append(self._standing(points, seq).timed(time))
        joined = (_joined(name, parts) for name, parts in by_name.items())
        return [points for points in joined if len(points.steps)], end

    def _query(self, *what: Any) -> Any:
        first, last = self._range
        return (
            select(*what)
            .where(Event.job_id == self.job_id, Event.kind == METRICS, Event.seq <= self._last_seq)
            .where(Event.from_step <= last, Event.to_step >= first)
            .order_by(Event.seq)
            .limit(PIECE_EVENTS)
        )

    def _standing(self, points: Points, seq: int) -> Points:
        first, last = self._range
        later = int(np.searchsorted(self._rewinds, seq))
        last = min(last, int(self._limits[later])) if later < len(self._limits) else last
        return points.select((points.steps >= first) & (points.steps <= last))


def lowest_from(to_steps: Sequence[int]) -> columns.Steps:
    """The lowest step (R,) to which each rewind or a later one went back."""
    return np.minimum.accumulate(np.array(to_steps, np.int64)[::-1])[::-1]


def _joined(name: str, parts: list[Points]) -> Points:
    times: Any = [points.times for points in parts]
    steps, values = [points.steps for points in parts], [points.values for points in parts]
    return Points(name, np.concatenate(steps), np.concatenate(values), np.concatenate(times))
