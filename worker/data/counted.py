"""What is known of a column from its distinct values and how often each occurs: everything, and exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.specs.columns import Column, ColumnType, TopValue
from worker.data.figures import histogram, moments, quantiles
from worker.data.words import FEW, most_frequent, rarest

MAX_CLASSES = 50  # whole numbers of more values are quantities


@dataclass(frozen=True)
class Counted:
    """The distinct values of a column, ascending, missing ones left out, and how often each occurs."""

    values: pa.Array
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "Counted":
        """Count what is not missing; NaN is missing."""
        present = column.drop_null()
        if pa.types.is_floating(column.type):
            present = pc.add(present.filter(pc.invert(pc.is_nan(present))), 0.0)  # -0 becomes 0
        counted = pc.value_counts(present.combine_chunks())
        values, counts = counted.field("values"), counted.field("counts")
        order = pc.sort_indices(values)
        return cls(values.take(order), counts.take(order).to_numpy())

    def column(self, name: str, num_missing: int, max_values: int) -> Column:
        """All that is known of the column, with its distinct values if they are no more than so many."""
        kind = kind_of(self.values.type)
        finite = self.finite()
        listed = kind != "timestamp" and len(finite.values) <= max_values
        return Column(
            name=name,
            type=kind,
            num_missing=num_missing,
            num_infinite=self.num_rows - finite.num_rows,
            num_distinct=len(self.values),
            values=finite.values.to_pylist() if listed else None,
            top_values=_classes(kind, finite, max_values),
            rarest=rarest(finite.values.to_pylist(), finite.counts.tolist()) if listed and kind != "float" else None,
            **_SUMMARIES[kind](finite),
        )

    @property
    def num_rows(self) -> int:
        """How many rows have a value."""
        return int(self.counts.sum())

    def finite(self) -> "Counted":
        """The same without infinities."""
        if not pa.types.is_floating(self.values.type):
            return self
        finite = pc.is_finite(self.values)
        return Counted(self.values.filter(finite), self.counts[finite.to_numpy(zero_copy_only=False)])


def kind_of(kind: pa.DataType) -> ColumnType:
    """How a column of such values is called."""
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) else "timestamp"


def _numbers(counted: Counted) -> dict[str, Any]:
    values, counts = counted.values.to_numpy(zero_copy_only=False), counted.counts
    if not len(values):
        return {}
    mean, std = moments(values.astype(np.float64), counts)
    return {
        "min": values[0].item(),
        "max": values[-1].item(),
        "mean": mean,
        "std": std,
        "histogram": histogram(values, counts),
        "quantiles": quantiles(values, counts),
    }


def _times(counted: Counted) -> dict[str, Any]:
    """Times are seconds since the epoch."""
    seconds = counted.values.cast(pa.int64()).to_numpy() / 1e6
    return _numbers(Counted(pa.array(seconds), counted.counts))


def _classes(kind: ColumnType, counted: Counted, max_values: int) -> list[TopValue] | None:
    """How often each value comes, where the values may be classes."""
    if kind == "boolean" or (kind == "integer" and may_be_classes(len(counted.values), max_values)):
        return most_frequent(counted.values.cast(pa.string()).to_pylist(), counted.counts.tolist())
    return None


def may_be_classes(num_distinct: int, max_values: int) -> bool:
    """Whether so many whole numbers may be classes. Of the many columns of a wide table less is kept."""
    return 0 < num_distinct <= min(MAX_CLASSES, max_values // FEW)


_SUMMARIES: dict[str, Callable[[Counted], dict[str, Any]]] = {
    "integer": _numbers,
    "float": _numbers,
    "boolean": lambda counted: {},
    "timestamp": _times,
}
