"""A stored table as it is looked at: some of its columns, a bounded piece at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.splitting import Rows

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 65_536


def pieces(place: Path, names: Sequence[str]) -> Iterator[tuple[int, "pa.RecordBatch"]]:
    """Some columns of the table in `place` in pieces, each with the number of its first row."""
    from app.stored.table import open_table  # pyarrow takes a tenth of a second, and the server starts without

    start = 0
    for batch in open_table(place).batches(names, _ROWS_AT_ONCE):
        yield start, batch
        start += batch.num_rows


def read_rows(place: Path, names: Sequence[str], rows: Rows) -> dict[str, "pa.ChunkedArray"]:
    """Some columns in the rows (n,), which ascend."""
    import pyarrow as pa

    found: list[pa.RecordBatch] = []
    for start, batch in pieces(place, names):
        first, last = rows.searchsorted([start, start + batch.num_rows])
        if not found or last > first:  # the first one also says of which types the columns are
            found.append(batch.take(pa.array(rows[first:last] - start)))
    table = pa.Table.from_batches(found) if found else None
    return {name: table.column(name) if table else pa.chunked_array([], pa.null()) for name in names}
