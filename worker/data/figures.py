"""The arithmetic of statistics: of values at hand, with how often each occurs, and of values that only pass by."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.moments import in_range
from app.specs.columns import QUANTILES, Histogram

NUM_BINS = 20
MAX_EXACT_DISTINCT = 1_000_000
_DRAWN_AT_ONCE = 4096
_CACHED = 65_536  # values that are held against all edges while they are at hand
_NUM_SMALLEST = 16_384  # hashes that an estimate stands on: it is off by about 0.8 %

Bits = NDArray[np.uint64]


def moments(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the rows (ddof 0); None where they leave the range of a float."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.average(values, weights=counts))
        std = float(np.sqrt(np.average(np.square(values - mean), weights=counts)))
    return in_range(mean), in_range(std)


def edges(low: float, high: float, *, whole: bool) -> NDArray[np.float64] | None:
    """The edges of at most 20 bins of equal width; whole numbers get bins of whole width, centred on them when few.

    None where values are farther apart, or closer together, than floats can tell.
    """
    if not math.isfinite(high - low):
        return None
    if whole and high - low < 2**52:
        width = math.ceil((high - low + 1) / NUM_BINS)
        found = low - 0.5 + width * np.arange(math.ceil((high - low + 1) / width) + 1)
    else:
        found = np.linspace(low, high, NUM_BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    return found.astype(np.float64) if (np.diff(found) > 0).all() else None


def histogram(values: NDArray[Any], counts: NDArray[np.int64]) -> Histogram | None:
    """The histogram of ascending values, each as often as it is counted."""
    found = edges(float(values[0]), float(values[-1]), whole=values.dtype.kind == "i")
    if found is None:
        return None
    heights, _ = np.histogram(values, found, weights=counts)
    return Histogram(edges=found.tolist(), counts=heights.astype(int).tolist())


def bin_heights(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of finite values (n,) lie in each of a few bins, all of them between the outer edges.

    The same as np.histogram, which sorts the values: to hold them against each edge, some that fit the processor's
    cache at a time, takes little more than half as long.
    """
    num_below = np.zeros(len(edges), np.int64)
    num_below[-1] = len(values)  # the last bin has its upper edge, too
    for start in range(0, len(values), _CACHED):
        some = values[start : start + _CACHED].astype(np.float64, copy=False)
        for i, edge in enumerate(edges[1:-1].tolist(), 1):
            num_below[i] += np.count_nonzero(some < edge)
    return np.diff(num_below)


class Sample:
    """A share of many values that pass by, each as likely to be in it; the same whenever the same values are given.

    Only those that are taken cost something: what lies between two of them is drawn at once.
    """

    def __init__(self, share: float) -> None:
        self._share, self._random = min(1.0, share), np.random.default_rng(0)
        self._ahead = np.empty(0, np.int64)  # the places of the next ones, counted from what comes next
        self._last = -1

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Those of the next values (n,) that are in the sample."""
        while self._last < len(values):
            further = self._last + np.cumsum(self._random.geometric(self._share, _DRAWN_AT_ONCE))
            self._ahead = np.concatenate([self._ahead, further])
            self._last = int(further[-1])
        here = int(np.searchsorted(self._ahead, len(values)))
        taken = values[self._ahead[:here]]
        self._ahead, self._last = self._ahead[here:] - len(values), self._last - len(values)
        return taken


def quantiles(values: NDArray[Any], counts: NDArray[np.int64]) -> list[float]:
    """The values at QUANTILES among ascending ones, each as often as it is counted; linear between two rows."""
    ends = np.cumsum(counts)
    places = np.array(QUANTILES) * (ends[-1] - 1)
    below = np.floor(places)
    share = places - below
    lower = values[np.searchsorted(ends, below, side="right")].astype(np.float64)
    upper = values[np.searchsorted(ends, np.ceil(places), side="right")].astype(np.float64)
    found: list[float] = np.where(lower == upper, lower, lower * (1 - share) + upper * share).tolist()
    return found


class Distinct:
    """How many of many 64-bit values are distinct: exact up to `bound`, from there on an estimate.

    The estimate is that of the k smallest hashes: Bar-Yossef et al., "Counting distinct elements in a data stream"
    (2002). It is the same whenever the same values are given.
    """

    def __init__(self, bound: int = MAX_EXACT_DISTINCT) -> None:
        self._bound = bound
        self._kept: Bits = np.empty(0, np.uint64)
        self._pending: list[Bits] = []
        self._num_pending = 0
        self.is_exact = True

    def add(self, bits: Bits) -> None:
        """Take in some values, in any order, also again."""
        if not self.is_exact:
            bits = _mixed(bits)
            bits = bits[bits < self._kept[-1]]
        self._pending.append(bits)
        self._num_pending += len(bits)
        if self._num_pending > self._bound:
            self._merge()

    def count(self) -> int:
        """How many are distinct."""
        self._merge()
        if self.is_exact or len(self._kept) < _NUM_SMALLEST:
            return len(self._kept)
        return round((_NUM_SMALLEST - 1) / (float(self._kept[-1]) / 2.0**64))

    def values(self) -> Bits | None:
        """All that there are, ascending as unsigned numbers; None where they were too many."""
        self._merge()
        return self._kept if self.is_exact else None

    def _merge(self) -> None:
        if self._pending:
            merged = _distinct(np.concatenate([self._kept, *self._pending]))
            self._pending, self._num_pending = [], 0
            if self.is_exact and len(merged) > self._bound:
                self.is_exact = False
                merged = np.sort(_mixed(merged))
            self._kept = merged if self.is_exact else merged[:_NUM_SMALLEST]


def _distinct(bits: Bits) -> Bits:
    """The distinct values, ascending. NumPy puts integers into a hash table, which is far slower."""
    bits = np.sort(bits)
    differs = np.ones(len(bits), np.bool_)
    np.not_equal(bits[1:], bits[:-1], out=differs[1:])
    return bits[differs]


def _mixed(bits: Bits) -> Bits:
    """A hash of each value: the finalizer of SplitMix64, which is one to one."""
    mixed = bits >> np.uint64(30)
    mixed ^= bits
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed
