"""Windows of a time series: where each begins among the rows in order, and which part it belongs to.

A window belongs to the part in which all the rows lie that it predicts. What it sees may lie in an earlier part, for
that is known by then, but never in one that is kept from it: what trains sees training rows alone, what validates
those and the validation's, what tests any. A window that reaches across a border with what it predicts, that would see
what is kept from it, or that holds a row of no part, is left out.

Nothing is copied here: of N windows there are N numbers, whatever their length.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.specs.window import Window
from app.splitting import BITS, Parts, Rows, Table

Mask = NDArray[np.bool_]

_SEES = {"train": BITS["train"], "validation": BITS["train"] | BITS["validation"], "test": sum(BITS.values())}


@dataclass(frozen=True)
class Order:
    """The rows of a table, one series after the other, each in its order."""

    rows: Rows  # (R,): their places in the table
    bounds: Rows  # (S + 1,): where each series begins in `rows`, and where the last one ends
    times: NDArray[np.float64] | None  # (R,): of the table's rows, as they stand there; None where nothing says when


def in_order(table: Table, window: Window) -> Order:
    """The order of `window.series` and `window.time`; rows of the same moment stay as they stand in the table."""
    ids = None if window.series is None else table.ids(window.series)
    times = None if window.time is None else table.numbers(window.time)
    keys = [key for key in (times, ids) if key is not None]  # the last one counts most
    rows = np.lexsort(keys) if keys else np.arange(table.num_rows)
    changes = np.empty(0, np.int64) if ids is None else np.flatnonzero(np.diff(ids[rows])) + 1
    return Order(rows, np.concatenate([[0], changes, [len(rows)]]).astype(np.int64), times)


def starts(bounds: Rows, window: Window) -> Rows:
    """Where the windows (N,) of each series begin, from its first row on, as far as its rows reach."""
    counts = np.maximum(0, (np.diff(bounds) - window.span) // window.stride + 1)
    ordinals = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    found: Rows = np.repeat(bounds[:-1], counts) + window.stride * ordinals
    return found


def deal_windows(bounds: Rows, window: Window, dealt: Parts, seen: Mask, told: Mask) -> dict[str, Rows]:
    """Where the windows of each part begin; a part may have none.

    All are of rows in order: the bits of their parts (R,), whether a row can be `seen`, and whether its target is
    `told`, each (R,).
    """
    every = starts(bounds, window)
    first = every + window.length - 1 + window.ahead  # the first that is predicted
    found = {}
    for part, bit in BITS.items():
        fits = _throughout(seen & (dealt & _SEES[part] > 0), every, window.length)
        fits &= _throughout(told & (dealt & bit > 0), first, window.horizon)
        found[part] = every[fits]
    return found


def _throughout(mask: Mask, begin: Rows, count: int) -> Mask:
    """Whether a mask (R,) holds for `count` rows from each of these places (N,) on."""
    lacking = np.concatenate([[0], np.cumsum(~mask)])
    holds: Mask = lacking[begin + count] == lacking[begin]
    return holds
