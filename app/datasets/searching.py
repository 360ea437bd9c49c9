"""Rows of a stored table that are looked for: DuckDB filters and sorts, and keeps no more than a page of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.datasets.tables import plain_rows


@dataclass(frozen=True)
class Found:
    """A page of rows as plain values, their numbers in the table from 0 on, and how many match in all."""

    rows: list[dict[str, Any]]
    numbers: list[int]
    num_matching: int


def find_rows(place: Path, filters: Sequence[str], sort: str | None, offset: int, limit: int) -> Found:
    """Rows of the table in `place` that match every filter, in the order of a column, or of the table.

    Filters are as `app.stored.searching.where` has them. `sort` is a column, with - before it for the greatest first;
    missing values come last. Raises Unprocessable where a filter cannot be read, or names no column.
    """
    from app.stored import searching  # with pyarrow and DuckDB, takes a quarter of a second
    from app.stored.table import open_table

    table = open_table(place)
    with searching.connected(place) as connection, searching.refused(filters):
        relation = searching.relate(connection, table)
        clause, values = searching.where(filters, relation)
        given = [*relation.files, *values]
        ((num_matching,),) = connection.execute(f"SELECT count(*) FROM {relation.sql} {clause}", given).fetchall()
        order = _order(sort, relation)
        page = f"SELECT * FROM {relation.sql} {clause} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
        found = connection.sql(page, params=given).to_arrow_table()
    numbers = found.column(len(table.schema)).to_pylist()
    return Found(plain_rows(found, table.schema), numbers, num_matching)


def _order(sort: str | None, relation: Any) -> str:
    from app.stored.searching import ROW, problem

    if not sort:
        return ROW
    name = sort if sort in relation.columns else sort.removeprefix("-")
    if name not in relation.columns:
        raise problem("sort", sort, f"there is no column {name!r}")
    direction = "DESC" if sort != name else "ASC"
    return f"{relation.columns[name][0]} {direction} NULLS LAST, {ROW}"
