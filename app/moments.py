"""Count, mean, deviation and range of numbers of which only some are at hand at a time."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def in_range(value: float) -> float | None:
    """The value, or None where it is no finite number."""
    return value if math.isfinite(value) else None


class Moments:
    """Count, mean, deviation and range of finite values that pass by in blocks.

    The blocks are merged as in Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979), so a large mean does not drown a small deviation.
    """

    def __init__(self) -> None:
        self.count, self._mean, self._squares = 0, 0.0, 0.0
        self.low: Any = None
        self.high: Any = None

    def add(self, values: NDArray[Any]) -> None:
        """Take in some values (n,)."""
        if not values.size:
            return
        low, high = values.min().item(), values.max().item()
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = float(values.mean(dtype=np.float64))
            squares = float(np.square(values - mean, dtype=np.float64).sum())
            count = self.count + values.size
            off = np.float64(mean - self._mean)
            self._squares += squares + float(off * off * (self.count * values.size / count))
            self._mean += float(off * (values.size / count))
        self.count = count

    @property
    def mean(self) -> float | None:
        return in_range(self._mean) if self.count else None

    @property
    def std(self) -> float | None:
        return in_range(math.sqrt(self._squares / self.count)) if self.count and self._squares >= 0 else None
