"""How strongly two columns go together, from values that both are there and finite. Pure arithmetic.

Every measure is None where one of the two does not vary: then the question has no answer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Codes = NDArray[np.integer[Any]]


def pearson(x: Numbers, y: Numbers) -> float | None:
    """Pearson's r of (n,) and (n,), from -1 to 1: how closely they lie along a straight line.

    K. Pearson, "Note on regression and inheritance in the case of two parents" (1895).
    """
    along_x, along_y = _direction(x), _direction(y)
    if along_x is None or along_y is None:
        return None
    return float(np.clip(along_x @ along_y, -1, 1))


def spearman(x: Numbers, y: Numbers) -> float | None:
    """Spearman's rho of (n,) and (n,), from -1 to 1: how closely one only grows, or only falls, with the other.

    Pearson's r of the ranks, ties at their mean rank. C. Spearman, "The proof and measurement of association between
    two things" (1904).
    """
    return pearson(_ranks(x), _ranks(y))


def correlation_ratio(groups: Codes, values: Numbers) -> float | None:
    """Eta of values (n,) in groups (n,), from 0 to 1: the root of the share of the variance that lies between groups.

    Groups are whole numbers from 0 on. K. Pearson, "On the general theory of skew correlation and non-linear
    regression" (1905); eta² is the coefficient of determination of a one-way analysis of variance.
    """
    direction = _direction(values)
    if direction is None or len(groups) == 0 or (groups == groups[0]).all():
        return None
    counts = np.bincount(groups)
    sums = np.bincount(groups, weights=direction)
    between = np.square(sums[counts > 0]) / counts[counts > 0]
    return float(np.sqrt(min(1.0, between.sum())))  # the direction's mean is 0, its variance 1 / n


def cramers_v(x: Codes, y: Codes) -> float | None:
    """Cramér's V of classes (n,) and (n,), from 0 to 1, corrected for bias: independent classes have about 0.

    Classes are whole numbers from 0 on. W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of
    the Korean Statistical Society 42 (2013).
    """
    table = contingency(x, y)
    num_rows, num_columns = table.shape
    n = int(table.sum())
    if min(num_rows, num_columns) < 2:
        return None
    expected = np.outer(table.sum(1), table.sum(0)) / n
    phi2 = float((np.square(table - expected) / expected).sum()) / n
    corrected = max(0.0, phi2 - (num_rows - 1) * (num_columns - 1) / (n - 1))
    size = min(one - (one - 1) ** 2 / (n - 1) for one in (num_rows, num_columns)) - 1
    return float(np.sqrt(min(1.0, corrected / size))) if size > 0 else None


def contingency(x: Codes, y: Codes) -> NDArray[np.int64]:
    """How often each class (n,) meets each class (n,): a table without those that never come."""
    xs, x = np.unique(x, return_inverse=True)
    ys, y = np.unique(y, return_inverse=True)
    counts: NDArray[np.int64] = np.bincount(x * len(ys) + y, minlength=len(xs) * len(ys))
    return counts.reshape(len(xs), len(ys))


def _direction(x: Numbers) -> Numbers | None:
    """With mean 0 and length 1; None where nothing varies. Values of any size keep their digits."""
    if len(x) < 2 or x.min() == x.max():
        return None
    x = x / np.abs(x).max()
    centred = x - x.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 0 else None


def _ranks(x: Numbers) -> Numbers:
    """The ranks (n,) of values, equal ones at their mean."""
    _, codes, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[codes]
    return ranks
