"""Ghost branches: the points that a rewind superseded. They stay in the stream, and a chart shows where they led.

Between two rewinds lies one attempt; what of it went beyond the step that a later rewind returned to is a branch. Only
the newest are read, each from a bounded number of events: their buckets are gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import columns, rollups
from app.columns import Points
from app.curves import METRICS, SeriesRead, list_rewinds, merged_to
from app.db.tables import Event
from app.stretches import lowest_from

MAX_BRANCHES = 20
MAX_EVENTS = 1000  # that are read for all of them together
MAX_POINTS = 500  # of one branch of one series


@dataclass(frozen=True, eq=False)
class Ghost:
    """A branch of one series, which the rewind `seq` to `to_step` superseded. `times` (B,) say when its buckets ended.

    Not `is_whole`: only some of its events were read, evenly chosen.
    """

    seq: int
    to_step: int
    is_whole: bool
    read: SeriesRead
    times: columns.Times


@dataclass(frozen=True)
class _Attempt:
    """The events between two rewinds, numbers not included, and the lowest step to which a rewind after them went."""

    after: int
    before: int
    to_step: int


def read(
    session: Session,
    job_id: str,
    names: Sequence[str],
    *,
    from_step: int = 0,
    to_step: int | None = None,
    max_points: int = MAX_POINTS,
) -> list[Ghost]:
    """The branches of some series that reach into a range of steps, the newest rewind first."""
    found: list[Ghost] = []
    attempts = _attempts(session, job_id)
    for attempt in attempts:
        parts, is_whole = _points(session, job_id, attempt, names, MAX_EVENTS // len(attempts))
        for name in names:
            points = _within(parts.get(name, []), from_step, to_step)
            if points is not None:
                found.append(_ghost(attempt, points, is_whole, min(max_points, MAX_POINTS)))
    return found


def _attempts(session: Session, job_id: str) -> list[_Attempt]:
    rewinds = list_rewinds(session, job_id, newest=MAX_BRANCHES + 1)
    starts = [0] + [seq for seq, _ in rewinds]
    lowest = lowest_from([step for _, step in rewinds]).tolist()
    attempts = [_Attempt(after, seq, low) for after, (seq, _), low in zip(starts, rewinds, lowest, strict=False)]
    # With one rewind more than are told, the oldest only says where the attempt after it began.
    return attempts[-MAX_BRANCHES:][::-1]


def _points(
    session: Session, job_id: str, attempt: _Attempt, names: Sequence[str], most: int
) -> tuple[dict[str, list[Points]], bool]:
    """What an attempt had beyond the step, by name; and whether that is all of it."""
    first, last = attempt.after + 1, attempt.before - 1
    is_whole = last - first < most
    query = select(Event.time, Event.body).where(
        Event.job_id == job_id, Event.kind == METRICS, Event.to_step > attempt.to_step
    )
    if is_whole:
        query = query.where(Event.seq.between(first, last))
    else:
        query = query.where(Event.seq.in_(np.unique(np.linspace(first, last, most).astype(int)).tolist()))
    parts: dict[str, list[Points]] = {}
    for time, body in session.execute(query.order_by(Event.seq)):
        for points in columns.decode(body):
            if points.name in names:
                beyond = points.select(points.steps > attempt.to_step).timed(time)
                parts.setdefault(points.name, []).append(beyond)
    return parts, is_whole


def _within(parts: list[Points], from_step: int, to_step: int | None) -> Points | None:
    """The parts of a branch in a range, in one; None when there is nothing."""
    last = np.iinfo(np.int64).max if to_step is None else to_step
    kept = [points.select((points.steps >= from_step) & (points.steps <= last)) for points in parts]
    kept = [points for points in kept if len(points.steps)]
    if not kept:
        return None
    times = [points.times for points in kept if points.times is not None]
    steps, values = [points.steps for points in kept], [points.values for points in kept]
    return Points(kept[0].name, np.concatenate(steps), np.concatenate(values), np.concatenate(times))


def _ghost(attempt: _Attempt, points: Points, is_whole: bool, max_points: int) -> Ghost:
    assert points.times is not None
    buckets = merged_to(rollups.of_points(points), max_points)
    read = SeriesRead(points.name, len(points.steps), len(buckets) == len(points.steps), buckets)
    ends = np.searchsorted(points.steps, buckets.last_step)
    return Ghost(attempt.before, attempt.to_step, is_whole, read, points.times[ends])
