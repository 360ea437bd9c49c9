"""Which fold whole groups go to, and how many rows of each class. Pure arithmetic.

Places are those of a list of sizes: what is kept for the test, then each fold. Without a seed they are those of
scikit-learn, whose splitters are named below.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def places_of_groups(counts: Rows, wanted: Sequence[float], seed: int | None) -> Rows:
    """The place of each group (G,) of so many rows: the largest first, each where most is lacking of what is `wanted`.

    The seed says which of several of one size is the first; without one it is the last, as with `GroupKFold`.
    """
    groups = np.flatnonzero(counts)
    if seed is None:
        ordered = groups[np.argsort(counts[groups], kind="stable")[::-1]]
    else:
        mixed = groups[np.random.default_rng(seed).permutation(len(groups))]
        ordered = mixed[np.argsort(-counts[mixed], kind="stable")]
    lacking, is_wanted = np.array(wanted, np.float64), np.array(wanted) > 0
    place_of: Rows = np.zeros(len(counts), np.int64)
    for group in ordered.tolist():
        place = int(np.where(is_wanted, lacking, -np.inf).argmax())
        place_of[group] = place
        lacking[place] -= counts[group]
    return place_of


def places_of_mixed_groups(counts: NDArray[Any], wanted: Sequence[float], seed: int | None) -> Rows:
    """The place of each group of so many rows of each class (G, C): where it leaves the shares of classes most alike.

    The groups with the most uneven classes come first; the seed mixes them before, as `StratifiedGroupKFold` does.
    """
    groups = np.flatnonzero(counts.sum(axis=1))
    if seed is not None:
        groups = groups[np.random.default_rng(seed).permutation(len(groups))]
    counts = counts[:, counts.sum(axis=0) > 0].astype(np.float64)
    places = np.flatnonzero(np.array(wanted) > 0)
    sizes = np.array(wanted, np.float64)[places]
    whole = counts.sum(axis=0) * (sizes / sizes.mean())[:, None]  # (P, C): a place that is larger is to have more
    filled = np.zeros((len(places), counts.shape[1]))
    place_of: Rows = np.zeros(len(counts), np.int64)
    for group in groups[np.argsort(-np.std(counts[groups], axis=1), kind="stable")].tolist():
        trials = filled + np.eye(len(places))[:, :, None] * counts[group]  # (P, P, C): were it given to each
        uneven = np.std(trials / whole, axis=1).mean(axis=1)
        best = _first_least(uneven, filled.sum(axis=1))
        filled[best] += counts[group]
        place_of[group] = places[best]
    return place_of


def _first_least(uneven: NDArray[np.float64], num_rows: NDArray[np.float64]) -> int:
    """Of places that leave shares equally uneven the one with fewer rows, of those the first."""
    best = 0
    for i in range(1, len(uneven)):
        is_close = bool(np.isclose(uneven[i], uneven[best]))
        if uneven[i] < uneven[best] or (is_close and num_rows[i] < num_rows[best]):
            best = i
    return best


def rows_of_classes(counts: Sequence[int], num_folds: int) -> Rows:
    """How many rows (C, F) of each class, in the order in which they first come, each fold gets, as `StratifiedKFold`.

    All rows, sorted by class, go to the folds in turn.
    """
    ends = np.cumsum([0, *counts])
    dealt = -((np.arange(num_folds) - ends[:, None]) // num_folds)  # rounded up: what each has got up to there
    found: Rows = np.diff(dealt, axis=0)
    return found


def rows_in_time(num_rows: int, num_folds: int) -> list[int]:
    """How many rows each piece has, the latest first, the last trains alone: as `TimeSeriesSplit`."""
    size = num_rows // (num_folds + 1)
    return [*([size] * num_folds), num_rows - num_folds * size]
