"""Which rows train, which validate, which test: dealt out once, by the seed alone.

The worker trains by it, and whoever looks a run's rows up afterwards finds the same. Memory is a byte a row for the
answer and what a stretch of rows takes on the way. To keep the mix of classes, or groups together, takes one to four
bytes a row more and some for each group, to split by time sixteen.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import JobFailure
from app.folds import places_of_groups, places_of_mixed_groups, rows_in_time, rows_of_classes
from app.specs.splits import AnySplit, ColumnSplit, GroupedSplit, KFoldSplit, SharesSplit, TimeSplit

Rows = NDArray[np.int64]
Parts = NDArray[np.uint8]  # (N,): of each row the bits of its parts; 0: it is not used
Places = NDArray[np.unsignedinteger[Any]]
Numbers = NDArray[np.float64]
Dealer = Callable[[Rows], Places]

_MOST_DEALT = 999_999_999  # numpy draws of no more

BITS = {"train": 1, "validation": 2, "test": 4}
STRETCH = 1 << 20  # rows that are mixed with one another; a table of no more is mixed as a whole


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
    places_of, bits = _dealer(split, num_rows, table, target, used), _bits_of_places(split)
    for start in range(0, table.num_rows, STRETCH):
        stretch = slice(start, min(start + STRETCH, table.num_rows))
        rows = np.arange(stretch.start, stretch.stop) if used is None else start + np.flatnonzero(used[stretch])
        parts[rows] = bits[places_of(rows)]
    return parts


def rows_of(parts: Parts, part: str) -> Rows:
    """The places of a part's rows in the table, ascending."""
    return np.flatnonzero(parts & BITS[part])


def _dealer(split: Any, num_rows: int, table: Table, target: str, used: NDArray[np.bool_] | None) -> Dealer:
    """Gives rows (R,) of the table their places (R,) in the list of sizes: test, validation, train; or test and folds.

    It is asked for all of the `num_rows` rows that are used, in order, a stretch at a time.
    """
    sizes = _sizes(split, num_rows)
    if isinstance(split, KFoldSplit) and (dealer := _folds(split, sizes, table, target, used)):
        return dealer
    match split:
        case TimeSplit():
            return _by_moments(table.numbers(split.column), used, sizes, split.column)
        case GroupedSplit():
            ids = table.ids(split.column)
            return _together(ids, places_of_groups(_count(ids, used), sizes, split.seed))
        case SharesSplit(shuffle=False):
            return _from_the_end(num_rows, sizes)
    random = np.random.default_rng(split.seed)
    if split.stratify:
        return _stratified(table.ids(target), used, sizes, random)
    return _Hand(sizes, random).deal


def _folds(
    split: KFoldSplit, sizes: list[int], table: Table, target: str, used: NDArray[np.bool_] | None
) -> Dealer | None:
    """By time, by groups, or in order; None where rows are dealt at random."""
    if split.time is not None:
        return _by_moments(table.numbers(split.time), used, sizes, split.time)
    if split.group is not None:
        ids, seed = table.ids(split.group), split.seed if split.shuffle else None
        wanted = [sizes[0], *[sum(sizes[1:]) / split.num_folds] * split.num_folds]
        if not split.stratify:
            return _together(ids, places_of_groups(_count(ids, used), wanted, seed))
        counts = _count_both(ids, table.ids(target), used)
        return _together(ids, places_of_mixed_groups(counts, wanted, seed))
    if split.shuffle:
        return None
    if not split.stratify:
        return _Turns(sizes).deal
    ids = table.ids(target)
    counts, classes = _count(ids, used), _in_first_order(ids, used)
    owns = rows_of_classes(counts[classes].tolist(), split.num_folds)
    return _by_class(ids, {i: _Turns([0, *own]) for i, own in zip(classes, owns, strict=True)})


def _sizes(split: Any, num_rows: int) -> list[int]:
    test = round(num_rows * split.test)
    if isinstance(split, KFoldSplit) and split.time is not None:
        return [test, *rows_in_time(num_rows - test, split.num_folds)]
    if isinstance(split, KFoldSplit):
        size, num_larger = divmod(num_rows - test, split.num_folds)
        return [test, *(size + (i < num_larger) for i in range(split.num_folds))]
    validation = round(num_rows * split.validation)
    return [test, validation, num_rows - test - validation]


