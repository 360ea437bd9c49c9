"""The event log: everything that happens to a job, as one append-only stream numbered without holes.

The stream is the live protocol, the replay after a reconnect and the history. Beside it, in the same transaction, each
series keeps a pyramid of buckets (`app.rollups`), so that a chart of any length reads a bounded number of rows.
The caller brings the numbers: `app.queue.fence` hands them out to whoever holds the job.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

import numpy as np
from sqlalchemy import ColumnElement, Table, and_, case, delete, func, select
from sqlalchemy import insert as sql_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app import columns, rollups
from app.columns import Points
from app.db.tables import Event as EventRow
from app.db.tables import Job, Rollup
from app.db.tables import Series as SeriesRow

METRICS = "metrics"
REWIND = "rewind"
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
# The tables themselves: the ORM's way of inserting costs twice the time.
_EVENTS, _SERIES, _ROLLUPS = (cast("Table", row.__table__) for row in (EventRow, SeriesRow, Rollup))
_NON_FINITE = ("num_nan", "num_pos_inf", "num_neg_inf")
RAW_READ_LIMIT = 20_000  # points of a range that are read one by one rather than from buckets


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
            "num_drawn": len(b),
            "raw": self.raw,
            "from_steps": b.first_step.tolist(),
            "steps": b.last_step.tolist(),
            **{
                name: [None if v != v else v for v in np.asarray(a).tolist()] if name != "values" else a
                for name, a in figures.items()
            },
            "num_nan": b.num_nan.tolist(),
            "num_pos_inf": b.num_pos_inf.tolist(),
            "num_neg_inf": b.num_neg_inf.tolist(),
        }


def _with_words(b: rollups.Buckets) -> list[float | str]:
    """The last value of each bucket; where none is finite, the word for what there was instead."""
    words = np.where(b.num_nan > 0, np.nan, np.where(b.num_pos_inf > 0, np.inf, -np.inf))
    return columns.spell(np.where(b.num_finite > 0, b.last, words))


def insert(session: Session, job_id: str, last_seq: int, time: float, new: Sequence[New]) -> None:
    """Append events whose last number is `last_seq`, and bring the roll-ups up to date, in the caller's transaction."""
    first = last_seq - len(new) + 1
    if new:
        rows = [_row(job_id, first + i, time, event) for i, event in enumerate(new)]
        session.execute(sql_insert(_EVENTS), rows)
    waiting: list[Points] = []
    for event in new:
        if event.kind == METRICS:
            waiting += event.points
        elif event.kind == REWIND:
            _roll_up(session, job_id, waiting)
            waiting = []
            _rewind(session, job_id, event.body["to_step"])
    _roll_up(session, job_id, waiting)


def read(
    session: Session, job_id: str, after: int = 0, limit: int = 1000, kinds: Sequence[str] | None = None
) -> list[Event]:
    """The events after number `after`, oldest first, at most `limit` of them."""
    query = _stream(job_id, kinds).where(EventRow.seq > after).order_by(EventRow.seq).limit(limit)
    return [_event(*row) for row in session.execute(query)]


