"""A stored table in DuckDB's words: its rows with their numbers, and which of them match what a person asks for.

DuckDB reads the files of all parts one after the other; a column that stands in a file of its own is joined by its
place, which takes no memory.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from app.errors import Unprocessable
from app.specs.base import Problem
from app.storage import spilling
from app.stored.manifest import TablePart
from app.stored.table import StoredTable, open_table

_SETTINGS: dict[str, Any] = {"memory_limit": "256MB", "threads": 2}
# What says that a value or a clause does not fit; all else is no fault of who asks.
_OF_FILTERS = (
    duckdb.BinderException,
    duckdb.ConversionException,
    duckdb.NotImplementedException,
    duckdb.OutOfRangeException,
    duckdb.ParserException,
)
_OF_FULL_DISKS = ("max_temp_directory_size", "No space left on device", "Disk quota exceeded")
_COMPARISONS = (">=", "<=", ">", "<")
_NUMBERS = ("BIGINT", "DOUBLE")  # what tables hold of numbers, in DuckDB's words
_AT_ONCE = 1 << 16  # numbers of rows
ROW = "row"  # how a row's number is called


@dataclass(frozen=True)
class Relation:
    """The rows of a table: SQL that gives its columns as c0, c1, …, and `row` from 0 on; with its parameters.

    DuckDB is blind to case, and so would take one of two columns for the other: their places are what is sure.
    """

    sql: str
    files: list[str]
    columns: dict[str, tuple[str, str]]  # of each column its name here, and its type in DuckDB's words


@contextmanager
def connected(place: Path) -> Iterator[Any]:
    """A DuckDB of bounded memory for the table in `place`: beyond that it writes beside it, and nothing is left.

    Raises OSError where the disk is full.
    """
    with spilling(place) as folder, closing(_connect(folder)) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            if is_of_full_disk(error):
                raise OSError(errno.ENOSPC, "DuckDB has no room left on the disk", str(folder)) from error
            raise


def is_of_full_disk(error: Exception) -> bool:
    """Whether DuckDB, which has no type for it, means that the disk is full."""
    return any(words in str(error) for words in _OF_FULL_DISKS)


def _connect(folder: Path) -> Any:
    return duckdb.connect(config={**_SETTINGS, "temp_directory": str(folder)})


def relate(connection: Any, table: StoredTable) -> Relation:
    """A stored table as a relation."""
    parts, files, first = [], [], 0
    for part in table.manifest.parts:
        parts.append(_of_part(part, table.schema.names, first))
        files += [str(table.folder / file.name) for file in part.files]
        first += part.num_rows
    sql = f"({' UNION ALL '.join(parts)})"
    kinds = [row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {sql}", files).fetchall()]
    columns = {name: (f"c{i}", kinds[i]) for i, name in enumerate(table.schema.names)}
    return Relation(sql, files, columns)


def _of_part(part: TablePart, names: Sequence[str], first: int) -> str:
    """The rows of a part, the first of which has the number `first`."""
    columns = ", ".join(f"c{i}" for i in range(len(names)))
    sources = [f"read_parquet(?, file_row_number = true) AS p({columns}, n)"]
    places = {name: i for i, name in enumerate(names)}
    found = {name: f"p.c{i} AS c{i}" for name, i in places.items()}
    for i, name in enumerate(part.columns):
        sources.append(f"read_parquet(?) AS s{i}(v)")
        found[name] = f"s{i}.v AS c{places[name]}"
    return f"SELECT {', '.join(found.values())}, p.n + {first} AS {ROW} FROM {' POSITIONAL JOIN '.join(sources)}"


def matching(place: Path, filters: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows (N,) of the table in `place` match every filter. Raises Unprocessable where one cannot be read."""
    table = open_table(place)
    found = np.zeros(table.num_rows, np.bool_)
    with connected(place) as connection, refused(filters):
        relation = relate(connection, table)
        clause, values = where(filters, relation)
        query = f"SELECT {ROW} FROM {relation.sql} {clause}"
        for batch in connection.sql(query, params=[*relation.files, *values]).to_arrow_reader(_AT_ONCE):
            found[batch.column(0).to_numpy()] = True
    return found


class refused:  # noqa: N801, reads as a statement
    """What DuckDB cannot look for is told as a problem of the filters: a truth value compared with a word."""

    def __init__(self, filters: Sequence[str]) -> None:
        self._filters = filters

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _OF_FILTERS):
            message = f"this cannot be looked for: {str(error).splitlines()[0]}"
            raise problem("filter", "; ".join(self._filters), message) from error


def where(filters: Sequence[str], relation: Relation) -> tuple[str, list[Any]]:
    """The clause that keeps what matches every filter, and its values. Raises Unprocessable.

    A filter is a column, a colon and what its value must be: `label:cat`, `age:>=30`, `note:~word` (holds it, whatever
    the case), `age:missing`.
    """
    clauses: list[str] = []
    values: list[Any] = []
    for one in filters:
        names = [name for name in relation.columns if one.startswith(f"{name}:")]
        if not names:
            raise problem("filter", one, "a filter is a column, a colon and a value, as age:>=30")
        name = max(names, key=len)
        clause, value = _clause(*relation.columns[name], one[len(name) + 1 :], one)
        clauses.append(clause)
        values += value
    return f"WHERE {' AND '.join(clauses)}" if clauses else "", values


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
            raise problem("filter", whole, f"{value!r} is no number") from None
    if kind.startswith("TIMESTAMP"):
        from app.transforms.reading import read_time

        try:
            read_time(value)
        except ValueError as error:
            raise problem("filter", whole, str(error)) from None
    return value


def problem(place: str, received: str, message: str) -> Unprocessable:
    """What is wrong with a part of the query."""
    found = Problem(loc=["query", place], msg=message, received=received)
    return Unprocessable(f"{message[0].upper()}{message[1:]}.", errors=[found])
