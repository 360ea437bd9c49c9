"""Curves as they are read: the summary of each series, a range of it in few enough buckets, its raw points.

A series is what the "metrics" events of a stream hold under one name, less what later "rewind" events superseded. What
is drawn comes from the pyramid of buckets beside it (`app.pyramids` writes it), so that a read has a bounded cost.
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from app import columns, rollups
from app.columns import Points
from app.db.tables import Event, Rollup, Series

METRICS = "metrics"  # the two kinds of events that curves are made of
REWIND = "rewind"
LAYERS = "layers/"  # before the names of the series that tell of layers: some for each, so lists leave them out
RAW_READ_LIMIT = 20_000  # points of a range that are read one by one rather than from buckets
_CROWDED_STEPS = 100_000  # steps over which few points are looked up one by one


@dataclass(frozen=True, eq=False)
class SeriesRead:
    """A series over a range, drawn with few enough buckets (B,). `raw` says that each bucket is one point."""

    name: str
    num_points: int
    raw: bool
    buckets: rollups.Buckets

    def as_json(self) -> dict[str, Any]:
        """The form that clients read; the figures of a bucket without finite values are null or spelled out."""
        b = self.buckets
        mean = np.divide(b.sum, b.num_finite, out=np.full(len(b), np.nan), where=b.num_finite > 0)
        figures = {
            "first": b.first,
            "min": b.min,
            "max": b.max,
            "mean": mean,
            "values": _with_words(b),
        }
        return {
            "name": self.name,
            "num_points": self.num_points,
            "num_in_range": count(b),
            "num_drawn": len(b),
            "raw": self.raw,
            "from_steps": b.first_step.tolist(),
            "steps": b.last_step.tolist(),
            **{
                name: [None if v != v else v for v in np.asarray(a).tolist()] if name != "values" else a
                for name, a in figures.items()
            },
            "num": b.num_points.tolist(),
            "num_nan": b.num_nan.tolist(),
            "num_pos_inf": b.num_pos_inf.tolist(),
            "num_neg_inf": b.num_neg_inf.tolist(),
        }


def _with_words(b: rollups.Buckets) -> list[float | str]:
    """The last value of each bucket; where none is finite, the word for what there was instead."""
    words = np.where(b.num_nan > 0, np.nan, np.where(b.num_pos_inf > 0, np.inf, -np.inf))
    return columns.spell(np.where(b.num_finite > 0, b.last, words))


def list_series(
    session: Session, job_ids: Sequence[str], *, without_layers: Sequence[str] = ()
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each job, its series by name, each with the summary that lists show; of some jobs not those of layers."""
    found: dict[str, dict[str, dict[str, Any]]] = {job_id: {} for job_id in job_ids}
    query = select(Series).where(Series.job_id.in_(list(job_ids))).order_by(Series.name)
    if without_layers:
        query = query.where(not_(Series.name.like(f"{LAYERS}%")) | Series.job_id.not_in(list(without_layers)))
    for row in session.scalars(query):
        found[row.job_id][row.name] = {
            "last": row.last_word or row.last,
            "last_step": row.last_step,
            "min": row.min,
            "max": row.max,
            "num_points": row.num_points,
            "num_non_finite": row.num_nan + row.num_pos_inf + row.num_neg_inf,
        }
    return found


def read_series(
    session: Session,
    job_id: str,
    name: str,
    *,
    from_step: int = 0,
    to_step: int | None = None,
    max_points: int = 1000,
) -> SeriesRead | None:
    """A series between two steps, both included, in at most `max_points` buckets; None when there is none of that name.

    The rows read are at most sixteen times `max_points`, however long the series is.
    """
    row = session.execute(select(Series).where(Series.job_id == job_id, Series.name == name)).scalar_one_or_none()
    if row is None:
        return None
    to_step = row.last_step if to_step is None else min(to_step, row.last_step)
    from_step = max(0, from_step)
    buckets = _buckets_between(session, row, from_step, to_step, max_points)
    raw = bool((buckets.first_step == buckets.last_step).all()) and count(buckets) == len(buckets)
    return SeriesRead(name, row.num_points, raw, buckets)


def read_points(
    session: Session, job_id: str, name: str, from_step: int, to_step: int, *, with_times: bool = False
) -> Points:
    """Every raw point of a series between two steps, both included, without what a rewind superseded.

    With times, those that were told with the points, else those of their events.
    """
    kept: list[Points] = []
    # Only points have steps. To ask for their kind besides would lead SQLite through the whole run by another index.
    found_in = (Event.job_id == job_id, Event.to_step >= from_step, Event.from_step <= to_step)
    batches = session.execute(select(Event.seq, Event.time, Event.body).where(*found_in).order_by(Event.seq))
    rewinds = deque(list_rewinds(session, job_id))
    for seq, time, body in batches:
        while rewinds and rewinds[0][0] < seq:
            kept = _cut(kept, rewinds.popleft()[1])
        found = [points for points in columns.decode(body) if points.name == name]
        found = [points.timed(time) for points in found] if with_times else found
        kept += [p.select((p.steps >= from_step) & (p.steps <= to_step)) for p in found]
    for _, last in rewinds:
        kept = _cut(kept, last)
    if not kept:
        return Points.of(name, [], [], [])
    times = np.concatenate([p.timed(0).times for p in kept]) if with_times else None
    return Points(name, np.concatenate([p.steps for p in kept]), np.concatenate([p.values for p in kept]), times)


