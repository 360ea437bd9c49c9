"""Which rows train, which validate, which test: dealt out once, by the seed alone.

The worker trains by it, and whoever looks a run's rows up afterwards finds the same. Memory is a byte a row for the
answer and a few numbers a row on the way.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.splits import AnySplit, ColumnSplit, GroupedSplit, KFoldSplit, SharesSplit, TimeSplit

Rows = NDArray[np.int64]
Parts = NDArray[np.uint8]  # (N,): of each row the bits of its parts; 0: it is not used

BITS = {"train": 1, "validation": 2, "test": 4}


class Table(Protocol):
    """What a split reads of N rows."""

    num_rows: int

    def ids(self, name: str) -> NDArray[np.integer[Any]]:
        """A number (N,) for each value of a column, the same for equal ones."""
        ...

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A column (N,) as numbers; times are seconds."""
        ...

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Which rows (N,) have one of these values."""
        ...


def evenly(num_rows: int, most: int) -> Rows:
    """So many rows at most, ascending, one by chance from each of as many stretches; all where they are no more.

    The same for the same numbers. Every k-th row would not do: a table that repeats itself shows one of its faces then.
    """
    if num_rows <= most:
        return np.arange(num_rows)
    bounds = np.arange(most + 1) * num_rows // most
    return np.random.default_rng(0).integers(bounds[:-1], bounds[1:])


def deal(split: AnySplit, table: Table, target: str, used: NDArray[np.bool_] | None = None) -> Parts:
    """The parts of each row, dealt among those that are `used` (N,), else among all.

    Of shares, validation and test are rounded, the training has the rest. Raises JobFailure where a mix cannot be kept.
    """
    parts: Parts = np.zeros(table.num_rows, np.uint8)
    if isinstance(split, ColumnSplit):
        for part, bit in BITS.items():
            parts[table.holds(split.column, getattr(split, part))] |= bit
        if used is not None:
            parts[~used] = 0
        return parts
    num_rows = table.num_rows if used is None else int(np.count_nonzero(used))
    among: Any = slice(None) if used is None else used
    parts[among] = _BITS_OF_PLACES[type(split)](split, _dealt(split, num_rows, table, target, among))
    return parts


def rows_of(parts: Parts, part: str) -> Rows:
    """The places of a part's rows in the table, ascending."""
    return np.flatnonzero(parts & BITS[part])


def _dealt(split: Any, num_rows: int, table: Table, target: str, among: Any) -> NDArray[np.uint8 | np.uint16]:
    """The place (N,) of each row in the list of sizes: test, validation, train; or test and the folds."""
    sizes = _sizes(split, num_rows)
    match split:
        case TimeSplit():
            times = table.numbers(split.column)[among]
            order = np.argsort(times, kind="stable")[::-1]
            return _in_order(order, _between_moments(times[order], sizes, split.column))
        case GroupedSplit():
            return _grouped(table.ids(split.column)[among], sizes, split.seed)
        case SharesSplit(shuffle=False):
            return _in_order(np.arange(num_rows)[::-1], sizes)
    random = np.random.default_rng(split.seed)
    if split.stratify:
        return _stratified(table.ids(target)[among], sizes, random)
    return _in_order(random.permutation(num_rows), sizes)


def _sizes(split: Any, num_rows: int) -> list[int]:
    test = round(num_rows * split.test)
    if isinstance(split, KFoldSplit):
        size, num_larger = divmod(num_rows - test, split.num_folds)
        return [test, *(size + (i < num_larger) for i in range(split.num_folds))]
    validation = round(num_rows * split.validation)
    return [test, validation, num_rows - test - validation]


