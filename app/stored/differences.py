"""What tells two versions of a table apart: rows that were added, and cells of the rows before them that changed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from app.stored.table import StoredTable, side_by_side

_ROWS_AT_ONCE = 1 << 15


def num_changed(older: StoredTable, newer: StoredTable) -> dict[str, int]:
    """Of each column of which any cell of the older's rows is another in the newer: how many are.

    Columns that lie in the same files are not read.
    """
    found = {}
    for name in older.schema.names:
        if not _is_shared(older, newer, name):
            num = _num_in(older, newer, name)
            if num:
                found[name] = num
    return found


def _num_in(older: StoredTable, newer: StoredTable, name: str) -> int:
    streams = [table.batches([name], _ROWS_AT_ONCE, stop=older.num_rows) for table in (older, newer)]
    return sum(num_different(both.column(0), both.column(1)) for both in side_by_side(streams))


def _is_shared(older: StoredTable, newer: StoredTable, name: str) -> bool:
    """Whether the older's rows of a column lie in files that both have."""
    pairs = zip(older.manifest.parts, newer.manifest.parts, strict=False)
    shared = [
        one.num_rows == other.num_rows
        and _is_same(older.folder / one.file_of(name).name, newer.folder / other.file_of(name).name)
        for one, other in pairs
    ]
    return len(shared) == len(older.manifest.parts) and all(shared)


def _is_same(one: Path, other: Path) -> bool:
    return one.name == other.name or one.samefile(other)


def num_different(one: pa.Array, other: pa.Array) -> int:
    """How many of N values are not the same. Two that are missing are, and so are two that are no number."""
    if pa.types.is_nested(one.type):
        return sum(a != b for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True))
    gaps = pc.not_equal(one.is_null(nan_is_null=True), other.is_null(nan_is_null=True))
    values = pc.fill_null(pc.not_equal(one, other), False)
    if pa.types.is_floating(one.type):
        values = pc.and_(values, pc.invert(pc.and_(one.is_null(nan_is_null=True), other.is_null(nan_is_null=True))))
    return int(pc.sum(pc.or_(gaps, values)).as_py() or 0)