def list_rewinds(session: Session, job_id: str, *, newest: int | None = None) -> list[tuple[int, int]]:
    """The number of each rewind of a stream in order, and the step to which it went back; or only of the newest few."""
    query = select(Event.seq, Event.body).where(Event.job_id == job_id, Event.kind == REWIND)
    rows = session.execute(query.order_by(Event.seq.desc()).limit(newest)).all()
    return [(seq, json.loads(body)["to_step"]) for seq, body in reversed(rows)]


def _cut(kept: Sequence[Points], last: int) -> list[Points]:
    return [points.select(points.steps <= last) for points in kept]


def _buckets_between(session: Session, row: Series, from_step: int, to_step: int, max_points: int) -> rollups.Buckets:
    """Raw points where the range holds few, else the finest level whose rows stay within bounds, merged to fit."""
    span = max(0, to_step - from_step + 1)
    most = 16 * max_points
    if span <= min(RAW_READ_LIMIT, most):
        return merged_to(_points_between(session, row, from_step, to_step), max_points)
    # A level has no more rows than the series has points: one that is recorded rarely is read at the finest.
    levels = (k for k in rollups.LEVELS if span / rollups.FACTOR**k <= most or row.num_points <= most)
    buckets = _level_between(session, row, next(levels, rollups.LEVELS[-1]), from_step, to_step)
    if count(buckets) <= max_points:
        buckets = _resolved(session, row, buckets)
    return merged_to(buckets, max_points)


def _points_between(session: Session, row: Series, from_step: int, to_step: int) -> rollups.Buckets:
    return rollups.of_points(read_points(session, row.job_id, row.name, from_step, to_step))


def _level_between(session: Session, row: Series, level: int, from_step: int, to_step: int) -> rollups.Buckets:
    """The buckets of a level that lie in a range whole, and at its ends those of the levels below: so none sticks out.

    Further than the last step the range may as well be whole. At most two ends of sixteen rows a level come to it.
    """
    if level == 0:
        return _points_between(session, row, from_step, to_step)
    width = rollups.FACTOR**level
    first = -(-from_step // width)
    end = (row.last_step if to_step >= row.last_step else to_step + 1 - width) // width + 1
    if first >= end:
        return _level_between(session, row, level - 1, from_step, to_step)
    parts = [read_buckets(session, row.id, level, first, end - 1)]
    if first * width > from_step:
        parts.insert(0, _level_between(session, row, level - 1, from_step, first * width - 1))
    if end * width <= min(to_step, row.last_step):
        parts.append(_level_between(session, row, level - 1, end * width, to_step))
    return rollups.join(parts)


def _resolved(session: Session, row: Series, buckets: rollups.Buckets) -> rollups.Buckets:
    """Few points that stand close together are told one by one, unless that would mean to read a long stretch."""
    crowded = np.flatnonzero(buckets.first_step != buckets.last_step)
    if not len(crowded):
        return buckets
    start, end = int(crowded[0]), int(crowded[-1]) + 1
    from_step, to_step = int(buckets.first_step[start]), int(buckets.last_step[end - 1])
    if to_step - from_step >= _CROWDED_STEPS:
        return buckets
    within = _points_between(session, row, from_step, to_step)
    return rollups.join([buckets.part(0, start), within, buckets.part(end, len(buckets))])


def merged_to(buckets: rollups.Buckets, max_points: int) -> rollups.Buckets:
    """The same in at most so many buckets."""
    if len(buckets) <= max_points:
        return buckets
    per_group = -(-len(buckets) // max_points)
    return rollups.group(buckets, np.arange(len(buckets)) // per_group)


def count(buckets: rollups.Buckets) -> int:
    """How many points buckets (B,) hold together."""
    return int(buckets.num_points.sum())


def read_buckets(session: Session, series_id: int, level: int, first: int, last: int) -> rollups.Buckets:
    """The buckets of a level between two bucket numbers, both included."""
    query = (
        select(*(getattr(Rollup, name) for name in rollups.Buckets.__dataclass_fields__))
        .where(Rollup.series_id == series_id, Rollup.level == level, Rollup.bucket.between(first, last))
        .order_by(Rollup.bucket)
    )
    return rollups.of_rows([tuple(row) for row in session.execute(query)])
