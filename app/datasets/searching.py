"""Rows of a stored table that are looked for: DuckDB filters and sorts, and keeps no more than a page of them."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.datasets.tables import plain_rows
from app.errors import Unprocessable
from app.specs.base import Problem

_MEMORY = "256MB"
_THREADS = 2
_COMPARISONS = (">=", "<=", ">", "<")
_NUMBERS = ("BIGINT", "DOUBLE")  # what tables hold of numbers, in DuckDB's words


@dataclass(frozen=True)
class Found:
    """A page of rows as plain values, their numbers in the table from 0 on, and how many match in all."""

    rows: list[dict[str, Any]]
    numbers: list[int]
    num_matching: int


def find_rows(path: Path, filters: Sequence[str], sort: str | None, offset: int, limit: int) -> Found:
    """Rows that match every filter, in the order of a column, or of the table.

    A filter is a column, a colon and what its value must be: `label:cat`, `age:>=30`, `note:~word` (holds it, whatever
    the case), `age:missing`. `sort` is a column, with - before it for the greatest first; missing values come last.
    Raises Unprocessable where a filter cannot be read, or names no column.
    """
    import duckdb  # with pyarrow, takes a quarter of a second, and most servers start without
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    try:
        return _find(duckdb, schema, path, filters, sort, offset, limit)
    except duckdb.Error as error:  # as a truth value compared with a word
        raise _problem(
            "filter", "; ".join(filters), f"this cannot be looked for: {str(error).splitlines()[0]}"
        ) from error


def _find(
    duckdb: Any, schema: Any, path: Path, filters: Sequence[str], sort: str | None, offset: int, limit: int
) -> Found:
    with closing(duckdb.connect(config={"memory_limit": _MEMORY, "threads": _THREADS})) as connection:
        table = "read_parquet(?, file_row_number = true)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {table}", [str(path)]).fetchall()
        # DuckDB is blind to case, and so gives one of two columns another name: their places are what is sure.
        columns = {name: (_quoted(described[i][0]), described[i][1]) for i, name in enumerate(schema.names)}
        clauses, values = _clauses(filters, columns)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        ((num_matching,),) = connection.execute(
            f"SELECT count(*) FROM {table} {where}", [str(path), *values]
        ).fetchall()
        order = _order(sort, columns)
        page = f"SELECT * FROM {table} {where} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
        found = connection.sql(page, params=[str(path), *values]).to_arrow_table()
    numbers = found.column(len(schema)).to_pylist()
    return Found(plain_rows(found, schema), numbers, num_matching)


def _order(sort: str | None, columns: dict[str, tuple[str, str]]) -> str:
    if not sort:
        return "file_row_number"
    name = sort if sort in columns else sort.removeprefix("-")
    if name not in columns:
        raise _problem("sort", sort, f"there is no column {name!r}")
    direction = "DESC" if sort != name else "ASC"
    return f"{columns[name][0]} {direction} NULLS LAST, file_row_number"


def _clauses(filters: Sequence[str], columns: dict[str, tuple[str, str]]) -> tuple[list[str], list[Any]]:
    clauses: list[str] = []
    values: list[Any] = []
    for one in filters:
        names = [name for name in columns if one.startswith(f"{name}:")]
        if not names:
            raise _problem("filter", one, "a filter is a column, a colon and a value, as age:>=30")
        name = max(names, key=len)
        clause, value = _clause(*columns[name], one[len(name) + 1 :], one)
        clauses.append(clause)
        values += value
    return clauses, values


def _clause(column: str, kind: str, wanted: str, whole: str) -> tuple[str, list[Any]]:
    """SQL for what a column must be, and its values."""
    if wanted == "missing":
        return f"{column} IS NULL", []
    if wanted.startswith("~"):
        return f"contains(lower(CAST({column} AS VARCHAR)), lower(?))", [wanted[1:]]
    for sign in _COMPARISONS:
        if wanted.startswith(sign):
            as_kind = "DOUBLE" if kind in _NUMBERS else kind  # a bound may lie beyond all integers
            return f"{column} {sign} CAST(? AS {as_kind})", [_read(wanted[len(sign) :].strip(), kind, whole)]
    if kind in _NUMBERS:
        return f"{column} = CAST(? AS DOUBLE)", [_read(wanted, "DOUBLE", whole)]
    return f"CAST({column} AS VARCHAR) = ?", [wanted]


def _read(value: str, kind: str, whole: str) -> Any:
    """A value that can be compared with a column of that kind."""
    if kind in _NUMBERS:
        try:
            return float(value)
        except ValueError:
            raise _problem("filter", whole, f"{value!r} is no number") from None
    if kind.startswith("TIMESTAMP"):
        from app.transforms.reading import read_time

        try:
            read_time(value)
        except ValueError as error:
            raise _problem("filter", whole, str(error)) from None
    return value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _problem(place: str, received: str, message: str) -> Unprocessable:
    problem = Problem(loc=["query", place], msg=message, received=received)
    return Unprocessable(f"{message[0].upper()}{message[1:]}.", errors=[problem])
