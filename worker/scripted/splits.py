"""How rows are dealt to their parts: of each row its place in a list of sizes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.folds import places_of_groups, places_of_mixed_groups, rows_of_classes
from app.splitting import STRETCH, _between_moments, _fair

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


def whole(table: pa.Table, names: Sequence[str]) -> Mask:
    """Which rows (N,) lack none of these columns."""
    found = np.ones(table.num_rows, np.bool_)
    for name in names:
        found &= ~table[name].is_null(nan_is_null=True).to_numpy()
    return found


def firsts(table: pa.Table, names: Sequence[str], used: Mask) -> Mask:
    """Which of the used rows (N,) have none before them that is the same in these columns."""
    rows = np.flatnonzero(used)
    same = np.stack([_values(table[name])[rows] for name in names], axis=1)
    found = np.zeros(table.num_rows, np.bool_)
    found[rows[np.unique(same, axis=0, return_index=True)[1]]] = True
    return found


def _values(column: pa.ChunkedArray) -> Rows:
    """A number for each value (N,): for numbers that are equal, and for all that are missing, the same."""
    array = column.combine_chunks()
    if pa.types.is_floating(array.type):
        array = pa.array(array.to_numpy(zero_copy_only=False) + 0.0)  # -0 becomes 0, a gap NaN
    elif pa.types.is_fixed_size_list(array.type):
        array = pa.array([None if cell is None else repr(cell) for cell in array.to_pylist()])
    return numbered(array)


def numbered(column: Any) -> Rows:
    """A number for each value (N,) of a column, in the order in which they first come; a gap is a value too."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode("encode")
    found: Rows = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def dealt(num_rows: int, sizes: Sequence[int], seed: int) -> Rows:
    """The places (N,) of rows that are dealt at random."""
    places = np.empty(num_rows, np.int64)
    places[np.random.default_rng(seed).permutation(num_rows)] = np.repeat(np.arange(len(sizes)), sizes)
    return places


def stratified(classes: Rows, sizes: Sequence[int], seed: int) -> Rows:
    """The places (N,) of rows of which each class (N,) is dealt by itself, at random."""
    random = np.random.default_rng(seed)
    places = np.empty(len(classes), np.int64)
    for one, own in sizes_of_classes(classes, sizes).items():
        rows = np.flatnonzero(classes == one)
        places[rows[random.permutation(len(rows))]] = np.repeat(np.arange(len(sizes)), own)
    return places


def sizes_of_classes(classes: Rows, sizes: Sequence[int]) -> dict[int, list[int]]:
    """How many rows of each class go to each place: what rounding leaves over is made up for by the next class."""
    counts = np.bincount(classes)
    there = np.flatnonzero(counts)
    found: dict[int, list[int]] = {}
    given, seen = np.zeros(len(sizes), np.int64), 0
    for one in there[np.argsort(counts[there], kind="stable")].tolist():
        seen += int(counts[one])
        found[one] = list(_fair(np.array(sizes) * seen / sum(sizes) - given, int(counts[one])))
        given += found[one]
    return found


def dealt_in_stretches(
    used: Mask, classes: Rows, sizes: Sequence[int], seed: int, sizes_of: dict[int, list[int]] | None = None
) -> Rows:
    """The places of the rows (N,) that are used, of a table too long to be mixed at once: a stretch at a time.

    How many of a stretch go to each place is drawn as from an urn, without putting back. `classes` are of those rows;
    `sizes_of` says what each class gives to each place, where each is dealt by itself.
    """
    random = np.random.default_rng(seed)
    left = {one: np.array(own) for one, own in (sizes_of or {0: list(sizes)}).items()}
    places = np.empty(len(classes), np.int64)
    begin = 0
    for start in range(0, len(used), STRETCH):
        end = begin + int(np.count_nonzero(used[start : start + STRETCH]))
        for one, own in left.items():
            rows = begin + np.flatnonzero(classes[begin:end] == one)
            if len(rows):
                is_last = len(rows) == own.sum()
                drawn = own if is_last else random.multivariate_hypergeometric(own, len(rows))
                left[one] = own - drawn
                places[rows[random.permutation(len(rows))]] = np.repeat(np.arange(len(sizes)), drawn)
        begin = end
    return places


def grouped(groups: Rows, wanted: Sequence[float], seed: int | None) -> Rows:
    """The places (N,) of rows whose groups (N,) stay together."""
    return places_of_groups(np.bincount(groups), wanted, seed)[groups]


def grouped_by_class(groups: Rows, classes: Rows, wanted: Sequence[float], seed: int | None) -> Rows:
    """The places (N,) of rows whose groups (N,) stay together, while each place gets its share of each class (N,)."""
    counts = np.zeros((int(groups.max()) + 1, int(classes.max()) + 1), np.int64)
    np.add.at(counts, (groups, classes), 1)
    return places_of_mixed_groups(counts, wanted, seed)[groups]


def in_turn(classes: Rows, num_folds: int) -> Rows:
    """The places (N,) of rows of which each class (N,) goes to the folds in its order; none is kept for the test."""
    found, first, counts = np.unique(classes, return_index=True, return_counts=True)
    order = np.argsort(first)
    places = np.empty(len(classes), np.int64)
    for one, own in zip(found[order], rows_of_classes(counts[order].tolist(), num_folds), strict=True):
        places[classes == one] = np.repeat(np.arange(num_folds), own) + 1
    return places


def by_time(times: NDArray[np.float64], sizes: list[int], name: str) -> Rows:
    """The places (N,) of rows by their times (N,): the latest go to the first place. Moments are kept whole."""
    ascending = np.sort(times)
    ends = np.cumsum(_between_moments(ascending, sizes, name))
    places = np.flatnonzero(np.diff(ends, prepend=0))[::-1]
    earliest = ascending[len(ascending) - ends[places]]
    found: Rows = places[earliest.searchsorted(times, side="right") - 1]
    return found


def holding(column: pa.ChunkedArray, values: Sequence[Any]) -> Rows:
    """The rows whose value is one of these."""
    array = column.combine_chunks()
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    found: Rows = np.flatnonzero(pc.is_in(array, value_set=pa.array(values).cast(array.type)).to_numpy(False))
    return found
