"""The mean of several runs, how far they lie apart, and how well that says where the mean is. Pure arithmetic."""

import math
import statistics
from collections.abc import Sequence

_SHARE = 0.95
_HALVINGS = 80  # of the range in which a quantile is looked for


def interval_of(
    values: Sequence[float], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float] | None:
    """The 95 % interval of the mean of some independent values; None for fewer than two.

    Student, "The probable error of a mean" (1908). As much of it as lies within bounds that no value can pass.
    """
    if len(values) < 2:
        return None
    reach = t_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return (max(mean - reach, bounds[0]), min(mean + reach, bounds[1]))


def t_quantile(freedom: int) -> float:
    """What |t| does not exceed with 95 %, with so many degrees of freedom."""
    low, high = 0.0, 64.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < _SHARE else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    """How likely |t| is no larger. Abramowitz and Stegun, "Handbook of Mathematical Functions" (1964), 26.7.3 and 4."""
    angle = math.atan(t / math.sqrt(freedom))
    is_odd = freedom % 2
    term = total = math.cos(angle) if is_odd else 1.0
    for k in range(2 + is_odd, freedom - 1, 2):
        term *= (k - 1) / k * math.cos(angle) ** 2
        total += term
    if not is_odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + (math.sin(angle) * total if freedom > 1 else 0.0))
