"""What the doctor knows of the target: the whole column is gone through once, and what is kept of it is bounded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.prints import Numbers, within
from app.specs.columns import Column
from app.splitting import BITS, Parts, Rows

if TYPE_CHECKING:
    from app.preparing.table import Table

UNREAD = frozenset({"image", "array"})  # what is no number and no word: it is only compared


@dataclass(frozen=True)
class Target:
    """A target in some rows, and of its classes, if it has some, the counts in all."""

    closely: Numbers  # (n,), of the rows that are looked at closely: numbers, or places of classes; NaN where missing
    compared: Numbers  # (m,), of the rows that are compared with one another: the same
    counts: NDArray[np.int64]  # (8, K): of the rows with these bits of parts, how many are of each class

    def num_rows(self, part: str | None = None) -> NDArray[np.int64]:
        """How many rows of a part, or of all, each class (K,) has; missing ones are not counted."""
        bits = np.arange(len(self.counts))
        found: NDArray[np.int64] = self.counts[slice(None) if part is None else bits & BITS[part] > 0].sum(axis=0)
        return found


def stretches(table: "Table", column: Column, classes: Sequence[Any] | None) -> Iterator[tuple[slice, Numbers]]:
    """A target, some rows at a time: numbers, or places among classes where there are; NaN where missing."""
    from app.preparing.table import classes_or_numbers

    if column.type in UNREAD:
        return
    for place, batch in table.batches([column.name], 16):
        found = classes_or_numbers(batch.column(0), classes)
        found[np.isinf(found)] = np.nan
        yield place, found


def read_target(
    table: "Table", column: Column, classes: Sequence[Any] | None, parts: Parts | None, closely: Rows, compared: Rows
) -> Target:
    """Go through the column once. `closely` and `compared` are rows, which ascend."""
    kept = [np.full(len(rows), np.nan) for rows in (closely, compared)]
    num_classes = len(classes or ())
    counts = np.zeros((1 << len(BITS), num_classes), np.int64)
    for place, found in stretches(table, column, classes):
        for values, rows in zip(kept, (closely, compared), strict=True):
            here, chosen = within(rows, place)
            values[here] = found[chosen]
        if num_classes:
            present = ~np.isnan(found)
            bits = 0 if parts is None else parts[place][present].astype(np.int64)
            cells = np.bincount(bits * num_classes + found[present].astype(np.int64), minlength=counts.size)
            counts += cells.reshape(counts.shape)
    if classes is None and not column.is_numeric:
        for values in kept:  # of words: small numbers take the place of large ones
            present = ~np.isnan(values)
            values[present] = np.unique(values[present], return_inverse=True)[1]
    return Target(kept[0], kept[1], counts)
