"""Which columns a request means, and whether what it asks for can be done. Raises Unprocessable with the place."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import Unprocessable
from app.exploring.series import MAX_GROUPS, Asked, bounded
from app.exploring.sides import ReadAs, reads_as
from app.specs.base import Problem
from app.specs.checks.words import listed, no_column
from app.specs.columns import Column

Known = Mapping[str, Column]

_DRAWN = frozenset({"integer", "float", "boolean"})
_NAMES = frozenset({"integer", "text", "category"})
_PLACES = frozenset({"integer", "float", "timestamp"})


def column_named(known: Known, name: str, place: str) -> Column:
    """The column of that name."""
    if name not in known:
        raise _problem(place, name, no_column(name, known))
    return known[name]


def read_column(known: Known, name: str, place: str, read_as: ReadAs | None = None) -> tuple[Column, ReadAs]:
    """A column that can be compared, and how it is read: as `read_as` says, else as it looks."""
    column = column_named(known, name, place)
    found = reads_as(column, is_target=place == "target")
    if found is None:
        raise _problem(place, name, f"{name} holds {column.type}, which is not compared; choose numbers or classes")
    if read_as is None or read_as == found:
        return column, found
    if column.type != "integer" or (read_as == "classes" and column.values is None):
        raise _problem("read_as", read_as, f"{name} can only be read as {found}")
    return column, read_as


def rated_columns(known: Known, user: str, item: str, value: str) -> tuple[str, str, str]:
    """Who, what, and how much: three columns, the last of numbers."""
    named = {"user": user, "item": item, "value": value}
    for place, name in named.items():
        column = column_named(known, name, place)
        kinds = _DRAWN if place == "value" else _NAMES
        if column.type not in kinds:
            wanted = "a value is a number" if place == "value" else "users and items are words or whole numbers"
            raise _problem(place, name, f"{name} holds {column.type}; {wanted}")
        if list(named.values()).index(name) < list(named).index(place):
            raise _problem(place, name, f"{name} is said twice")
    return user, item, value


def lines_asked(
    known: Known,
    num_rows: int,
    names: Sequence[str],
    along: str | None,
    by: str | None,
    start: float | None,
    end: float | None,
    num_buckets: int,
) -> Asked:
    """What is to be drawn along what, in which window."""
    columns = [column_named(known, name, "column") for name in dict.fromkeys(names)]
    for column in columns:
        if column.type not in _DRAWN:
            raise _problem("column", column.name, f"{column.name} holds {column.type}, and only numbers are drawn")
    place = column_named(known, along, "along") if along is not None else None
    split = column_named(known, by, "by") if by is not None else None
    if split is not None and split.top_values is None and (split.type == "float" or split.values is None):
        groups = [name for name, one in known.items() if one.top_values is not None]
        hint = f"; there are {listed(groups)}" if groups else ""
        raise _problem("by", by, f"{by} has no classes to draw a line for{hint}")
    low, high = _range(place, num_rows)
    window = (low if start is None else start, high if end is None else end)
    if window[0] > window[1]:
        raise _problem("from", start, "the window ends before it begins")
    num_lines = len(columns) * (min(MAX_GROUPS, split.num_distinct) if split else 1)
    return Asked(columns, place, split, *window, num_buckets=bounded(num_buckets, num_lines))


def _range(along: Column | None, num_rows: int) -> tuple[float, float]:
    """Between which places the rows lie."""
    if along is None:
        return 0.0, float(max(0, num_rows - 1))
    if along.type not in _PLACES:
        raise _problem("along", along.name, f"{along.name} holds {along.type}, which has no order; choose a number")
    if along.min is None or along.max is None:
        raise _problem("along", along.name, f"{along.name} has no values")
    if not math.isfinite(along.max - along.min):
        raise _problem("along", along.name, f"the values of {along.name} lie too far apart")
    return along.min, along.max


def _problem(place: str, received: Any, message: str) -> Unprocessable:
    problem = Problem(loc=["query", place], msg=message, received=received)
    return Unprocessable(f"{message[0].upper()}{message[1:]}.", errors=[problem])
