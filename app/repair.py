"""Summaries and pyramids made anew from the stream, which is the truth: for a database that was damaged or edited.

Each series is one transaction: it is rebuilt beside the old one, compared, and takes its place only where they differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from app import pyramids
from app.db import Database
from app.db.tables import Job, Rollup, Run, Series
from app.errors import NotFound
from app.stretches import Pass

_SUMMARY = ("num_points", "last_step", "last", "last_word", "min", "max", "num_nan", "num_pos_inf", "num_neg_inf")
_FIGURES = ("first_step", "last_step", "first", "last", "min", "max", "num_finite", *_SUMMARY[-3:])
_REBUILT = "\x1f"  # stands after the name of a series that is being made; no transaction shows it to another
_ROUNDING = 1e-9  # of the largest value: sums depend on the order in which batches came
_AT_ONCE = 5000


@dataclass(frozen=True)
class Finding:
    """What was wrong with a series, in words; nothing where it was in order. Whatever was wrong is repaired."""

    job_id: str
    name: str
    differences: tuple[str, ...]


def repair(database: Database, id_: str | None = None) -> Iterator[Finding]:
    """Look through the series of a job, or of the job of a run, or of all. Raises NotFound."""
    with database.read() as session:
        job_ids = _job_ids(session, id_)
    for job_id in job_ids:
        for name in sorted(_names(database, job_id)):
            with database.write() as session:
                finding = Finding(job_id, name, tuple(_repair_one(session, job_id, name)))
            yield finding


def _job_ids(session: Session, id_: str | None) -> list[str]:
    query = select(Job.id).order_by(Job.id)
    if id_ is not None:
        query = query.where((Job.id == id_) | Job.id.in_(select(Run.job_id).where(Run.id == id_)))
    found = list(session.scalars(query))
    if id_ is not None and not found:
        raise NotFound(f"There is no job and no run {id_}.")
    return found


def _names(database: Database, job_id: str) -> set[str]:
    """The series that have a row, and those that ought to have one."""
    with database.read() as session:
        names = set(session.scalars(select(Series.name).where(Series.job_id == job_id)))
        whole = Pass(session, job_id)
    after: int | None = 0
    while after is not None:
        with database.read() as session:
            found, after = whole.read(session, after)
        names |= {points.name for points in found}
    return names


def _repair_one(session: Session, job_id: str, name: str) -> list[str]:
    # Whoever appends holds the job's row: so nothing is added to the series until this is committed.
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
    old = _row(session, job_id, name)
    new = _rebuild(session, job_id, name)
    differences = _differences(session, old, new)
    gone = new if not differences else old
    if gone is not None:
        session.execute(delete(Series).where(Series.id == gone["id"]))
    if differences and new is not None:
        session.execute(update(Series).where(Series.id == new["id"]).values(name=name))
    return differences


def _row(session: Session, job_id: str, name: str) -> dict[str, Any] | None:
    columns = (getattr(Series, key) for key in ("id", *_SUMMARY))
    found = session.execute(select(*columns).where(Series.job_id == job_id, Series.name == name)).first()
    return None if found is None else dict(found._mapping)


def _rebuild(session: Session, job_id: str, name: str) -> dict[str, Any] | None:
    """A series made from the stream as appending made it; None when it has no points."""
    whole = Pass(session, job_id)
    after: int | None = 0
    while after is not None:
        found, after = whole.read(session, after, {name})
        pyramids.add(session, job_id, [replace(points, name=name + _REBUILT) for points in found])
    return _row(session, job_id, name + _REBUILT)


def _differences(session: Session, old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[str]:
    if old is None or new is None:
        return [] if old is new else ["the series was missing" if old is None else "the series has no points"]
    told = [f"{key} was {old[key]}, is {new[key]}" for key in _SUMMARY if old[key] != new[key]]
    num_missing = _num_without(session, new["id"], old["id"])
    num_needless = _num_without(session, old["id"], new["id"])
    num_wrong = _num_wrong(session, old["id"], new["id"])
    counts = {"missing": num_missing, "needless": num_needless, "wrong": num_wrong}
    return told + [f"{count} buckets were {what}" for what, count in counts.items() if count]


def _num_without(session: Session, one: int, other: int) -> int:
    """How many buckets of one series the other does not have."""
    a, b = aliased(Rollup), aliased(Rollup)
    paired = select(b.bucket).where(b.series_id == other, _same_bucket(a, b)).exists()
    query = select(func.count()).select_from(a).where(a.series_id == one, ~paired)
    return session.scalar(query) or 0


def _num_wrong(session: Session, one: int, other: int) -> int:
    """How many buckets that both have are not the same, but for the rounding of sums."""
    a, b = aliased(Rollup), aliased(Rollup)
    differs = or_(*(getattr(a, key).is_distinct_from(getattr(b, key)) for key in _FIGURES))
    query = (
        select(differs, a.sum, b.sum, b.min, b.max, b.num_finite)
        .join_from(a, b, _same_bucket(a, b))
        .where(a.series_id == one, b.series_id == other, differs | (a.sum != b.sum))
        .execution_options(yield_per=_AT_ONCE)
    )
    rows = (tuple(row) for row in session.execute(query))
    return sum(bool(is_wrong) or not _is_rounding(*sums) for is_wrong, *sums in rows)


def _same_bucket(a: Any, b: Any) -> ColumnElement[bool]:
    return and_(a.level == b.level, a.bucket == b.bucket)


def _is_rounding(was: Any, is_: Any, least: Any, greatest: Any, num_finite: Any) -> bool:
    return bool(abs(was - is_) <= _ROUNDING * num_finite * max(abs(least or 0), abs(greatest or 0)))
