"""The list of runs: filtered, in any order, a page at a time; quick at a hundred thousand.

A page is found in the index of what it is sorted by: first the runs that have it, in its order, then those that have
not, newest first. A cursor says in which of the two a page ended, and at what.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Text, cast, func, literal, not_, select, tuple_
from sqlalchemy.orm import Session

from app.db.tables import Job, Run, RunSetting, Series
from app.errors import Unprocessable
from app.runs import service
from app.runs.filter import And, Node, parse
from app.runs.schemas import RunOut, RunPage
from app.runs.search import SMALL_TO_COUNT, condition, result_named
from app.specs.base import Problem

NEWEST = "-created"


@dataclass(frozen=True)
class Order:
    """What a list is sorted by: a column of some table, whose rows belong to runs by `joined`."""

    value: Any
    tie: Any  # what tells equal values apart: a run's id, or its job's
    table: Any = Run
    joined: Any = None
    which: Any = None  # the rows of that table that are meant
    is_descending: bool = False
    is_number: bool = False


def find(
    session: Session,
    *,
    filter: str = "",
    sort: str = NEWEST,
    cursor: str | None = None,
    offset: int = 0,
    limit: int = 50,
    columns: Sequence[str] = (),
    count: bool = True,
) -> RunPage:
    """A page of the runs that match. Raises Unprocessable where filter, sort or cursor cannot be read.

    `offset` counts from the beginning, for whoever jumps; a cursor goes on from a page, whatever came meanwhile.
    """
    tree = parse(filter)
    matches = condition(session, tree, filter)
    order = order_named(session, sort)
    ids, next_cursor = _page(session, matches, order, _decoded(cursor, sort) if cursor else None, offset, limit)
    items = {run.id: run for run in service.summaries(session, ids)}
    runs = [items[run_id] for run_id in ids if run_id in items]
    return RunPage(
        items=_with_values(session, runs, columns),
        next_cursor=_encoded(sort, next_cursor) if next_cursor else None,
        num_matching=_count(session, tree, filter) if count else None,
    )


def _count(session: Session, tree: Node, filter: str) -> int:
    count = select(func.count()).select_from(Run)
    if tree != And(()):
        return session.execute(count.where(condition(session, tree, filter, small=SMALL_TO_COUNT))).scalar_one()
    archived = session.execute(count.where(Run.archived_at.is_not(None))).scalar_one()
    return session.execute(count).scalar_one() - archived


def ids_matching(session: Session, filter: str, limit: int) -> list[str]:
    """The newest runs that match. Raises Unprocessable."""
    matches = condition(session, parse(filter), filter)
    return list(session.scalars(select(Run.id).where(matches).order_by(Run.id.desc()).limit(limit)))


def order_named(session: Session, sort: str) -> Order:
    """What "loss" or "-optimizer.lr" sorts by; "-" is descending. Raises Unprocessable for what no run has."""
    key, is_descending = sort.removeprefix("-"), sort.startswith("-")
    if key == "created":
        return Order(Run.id, Run.id, is_descending=is_descending)
    if key in ("name", "project"):
        return Order(getattr(Run, key), Run.id, is_descending=is_descending)
    of_job = _OF_JOB.get(key)
    if of_job is not None:
        return Order(of_job, Job.id, Job, Job.id == Run.job_id, None, is_descending, key != "status")
    return _of_setting(session, key, is_descending) or _of_result(session, key, is_descending)


_OF_JOB: dict[str, Any] = {
    "started": Job.started_at,
    "finished": Job.finished_at,
    "duration": Job.finished_at - Job.started_at,
    "status": Job.status,
}


def _of_setting(session: Session, key: str, is_descending: bool) -> Order | None:
    has = select(literal(1)).where(RunSetting.key == key).limit(1)
    if session.execute(has).first() is None:
        return None
    is_number = session.execute(has.where(RunSetting.number.is_not(None))).first() is not None
    column = RunSetting.number if is_number else RunSetting.text
    return Order(
        column,
        RunSetting.run_id,
        RunSetting,
        RunSetting.run_id == Run.id,
        RunSetting.key == key,
        is_descending,
        is_number,
    )


def _of_result(session: Session, key: str, is_descending: bool) -> Order:
    found = result_named(session, key)
    if found is None:
        message = f"no run has a setting or a result {key!r}"
        raise Unprocessable(message, errors=[Problem(loc=["query", "sort"], msg=message, received=key)])
    (name, *_), column = found
    return Order(column, Series.job_id, Series, Series.job_id == Run.job_id, Series.name == name, is_descending, True)


Cursor = tuple[bool, Any, str]  # whether among those that have a value, that value, and the tie


def _page(
    session: Session, matches: ColumnElement[bool], order: Order, cursor: Cursor | None, offset: int, limit: int
) -> tuple[list[str], Cursor | None]:
    rows: list[Any] = []
    if cursor is None or cursor[0]:
        rows = [(True, *row) for row in session.execute(_having(matches, order, cursor, offset, limit + 1))]
    if len(rows) <= limit and order.value is not Run.id:
        skipped = 0
        if offset and not rows:
            skipped = session.execute(_count_having(matches, order)).scalar_one()
        rest = _lacking(matches, order, cursor, max(0, offset - skipped) if not rows else 0, limit + 1 - len(rows))
        rows += [(False, *row) for row in session.execute(rest)]
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return [row[1] for row in rows[:limit]], (last[0], last[2], last[3]) if last else None


def _source(order: Order) -> Any:
    query = select(Run.id, order.value, order.tie)
    if order.table is not Run:
        query = query.select_from(order.table).join(Run, order.joined)
    return query if order.which is None else query.where(order.which)


def _having(matches: ColumnElement[bool], order: Order, cursor: Cursor | None, offset: int, limit: int) -> Any:
    """The runs that have what the list is sorted by."""
    query = _source(order).where(matches, order.value.is_not(None))
    if cursor is not None:
        place = tuple_(order.value, order.tie)
        end = tuple_(cast(literal(cursor[1]), Float if order.is_number else Text), literal(cursor[2]))
        query = query.where(place < end if order.is_descending else place > end)
    ends = (order.value.desc(), order.tie.desc()) if order.is_descending else (order.value, order.tie)
    return query.order_by(*ends).offset(offset).limit(limit)


def _count_having(matches: ColumnElement[bool], order: Order) -> Any:
    return select(func.count()).select_from(_source(order).where(matches, order.value.is_not(None)).subquery())


def _lacking(matches: ColumnElement[bool], order: Order, cursor: Cursor | None, offset: int, limit: int) -> Any:
    """The runs that have not, newest first."""
    if order.table is Run:
        lacks = order.value.is_(None)
    else:
        own = select(literal(1)).select_from(order.table).where(order.joined, order.value.is_not(None))
        own = own if order.which is None else own.where(order.which)
        lacks = not_(own.correlate(Run).exists())
    query = select(Run.id, literal(None), Run.id).where(matches, lacks)
    if cursor is not None and not cursor[0]:
        query = query.where(Run.id < cursor[2])
    return query.order_by(Run.id.desc()).offset(offset).limit(limit)


def _encoded(sort: str, cursor: Cursor) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, *cursor]).encode()).decode()


def _decoded(text: str, sort: str) -> Cursor:
    try:
        said, has, value, tie = json.loads(base64.urlsafe_b64decode(text.encode()))
        if said != sort or not isinstance(has, bool) or not isinstance(tie, str) or isinstance(value, list | dict):
            raise ValueError
    except (ValueError, TypeError):
        message = "this cursor is of another list"
        raise Unprocessable(
            message, errors=[Problem(loc=["query", "cursor"], msg=message, received=text[:80])]
        ) from None
    return has, value, tie


def _with_values(session: Session, runs: list[RunOut], columns: Sequence[str]) -> list[RunOut]:
    """The same with what was asked for besides: settings, and results under any of their names."""
    if not columns:
        return runs
    ids = [run.id for run in runs]
    found: dict[str, dict[str, Any]] = {run_id: {} for run_id in ids}
    query = select(RunSetting).where(RunSetting.run_id.in_(ids), RunSetting.key.in_(list(columns)))
    for row in session.scalars(query):
        found[row.run_id][row.key] = _value_of(row)
    for run in runs:
        for key in columns:
            if key not in found[run.id] and (figure := _result_of(run, key)) is not None:
                found[run.id][key] = figure
    return [run.model_copy(update={"values": found[run.id]}) for run in runs]


def _value_of(row: RunSetting) -> bool | float | str | None:
    if row.text is not None and row.number is not None:
        return row.text == "true"
    return row.number if row.text is None else row.text


def _result_of(run: RunOut, key: str) -> float | str | None:
    stem, _, suffix = key.rpartition(".")
    name, figure = (stem, suffix) if stem and suffix in ("last", "min", "max") else (key, "last")
    names = [name] if "/" in name else [f"{part}/{name}" for part in ("validation", "train", "test")] + [name]
    series = next((run.metrics[one] for one in names if one in run.metrics), None)
    return None if series is None else getattr(series, figure)