def latest(session: Session, job_id: str, kinds: Sequence[str], limit: int, before: int | None = None) -> list[Event]:
    """The newest events of some kinds, oldest first; with `before`, those before that number."""
    query = _stream(job_id, kinds).order_by(EventRow.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(EventRow.seq < before)
    return [_event(*row) for row in session.execute(query)][::-1]


def last_seqs(session: Session, job_ids: Iterable[str]) -> dict[str, int]:
    """How far each stream has come."""
    query = select(Job.id, Job.last_seq).where(Job.id.in_(list(job_ids)))
    return {row.id: row.last_seq for row in session.execute(query)}


def num_points_after(session: Session, job_id: str, after: int) -> int:
    """Roughly how many steps of points lie after an event: what a replay would have to send."""
    batches = select(func.coalesce(func.sum(EventRow.to_step - EventRow.from_step + 1), 0)).where(
        EventRow.job_id == job_id, EventRow.kind == METRICS, EventRow.seq > after
    )
    return int(session.execute(batches).scalar_one() or 0)


def list_series(session: Session, job_ids: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """For each job, its series by name, each with the summary that lists show."""
    found: dict[str, dict[str, dict[str, Any]]] = {job_id: {} for job_id in job_ids}
    query = select(SeriesRow).where(SeriesRow.job_id.in_(list(job_ids))).order_by(SeriesRow.name)
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
    row = session.execute(
        select(SeriesRow).where(SeriesRow.job_id == job_id, SeriesRow.name == name)
    ).scalar_one_or_none()
    if row is None:
        return None
    to_step = row.last_step if to_step is None else min(to_step, row.last_step)
    buckets = _buckets_between(session, row, from_step, to_step, max_points)
    raw = bool((buckets.first_step == buckets.last_step).all()) and _count(buckets) == len(buckets)
    return SeriesRead(name, row.num_points, raw, buckets)


def read_points(
    session: Session, job_id: str, name: str, from_step: int, to_step: int, *, with_times: bool = False
) -> Points:
    """Every raw point of a series between two steps, both included, without what a rewind superseded.

    With times, those that were told with the points, else those of their events.
    """
    kept: list[Points] = []
    query = (
        _stream(job_id, (METRICS, REWIND))
        .where((EventRow.kind == REWIND) | ((EventRow.from_step <= to_step) & (EventRow.to_step >= from_step)))
        .order_by(EventRow.seq)
    )
    for _seq, time, kind, body in session.execute(query):
        if kind == REWIND:
            last = json.loads(body)["to_step"]
            kept = [points.select(points.steps <= last) for points in kept]
            continue
        found = [points for points in columns.decode(body) if points.name == name]
        found = [points.timed(time) for points in found] if with_times else found
        kept += [p.select((p.steps >= from_step) & (p.steps <= to_step)) for p in found]
    if not kept:
        return Points.of(name, [], [], [])
    times = np.concatenate([p.timed(0).times for p in kept]) if with_times else None
    return Points(name, np.concatenate([p.steps for p in kept]), np.concatenate([p.values for p in kept]), times)


def _buckets_between(
    session: Session, row: SeriesRow, from_step: int, to_step: int, max_points: int
) -> rollups.Buckets:
    """Raw points where the range holds few, else the finest level whose rows stay within bounds, merged to fit."""
    span = max(0, to_step - from_step + 1)
    if row.num_points <= max_points or span <= min(RAW_READ_LIMIT, 16 * max_points):
        buckets = rollups.of_points(read_points(session, row.job_id, row.name, from_step, to_step))
    else:
        level = next((k for k in rollups.LEVELS if span / rollups.FACTOR**k <= 16 * max_points), rollups.LEVELS[-1])
        width = rollups.FACTOR**level
        buckets = _read_buckets(session, row.id, level, from_step // width, to_step // width)
    return _merged_to(buckets, max_points)


def _merged_to(buckets: rollups.Buckets, max_points: int) -> rollups.Buckets:
    if len(buckets) <= max_points:
        return buckets
    per_group = -(-len(buckets) // max_points)
    return rollups.group(buckets, np.arange(len(buckets)) // per_group)


def _count(buckets: rollups.Buckets) -> int:
    b = buckets
    return int((b.num_finite + b.num_nan + b.num_pos_inf + b.num_neg_inf).sum())


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


def _roll_up(session: Session, job_id: str, batch: Sequence[Points]) -> None:
    """Add points to the summary and to every level of their series' pyramid."""
    by_name: dict[str, list[Points]] = {}
    for points in batch:
        if len(points.steps):
            by_name.setdefault(points.name, []).append(points)
    rows: list[dict[str, Any]] = []
    for name, parts in by_name.items():
        points = Points(name, np.concatenate([p.steps for p in parts]), np.concatenate([p.values for p in parts]))
        buckets = rollups.of_points(points)
        series_id = _add_to_summary(session, job_id, points, buckets)
        for level in rollups.LEVELS:
            buckets = rollups.coarsen(buckets)
            rows += [{"series_id": series_id, "level": level, **row} for row in buckets.rows()]
    if rows:
        session.execute(_merge_rollup(_dialect(session)), rows)


def _add_to_summary(session: Session, job_id: str, points: Points, buckets: rollups.Buckets) -> int:
    """The summary row of a series with new points counted in; returns the series' id."""
    whole = rollups.group(buckets, np.zeros(len(buckets), np.int64)).rows()[0]
    word = columns.spell_one(float(points.values[-1]))
    row = {
        "job_id": job_id,
        "name": points.name,
        "num_points": len(points.steps),
        "last_step": int(points.steps[-1]),
        "last": None if isinstance(word, str) else word,
        "last_word": word if isinstance(word, str) else None,
        **{key: whole[key] for key in ("min", "max", *_NON_FINITE)},
    }
    return int(session.execute(_merge_summary(_dialect(session)), row).scalar_one())


# The two statements are built once a dialect: they run many times a second, and building one costs as much as one run.
@cache
def _merge_summary(dialect: str) -> Any:
    statement = _INSERTS[dialect](_SERIES)
    new, old = statement.excluded, _SERIES.c
    return statement.on_conflict_do_update(
        index_elements=["job_id", "name"],
        set_={
            "num_points": old.num_points + new.num_points,
            "last_step": new.last_step,
            "last": new.last,
            "last_word": new.last_word,
            "min": _lesser(old.min, new.min),
            "max": _greater(old.max, new.max),
            **{key: old[key] + new[key] for key in _NON_FINITE},
        },
    ).returning(_SERIES.c.id)


@cache
def _merge_rollup(dialect: str) -> Any:
    """The statement that adds a bucket to the one that is there. Points of a series arrive in the order of steps."""
    statement = _INSERTS[dialect](_ROLLUPS)
    new, old = statement.excluded, _ROLLUPS.c
    return statement.on_conflict_do_update(
        index_elements=["series_id", "level", "bucket"],
        set_={
            "last_step": new.last_step,
            "first": func.coalesce(old.first, new.first),
            "last": func.coalesce(new.last, old.last),
            "min": _lesser(old.min, new.min),
            "max": _greater(old.max, new.max),
            **{key: old[key] + new[key] for key in ("sum", "num_finite", *_NON_FINITE)},
        },
    )


def _lesser(a: Any, b: Any) -> ColumnElement[float]:
    """The smaller of two, where NULL means that there is none. (The databases' own functions differ on NULL.)"""
    return case((a.is_(None), b), (b < a, b), else_=a)


def _greater(a: Any, b: Any) -> ColumnElement[float]:
    return case((a.is_(None), b), (b > a, b), else_=a)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _read_buckets(session: Session, series_id: int, level: int, first: int, last: int) -> rollups.Buckets:
    query = (
        select(*(getattr(Rollup, name) for name in rollups.Buckets.__dataclass_fields__))
        .where(Rollup.series_id == series_id, Rollup.level == level, Rollup.bucket.between(first, last))
        .order_by(Rollup.bucket)
    )
    return rollups.of_rows([tuple(row) for row in session.execute(query)])


def _rewind(session: Session, job_id: str, to_step: int) -> None:
    """Take back what lies after a step: its buckets go, and those it cuts through are made again from below."""
    for row in session.scalars(select(SeriesRow).where(SeriesRow.job_id == job_id)).all():
        session.execute(delete(Rollup).where(Rollup.series_id == row.id, Rollup.last_step > to_step))
        below = rollups.FACTOR * (to_step // rollups.FACTOR)
        buckets = rollups.of_points(read_points(session, job_id, row.name, below, to_step))
        for level in rollups.LEVELS:
            if level > 1:
                first = rollups.FACTOR * (to_step // rollups.FACTOR**level)
                buckets = _read_buckets(session, row.id, level - 1, first, first + rollups.FACTOR - 1)
            made = [{"series_id": row.id, "level": level, **b} for b in rollups.coarsen(buckets).rows()]
            if made:
                session.execute(delete(Rollup).where(_same_bucket(made[0])))
                session.execute(sql_insert(Rollup), made)
        _summarise_again(session, row)


def _same_bucket(row: dict[str, Any]) -> ColumnElement[bool]:
    return and_(*(getattr(Rollup, key) == row[key] for key in ("series_id", "level", "bucket")))


def _summarise_again(session: Session, row: SeriesRow) -> None:
    """The summary of a series from its top level, or no series at all when nothing is left of it."""
    top = _read_buckets(session, row.id, rollups.LEVELS[-1], 0, 1 << 40)
    if not len(top):
        session.delete(row)
        session.flush()
        return
    whole = rollups.group(top, np.zeros(len(top), np.int64)).rows()[0]
    last_step = int(whole["last_step"] or 0)
    word = columns.spell_one(float(read_points(session, row.job_id, row.name, last_step, last_step).values[-1]))
    for key in ("min", "max", *_NON_FINITE):
        setattr(row, key, whole[key])
    row.num_points = _count(top)
    row.last_step = last_step
    row.last = None if isinstance(word, str) else word
    row.last_word = word if isinstance(word, str) else None
    session.flush()