def _bits_of_places(split: Any) -> Parts:
    if not isinstance(split, KFoldSplit):
        return np.array([BITS["test"], BITS["validation"], BITS["train"]], np.uint8)
    if split.time is not None:  # the latest first: what comes after the fold is of no part
        bits: Parts = np.full(split.num_folds + 2, BITS["train"], np.uint8)
        place = split.num_folds - split.fold
        bits[1:place] = 0
        bits[0], bits[place] = BITS["test"], BITS["validation"]
        return bits
    bits = np.full(split.num_folds + 1, BITS["train"], np.uint8)
    bits[0], bits[split.fold + 1] = BITS["test"], BITS["validation"]
    return bits


class _Hand:
    """Deals rows at random, a stretch at a time, so that in the end each place has got its size exactly.

    How many of a stretch go to each place is drawn as from an urn, without putting back: so every way to deal all rows
    is as likely as if they had been mixed all together.
    """

    def __init__(self, sizes: Sequence[int], random: np.random.Generator) -> None:
        self._left, self._random = np.array(sizes, np.int64), random

    def deal(self, rows: NDArray[np.integer[Any]]) -> Places:
        """The places (R,) of the next rows (R,)."""
        num_left = int(self._left.sum())
        if num_left > _MOST_DEALT:
            message = f"More than {_MOST_DEALT:,} rows cannot be dealt at random."
            raise JobFailure("data", message, "Split by a column, by time or by groups, or without shuffle.")
        is_last = len(rows) == num_left
        drawn = self._left if is_last else self._random.multivariate_hypergeometric(self._left, len(rows))
        self._left = self._left - drawn
        places = np.empty(len(rows), np.uint16)
        places[self._random.permutation(len(rows))] = np.repeat(np.arange(len(drawn), dtype=np.uint16), drawn)
        return places