def _between_moments(times: NDArray[np.float64], sizes: list[int], name: str) -> list[int]:
    """Sizes of parts of descending `times` (N,) that tear no moment apart, each border as near as can be to its place.

    Rows of one moment in two parts would tell the test what the training knows. Raises JobFailure where there are fewer
    moments than parts.
    """
    ends = np.concatenate([np.flatnonzero(np.diff(times)) + 1, [len(times)]])  # of the moments
    num_asked = sum(size > 0 for size in sizes)
    if len(ends) < num_asked:
        message = f"The column {name} has {len(ends)} different values, and {num_asked} parts are asked for."
        raise JobFailure("data", message, "Split at random, or without a validation or a test.")
    found: list[int] = []
    taken, left = 0, num_asked  # moments, parts
    for size in sizes:
        if size == 0:
            found.append(0)
            continue
        left -= 1
        wanted = sum(sizes[: len(found) + 1])
        first, last = taken, len(ends) - 1 - left  # that may be the part's last moment
        taken = first + int(np.abs(ends[first : last + 1] - wanted).argmin()) + 1
        found.append(int(ends[taken - 1]) - sum(found))
    return found


def _of_shares(split: Any, places: NDArray[Any]) -> Parts:
    bits: Parts = np.array([BITS["test"], BITS["validation"], BITS["train"]], np.uint8)
    return bits.take(places)


def _of_folds(split: KFoldSplit, places: NDArray[Any]) -> Parts:
    bits: Parts = np.full(split.num_folds + 1, BITS["train"], np.uint8)
    bits[0], bits[split.fold + 1] = BITS["test"], BITS["validation"]
    return bits.take(places)


_BITS_OF_PLACES = {SharesSplit: _of_shares, GroupedSplit: _of_shares, TimeSplit: _of_shares, KFoldSplit: _of_folds}


def _in_order(order: Rows, sizes: list[int]) -> NDArray[np.uint16]:
    """The first rows of an order go to the first place, and so on."""
    places = np.empty(len(order), np.uint16)
    start = 0
    for i, size in enumerate(sizes):
        places[order[start : start + size]] = i
        start += size
    return places


def _stratified(ids: NDArray[Any], sizes: list[int], random: np.random.Generator) -> NDArray[np.uint16]:
    """Each class is dealt by itself. What rounding leaves over is made up for by the next, the largest comes last."""
    classes, counts = np.unique(ids, return_counts=True)
    if counts.min() < 2:
        message = "The mix of classes cannot be kept: a class has only one row."
        raise JobFailure("data", message, "Split without stratify, or leave rare classes out.")
    places = np.empty(len(ids), np.uint16)
    dealt, seen = np.zeros(len(sizes), np.int64), 0
    for i in np.argsort(counts, kind="stable"):
        seen += int(counts[i])
        own = list(_fair(np.array(sizes) * seen / len(ids) - dealt, int(counts[i])))
        dealt += own
        rows = np.flatnonzero(ids == classes[i])
        places[rows] = _in_order(random.permutation(len(rows)), own)
    return places


def _fair(wanted: NDArray[np.float64], count: int) -> Iterator[int]:
    """Whole numbers that add up to `count`, each as near to what is wanted as that allows."""
    floors = np.maximum(0, np.floor(wanted)).astype(int)
    while floors.sum() > count:
        floors[(floors - wanted).argmax()] -= 1
    for _ in range(count - int(floors.sum())):
        floors[(wanted - floors).argmax()] += 1
    yield from floors.tolist()


def _grouped(ids: NDArray[Any], sizes: list[int], seed: int) -> NDArray[np.uint16]:
    """Whole groups, at random, each to the place that lacks most; the largest first, so that small ones even it out."""
    groups, inverse, counts = np.unique(ids, return_inverse=True, return_counts=True)
    random = np.random.default_rng(seed).permutation(len(groups))
    wanted = np.array(sizes, np.float64)
    place_of = np.empty(len(groups), np.uint16)
    lacking = wanted.copy()
    for group in random[np.argsort(-counts[random], kind="stable")].tolist():
        place = int(np.where(wanted > 0, lacking, -np.inf).argmax())
        place_of[group] = place
        lacking[place] -= counts[group]
    return place_of[inverse]
