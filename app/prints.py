"""Fingerprints of 64 bits, by which the rows of a table are compared with one another."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.splitting import Rows

if TYPE_CHECKING:
    import pyarrow as pa

    from app.preparing.table import Table

Numbers = NDArray[np.float64]
Prints = NDArray[np.uint64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth, TAOCP 3, 6.4)
_SHIFT = np.uint64(32)
_MIXED_AT_ONCE = 1 << 15  # values that stay in the processor's cache
_COMPARED_AT_ONCE = 1 << 22  # rows, to find which are the same
_CELL_BYTES = 1 << 20  # of an image or array, for as many at once as are read in bounded space


def mix(prints: Prints, values: Numbers) -> None:
    """Take one more value (m,) into each fingerprint; all NaN are the same, and so are both zeros."""
    for start in range(0, len(values), _MIXED_AT_ONCE):
        one = values[start : start + _MIXED_AT_ONCE] + 0.0  # -0 becomes 0
        one[np.isnan(one)] = np.nan  # there are many
        mix_bits(prints[start : start + _MIXED_AT_ONCE], one.view(np.uint64))


def mix_bits(prints: Prints, bits: Prints) -> None:
    """Take 64 more bits (m,) into each fingerprint: multiply, then let the high bits reach the low ones."""
    prints ^= bits
    prints *= _MULTIPLIER
    prints ^= prints >> _SHIFT


def cell_prints(table: "Table", names: Sequence[str], rows: Rows) -> Iterator[tuple[slice, Prints]]:
    """Of some rows, which ascend, the fingerprints of their images or arrays: of each column one stretch after another.

    With each stretch its place among `rows`. A missing cell has 0.
    """
    import pyarrow as pa

    for name in names:
        for place, batch in table.batches([name], _CELL_BYTES):
            here, chosen = within(rows, place)
            if len(chosen):
                yield here, _digests(batch.column(0).take(pa.array(chosen)))


def firsts(table: "Table", names: Sequence[str], used: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Which of the rows that are used (N,) have none before them that is the same in these columns.

    Takes nine bytes a row, and what a few million rows take on the way.
    """
    prints: Prints = np.zeros(table.num_rows, np.uint64)
    cells = [name for name in names if table.known[name].type in ("image", "array")]
    plain = [name for name in names if name not in cells]
    for place, batch in table.batches(plain, 8 * len(plain)):
        for column in batch.columns:
            _mix_exactly(prints[place], column)
    for place, bits in cell_prints(table, cells, np.arange(table.num_rows) if cells else np.empty(0, np.int64)):
        mix_bits(prints[place], bits)
    first = np.zeros(table.num_rows, np.bool_)
    num_buckets = -(-table.num_rows // _COMPARED_AT_ONCE)
    for bucket in range(num_buckets):
        rows = _rows_of(prints, bucket, num_buckets)
        rows = rows if used is None else rows[used[rows]]
        first[rows[np.unique(prints[rows], return_index=True)[1]]] = True
    return first


def _rows_of(prints: Prints, bucket: int, num_buckets: int) -> Rows:
    """The rows, ascending, whose fingerprints fall into one of so many buckets; the same ones fall into the same."""
    starts = range(0, len(prints), _COMPARED_AT_ONCE)
    pieces = ((start, prints[start : start + _COMPARED_AT_ONCE]) for start in starts)
    return np.concatenate([start + np.flatnonzero(piece % np.uint64(num_buckets) == bucket) for start, piece in pieces])


def _mix_exactly(prints: Prints, column: "pa.Array") -> None:
    """Take one more column (m,) into each fingerprint. Whole numbers may be identifiers that no float tells apart."""
    import pyarrow as pa

    from app.preparing.table import numbers_or_words

    if pa.types.is_integer(column.type):
        mix_bits(prints, column.fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False).view(np.uint64))
        mix_bits(prints, column.is_null().to_numpy(zero_copy_only=False).astype(np.uint64))
    else:
        mix(prints, numbers_or_words(column))


def within(rows: Rows, place: slice) -> tuple[slice, Rows]:
    """Which of some rows, which ascend, lie in a stretch of the table: their places among them, and in the stretch."""
    first, last = np.searchsorted(rows, [place.start, place.stop])
    return slice(first, last), rows[first:last] - place.start


def _digests(cells: "pa.Array") -> Prints:
    """64 bits (n,) for each encoded image, or each array."""
    present = cells.drop_null()
    found: Prints = np.zeros(len(cells), np.uint64)
    digests = b"".join(hashlib.blake2b(data, digest_size=8).digest() for data in _bytes(present))
    found[cells.is_valid().to_numpy(zero_copy_only=False)] = np.frombuffer(digests, np.uint64)
    return found


def _bytes(cells: "pa.Array") -> Iterator[bytes]:
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(cells.type):
        yield from cells.to_pylist()
    elif len(cells):
        values = cells.flatten().to_numpy(zero_copy_only=False).reshape(len(cells), -1)
        values = values + values.dtype.type(0)  # -0 becomes 0
        if values.dtype.kind == "f":
            values[np.isnan(values)] = np.nan  # there are many
        for row in values:
            yield row.tobytes()
