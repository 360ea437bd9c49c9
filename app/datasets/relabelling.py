"""Cells that are to hold other values: whether these fit their columns, and how the worker is told of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.datasets.schemas import MAX_CELLS, Relabel
from app.errors import Unprocessable
from app.specs.base import Problem
from app.specs.checks.words import no_column
from app.specs.columns import Column
from app.transforms.reading import read_time

_EXACT = 2**63  # from here on, not every integer is an int64
_FIRST_TIME, _END_OF_TIME = -62_135_596_800, 253_402_300_800  # the beginnings of the years 1 and 10000, in seconds
_DIGITS = re.compile(r"-?\d{1,19}", re.ASCII)
_MAX_PROBLEMS = 20
_KINDS = {
    "integer": "whole numbers",
    "float": "numbers",
    "boolean": "true or false",
    "category": "text",
    "text": "text",
    "timestamp": "dates, as 2026-03-31 or 2026-03-31T12:00",
}


def written_down(
    relabel: Sequence[Relabel], columns: Sequence[Column], num_rows: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a version tells of its relabellings, and what the worker reads: rows in ascending order, values as stored.

    Raises Unprocessable with the places of all that does not fit.
    """
    known = {column.name: column for column in columns}
    problems: list[Problem] = []
    for problem in _problems(relabel, known, num_rows):
        problems.append(problem)
        if len(problems) == _MAX_PROBLEMS:
            break
    if problems:
        raise Unprocessable(f"{problems[0].msg[0].upper()}{problems[0].msg[1:]}.", errors=problems)
    return [_told(one) for one in relabel], [_change(one, known[one.column]) for one in relabel]


def _told(one: Relabel) -> dict[str, Any]:
    if one.filter:
        return {"column": one.column, "filter": one.filter, "value": one.value}
    return {"column": one.column, "num_cells": len(one.values or [])}


def _change(one: Relabel, column: Column) -> dict[str, Any]:
    if one.filter:
        return {"column": one.column, "filter": one.filter, "value": _stored(one.value, column)}
    cells = sorted(one.values or [], key=lambda cell: cell.row)
    values = [_stored(cell.value, column) for cell in cells]
    return {"column": one.column, "rows": [cell.row for cell in cells], "values": values}


def _stored(value: Any, column: Column) -> Any:
    """Times are microseconds, as in the table."""
    if value is None:
        return None
    if column.type == "timestamp":
        return round(read_time(value) * 1e6)
    return int(value) if column.type == "integer" else value


def _problems(relabel: Sequence[Relabel], known: dict[str, Column], num_rows: int) -> Iterator[Problem]:
    num_cells = sum(len(one.values or []) for one in relabel)
    if num_cells > MAX_CELLS:
        message = f"{num_cells:,} cells are more than are taken at once; {MAX_CELLS:,} are, or any number by a filter"
        yield Problem(loc=["relabel"], msg=message, received=num_cells)
        return
    for i, one in enumerate(relabel):
        column = known.get(one.column)
        if column is None:
            yield Problem(loc=["relabel", i, "column"], msg=no_column(one.column, known), received=one.column)
        elif column.type not in _KINDS:
            message = f"{column.type}s, as {one.column} holds them, are not relabelled: add rows with others"
            yield Problem(loc=["relabel", i, "column"], msg=message, received=one.column)
        elif one.filter:
            yield from _of_value(one.value, column, ["relabel", i, "value"])
        else:
            yield from _of_cells(one, column, num_rows, ["relabel", i, "values"])


def _of_cells(one: Relabel, column: Column, num_rows: int, loc: list[str | int]) -> Iterator[Problem]:
    seen: set[int] = set()
    for k, cell in enumerate(one.values or []):
        if cell.row >= num_rows:
            message = f"there is no row {cell.row:,}: they go from 0 to {num_rows - 1:,}"
            yield Problem(loc=[*loc, k, "row"], msg=message, received=cell.row)
        elif cell.row in seen:
            yield Problem(loc=[*loc, k, "row"], msg=f"row {cell.row:,} is named twice", received=cell.row)
        seen.add(cell.row)
        yield from _of_value(cell.value, column, [*loc, k, "value"])


def _of_value(value: Any, column: Column, loc: list[str | int]) -> Iterator[Problem]:
    if value is not None and not _fits(value, column):
        message = f"{value!r} does not fit {column.name}, which holds {_KINDS[column.type]}"
        yield Problem(loc=loc, msg=message, received=value)


def _fits(value: Any, column: Column) -> bool:
    match column.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            if isinstance(value, str):  # digits, for browsers know no whole numbers beyond 2**53
                return bool(_DIGITS.fullmatch(value)) and -_EXACT <= int(value) < _EXACT
            is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return is_whole and not isinstance(value, bool) and -_EXACT <= value < _EXACT
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "timestamp":
            return _is_time(value)
    return isinstance(value, str)


def _is_time(value: Any) -> bool:
    """Whether a value is a time of a year with four digits at most."""
    try:
        return _FIRST_TIME <= read_time(value) < _END_OF_TIME and not isinstance(value, bool)
    except (ValueError, OverflowError):
        return False
