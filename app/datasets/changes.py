"""What tells a version of a dataset from an older one: rows, cells, and the figures of columns that moved."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from app.datasets.schemas import ColumnChange, FigureMoved
from app.specs.columns import Column

_FIGURES = ("num_missing", "num_infinite", "num_distinct", "min", "max", "mean", "std")
_MAX_VALUES = 20  # frequent ones, of a column


def between(
    older: Path, newer: Path, before: Sequence[Column], after: Sequence[Column]
) -> tuple[int, list[ColumnChange]]:
    """Rows that were added between the tables in two places, and what became of the columns.

    Only columns that do not lie in the same files are read, of the rows that both have.
    """
    from app.stored.differences import num_changed  # pyarrow takes a tenth of a second, and the server starts without
    from app.stored.table import open_table

    tables = open_table(older), open_table(newer)
    changed = num_changed(*tables)
    now = {column.name: column for column in after}
    pairs = [(column, now[column.name]) for column in before if column.name in now]
    found = [
        ColumnChange(name=old.name, num_changed=changed.get(old.name, 0), moved=list(_moved(old, new)))
        for old, new in pairs
    ]
    return tables[1].num_rows - tables[0].num_rows, [one for one in found if one.num_changed or one.moved]


def _moved(old: Column, new: Column) -> Iterator[FigureMoved]:
    for name in _FIGURES:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield FigureMoved(name=name, before=before, after=after)
    values = dict.fromkeys(one.value for column in (old, new) for one in column.top_values or [])
    counts = [(value, _count(old, value), _count(new, value)) for value in values]
    for value, *both in [one for one in counts if one[1] != one[2]][:_MAX_VALUES]:
        yield FigureMoved(name=f"rows of {value}", before=both[0], after=both[1])


def _count(column: Column, value: str) -> float | None:
    """How many rows have a value; None where it is none of the frequent ones that are counted."""
    counted = {one.value: one.count for one in column.top_values or []}
    return counted.get(value, 0 if len(counted) == column.num_distinct else None)
