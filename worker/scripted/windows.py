"""Windows of a time series: where each begins among the rows in order."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


def window_starts(series: Any, length: int, ahead: int, horizon: int, stride: int) -> Rows:
    """Where windows begin among rows in order, of which `series` (R,) says to which series each belongs."""
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(series)) + 1, [len(series)]])
    span = length - 1 + ahead + horizon
    return np.concatenate([np.arange(begin, end - span + 1, stride) for begin, end in pairwise(bounds)])


def windows_of_parts(
    every: Rows, parts: Mapping[str, Mask], seen: Mask, told: Mask, length: int, ahead: int, horizon: int
) -> dict[str, Rows]:
    """Where the windows of each part begin. All that is predicted lies in it; what is seen, in it or an earlier one.

    Of rows in order, each (R,): which are in a part, which can be `seen`, and whose target is `told`.
    """
    found, visible = {}, np.zeros(len(seen), np.bool_)
    for part, mask in parts.items():
        visible = visible | mask
        fits = _throughout(seen & visible, every, length)
        found[part] = every[fits & _throughout(told & mask, every + length - 1 + ahead, horizon)]
    return found


def _throughout(mask: Mask, begin: Rows, count: int) -> Mask:
    """Whether a mask (R,) holds for `count` rows from each of these places on."""
    lacking = np.concatenate([[0], np.cumsum(~mask)])
    holds: Mask = lacking[begin + count] == lacking[begin]
    return holds
