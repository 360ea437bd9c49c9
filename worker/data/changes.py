"""What is to become of the cells of a column: some rows get values of their own, or all rows of a choice get one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.stored.searching import matching


class Change(Protocol):
    """A change of a column of N rows."""

    def touches(self, stretch: slice) -> bool:
        """Whether any of these rows is meant."""
        ...

    def applied(self, column: pa.Array, start: int) -> pa.Array:
        """The rows from `start` on (n,), with the change."""
        ...


class Cells:
    """Values (k,) for the rows (k,), which ascend."""

    def __init__(self, rows: NDArray[np.int64], values: pa.Array) -> None:
        self._rows, self._values = rows, values

    def touches(self, stretch: slice) -> bool:
        """Whether any of these rows is meant."""
        first, last = self._within(stretch)
        return first < last

    def applied(self, column: pa.Array, start: int) -> pa.Array:
        """The rows from `start` on (n,), with the change."""
        first, last = self._within(slice(start, start + len(column)))
        if first == last:
            return column
        mask = np.zeros(len(column), np.bool_)
        mask[self._rows[first:last] - start] = True
        return pc.replace_with_mask(column, pa.array(mask), self._values.slice(first, last - first))

    def _within(self, stretch: slice) -> tuple[int, int]:
        first, last = np.searchsorted(self._rows, [stretch.start, stretch.stop])
        return int(first), int(last)


class Everywhere:
    """One value for all rows of a choice (N,)."""

    def __init__(self, chosen: NDArray[np.bool_], value: pa.Scalar) -> None:
        self._chosen, self._value = chosen, value

    def touches(self, stretch: slice) -> bool:
        """Whether any of these rows is meant."""
        return bool(self._chosen[stretch].any())

    def applied(self, column: pa.Array, start: int) -> pa.Array:
        """The rows from `start` on (n,), with the change."""
        return pc.if_else(pa.array(self._chosen[start : start + len(column)]), self._value, column)


def changes_of(place: Path, schema: pa.Schema, asked: Sequence[dict[str, Any]]) -> dict[str, list[Change]]:
    """What was asked of the table in `place`, by column, in the order in which it was said.

    Filters see the rows as they are in that table. Times are microseconds.
    """
    found: dict[str, list[Change]] = {}
    for one in asked:
        kind = schema.field(one["column"]).type
        change: Change
        if "filter" in one:
            change = Everywhere(matching(place, one["filter"]), _typed([one["value"]], kind)[0])
        else:
            change = Cells(np.array(one["rows"], np.int64), _typed(one["values"], kind))
        found.setdefault(one["column"], []).append(change)
    return found


def _typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)
