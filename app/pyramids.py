"""The pyramid of buckets beside each series, as it is written: points are added to every level, rewinds taken back.

`app.events` calls this in the transaction of the events; the arithmetic is that of `app.rollups`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Table, and_, case, delete, func, select
from sqlalchemy import insert as sql_insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.orm import Session

from app import columns, rollups
from app.columns import Points
from app.curves import count, read_buckets, read_points
from app.db.tables import Rollup, Series

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_POSITIONAL = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}
# The tables themselves: the ORM's way of inserting costs twice the time.
_SERIES, _ROLLUPS = (cast("Table", row.__table__) for row in (Series, Rollup))
_NON_FINITE = ("num_nan", "num_pos_inf", "num_neg_inf")


def add(session: Session, job_id: str, batch: Sequence[Points]) -> None:
    """Add points to the summary and to every level of their series' pyramid."""
    by_name: dict[str, list[Points]] = {}
    for points in batch:
        if len(points.steps):
            by_name.setdefault(points.name, []).append(points)
    if not by_name:
        return
    joined = [points for parts in by_name.values() for points in parts]
    steps, values = (np.concatenate([getattr(points, what) for points in joined]) for what in ("steps", "values"))
    of = np.repeat(np.arange(len(by_name)), [sum(len(p.steps) for p in parts) for parts in by_name.values()])
    buckets = rollups.of_points(Points("", steps, values))
    ids = _add_to_summaries(session, job_id, list(by_name), rollups.group(buckets, of), values)
    rows: list[tuple[Any, ...]] = []
    for level in rollups.LEVELS:  # of all series at once: most have few points, and each step over arrays costs as much
        buckets, of = rollups.coarsen_each(buckets, of)
        rows += [(series_id, level, *row) for series_id, row in zip(ids[of].tolist(), buckets.tuples(), strict=True)]
    session.connection().exec_driver_sql(_merge_rollups(_dialect(session)), rows)


def rewind(session: Session, job_id: str, to_step: int) -> None:
    """Take back what lies after a step: its buckets go, and those it cuts through are made again from below."""
    for row in session.scalars(select(Series).where(Series.job_id == job_id)).all():
        session.execute(delete(Rollup).where(Rollup.series_id == row.id, Rollup.last_step > to_step))
        below = rollups.FACTOR * (to_step // rollups.FACTOR)
        buckets = rollups.of_points(read_points(session, job_id, row.name, below, to_step))
        for level in rollups.LEVELS:
            if level > 1:
                first = rollups.FACTOR * (to_step // rollups.FACTOR**level)
                buckets = read_buckets(session, row.id, level - 1, first, first + rollups.FACTOR - 1)
            made = [{"series_id": row.id, "level": level, **b} for b in rollups.coarsen(buckets).rows()]
            if made:
                session.execute(delete(Rollup).where(_same_bucket(made[0])))
                session.execute(sql_insert(Rollup), made)
        _summarise_again(session, row)


def _add_to_summaries(
    session: Session, job_id: str, names: Sequence[str], wholes: rollups.Buckets, values: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The summary rows of some series (S,) with new points counted in, those of each as one bucket; gives their ids.

    `values` (N,) are those of all, one series behind the other.
    """
    lasts = [columns.spell_one(float(value)) for value in values[np.cumsum(wholes.num_points) - 1]]
    rows = [
        {
            "job_id": job_id,
            "name": name,
            "num_points": num_points,
            "last_step": whole["last_step"],
            "last": None if isinstance(last, str) else last,
            "last_word": last if isinstance(last, str) else None,
            **{key: whole[key] for key in ("min", "max", *_NON_FINITE)},
        }
        for name, num_points, whole, last in zip(names, wholes.num_points.tolist(), wholes.rows(), lasts, strict=True)
    ]
    ids = {name: one for one, name in session.execute(_merge_summary(_dialect(session)), rows)}
    return np.array([ids[name] for name in names], np.int64)


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
    ).returning(_SERIES.c.id, _SERIES.c.name)


@cache
def _merge_rollups(dialect: str) -> str:
    """The SQL that adds a bucket to the one that is there, for tuples of all columns in the table's order.

    Points of a series arrive in the order of steps. A batch of a thousand makes seventy rows: given to the driver as
    they are, they take a third of the time that the same statement takes with a dict for each.
    """
    statement = _INSERTS[dialect](_ROLLUPS)
    new, old = statement.excluded, _ROLLUPS.c
    merge = statement.on_conflict_do_update(
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
    return str(merge.compile(dialect=_POSITIONAL[dialect], column_keys=_ROLLUPS.columns.keys()))


def _lesser(a: Any, b: Any) -> ColumnElement[float]:
    """The smaller of two, where NULL means that there is none. (The databases' own functions differ on NULL.)"""
    return case((a.is_(None), b), (b < a, b), else_=a)


def _greater(a: Any, b: Any) -> ColumnElement[float]:
    return case((a.is_(None), b), (b > a, b), else_=a)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _same_bucket(row: dict[str, Any]) -> ColumnElement[bool]:
    return and_(*(getattr(Rollup, key) == row[key] for key in ("series_id", "level", "bucket")))


def _summarise_again(session: Session, row: Series) -> None:
    """The summary of a series from its top level, or no series at all when nothing is left of it."""
    top = read_buckets(session, row.id, rollups.LEVELS[-1], 0, 1 << 40)
    if not len(top):
        session.delete(row)
        session.flush()
        return
    whole = rollups.group(top, np.zeros(len(top), np.int64)).rows()[0]
    last_step = int(whole["last_step"] or 0)
    word = columns.spell_one(float(read_points(session, row.job_id, row.name, last_step, last_step).values[-1]))
    for key in ("min", "max", *_NON_FINITE):
        setattr(row, key, whole[key])
    row.num_points = count(top)
    row.last_step = last_step
    row.last = None if isinstance(word, str) else word
    row.last_word = word if isinstance(word, str) else None
    session.flush()