class _Turns:
    """Deals rows in their order: the first to the first fold, and so on, the last to the test."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._ends, self._num_dealt = np.cumsum([*sizes[1:], sizes[0]]), 0

    def deal(self, rows: NDArray[np.integer[Any]]) -> Places:
        """The places (R,) of the next rows (R,)."""
        turns = np.arange(self._num_dealt, self._num_dealt + len(rows))
        self._num_dealt += len(rows)
        found = self._ends.searchsorted(turns, side="right") + 1
        return (found % len(self._ends)).astype(np.uint16)


def _from_the_end(num_rows: int, sizes: list[int]) -> Dealer:
    """The last rows go to the first place, and so on."""
    ends, left = np.cumsum(sizes), num_rows

    def deal(rows: Rows) -> Places:
        nonlocal left
        left -= len(rows)
        return ends.searchsorted(np.arange(left, left + len(rows))[::-1], side="right").astype(np.uint16)

    return deal


def _by_moments(times: Numbers, used: NDArray[np.bool_] | None, sizes: list[int], name: str) -> Dealer:
    """The latest rows go to the first place, and so on; moments are torn apart nowhere."""
    ascending = times.copy() if used is None else times[used]
    ascending.sort()
    ends = np.cumsum(_between_moments(ascending, sizes, name))
    # A place that has rows takes those that are as late as the earliest of them, or later.
    places = np.flatnonzero(np.diff(ends, prepend=0))[::-1]
    earliest = ascending[len(ascending) - ends[places]]

    def deal(rows: Rows) -> Places:
        found: Places = places[earliest.searchsorted(times[rows], side="right") - 1].astype(np.uint16)
        return found

    return deal


def _between_moments(ascending: Numbers, sizes: list[int], name: str) -> list[int]:
    """Sizes of parts of `ascending` times (N,), the latest first, each border as near as can be to its place.

    Rows of one moment in two parts would tell the test what the training knows. Raises JobFailure where there are fewer
    moments than parts.
    """
    num_rows, num_asked = len(ascending), sum(size > 0 for size in sizes)

    def earlier(taken: int) -> int:
        """So many rows are taken, from the latest on: how many, once the next moment is taken too."""
        return num_rows - int(ascending.searchsorted(ascending[num_rows - taken - 1]))

    last_ends = [num_rows]  # where a part must end at the latest, for those after it to have a moment each
    for _ in range(num_asked - 1):
        first = ascending[num_rows - last_ends[0]]  # of the moments that are left
        last_ends.insert(0, num_rows - int(ascending.searchsorted(first, side="right")))
        if not last_ends[0]:
            num_moments = len(np.unique(ascending))
            message = f"The column {name} has {num_moments} different values, and {num_asked} parts are asked for."
            raise JobFailure("data", message, "Split at random, or without a validation or a test.")
    found: list[int] = []
    wanted = taken = 0
    for size in sizes:
        wanted += size
        end = taken
        if size:
            least, most = earlier(taken), last_ends.pop(0)
            beyond = earlier(wanted - 1)
            before = num_rows - int(ascending.searchsorted(ascending[num_rows - beyond], side="right"))
            nearest = before if wanted - before <= beyond - wanted else beyond
            end = min(max(nearest, least), most)
        found.append(end - taken)
        taken = end
    return found


def _stratified(
    ids: NDArray[np.integer[Any]], used: NDArray[np.bool_] | None, sizes: list[int], random: np.random.Generator
) -> Dealer:
    """Each class is dealt by itself. What rounding leaves over is made up for by the next, the largest comes last."""
    counts = _count(ids, used)
    classes = np.flatnonzero(counts)
    if counts[classes].min(initial=2) < 2:
        message = "The mix of classes cannot be kept: a class has only one row."
        raise JobFailure("data", message, "Split without stratify, or leave rare classes out.")
    hands: dict[int, _Hand] = {}
    dealt, seen = np.zeros(len(sizes), np.int64), 0
    for i in classes[np.argsort(counts[classes], kind="stable")].tolist():
        seen += int(counts[i])
        own = list(_fair(np.array(sizes) * seen / sum(sizes) - dealt, int(counts[i])))
        dealt += own
        hands[i] = _Hand(own, random)
    return _by_class(ids, hands)


def _by_class(ids: NDArray[np.integer[Any]], hands: Mapping[int, "_Hand | _Turns"]) -> Dealer:
    """Each class is dealt by its own hand."""
    num_classes = max(hands, default=-1) + 1

    def deal(rows: Rows) -> Places:
        own = ids[rows]
        order = np.argsort(own, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=num_classes))])
        places = np.empty(len(rows), np.uint16)
        for i, hand in hands.items():
            some = order[bounds[i] : bounds[i + 1]]
            if len(some):
                places[some] = hand.deal(some)
        return places

    return deal


def _fair(wanted: NDArray[np.float64], count: int) -> Iterator[int]:
    """Whole numbers that add up to `count`, each as near to what is wanted as that allows."""
    floors = np.maximum(0, np.floor(wanted)).astype(int)
    while floors.sum() > count:
        floors[(floors - wanted).argmax()] -= 1
    for _ in range(count - int(floors.sum())):
        floors[(wanted - floors).argmax()] += 1
    yield from floors.tolist()


def _together(ids: NDArray[np.integer[Any]], place_of: Rows) -> Dealer:
    """Each row goes where its group goes."""
    places = place_of.astype(np.uint16)
    return lambda rows: places[ids[rows]]


def _in_first_order(ids: NDArray[np.integer[Any]], used: NDArray[np.bool_] | None) -> list[int]:
    """The numbers of rows that are used, in the order in which they first come."""
    found: dict[int, None] = {}
    for start in range(0, len(ids), STRETCH):
        some = ids[start : start + STRETCH]
        some = some if used is None else some[used[start : start + STRETCH]]
        values, first = np.unique(some, return_index=True)
        found |= dict.fromkeys(one for one in values[np.argsort(first)].tolist() if one not in found)
    return list(found)


def _count_both(
    groups: NDArray[np.integer[Any]], classes: NDArray[np.integer[Any]], used: NDArray[np.bool_] | None
) -> Rows:
    """How many rows (G, C) that are used each group has of each class."""
    counts = np.zeros((int(groups.max(initial=0)) + 1, int(classes.max(initial=0)) + 1), np.int64)
    for start in range(0, len(groups), STRETCH):
        stretch = slice(start, start + STRETCH)
        some = slice(None) if used is None else used[stretch]
        np.add.at(counts, (groups[stretch][some], classes[stretch][some]), 1)
    return counts


def _count(ids: NDArray[np.integer[Any]], used: NDArray[np.bool_] | None) -> Rows:
    """How many of the rows that are used have each number."""
    counts = np.zeros(int(ids.max(initial=0)) + 1, np.int64)
    for start in range(0, len(ids), STRETCH):  # bincount makes whole numbers of eight bytes of all that it is given
        some = ids[start : start + STRETCH]
        counts += np.bincount(some if used is None else some[used[start : start + STRETCH]], minlength=len(counts))
    return counts
