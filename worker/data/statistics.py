"""What is known of each column of a table: computed once, when the table is taken in, a few columns at a time.

Everything follows from a column's distinct values and how often each occurs, so a column is gone through once.
Infinities are counted and otherwise left out.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.specs.columns import Column, ColumnType, Histogram, TopValue

MAX_VALUES = 1000  # as many distinct values are listed
MAX_VALUES_OF_TABLE = 100_000  # over all columns: a picture of 784 pixels would list 200,000
NUM_BINS = 20
NUM_TOP = 20
_BYTES_AT_ONCE = 32 << 20  # of columns that are read together
_CATEGORY_LETTERS = 100  # longer strings are text, however often they come again
_FEW = 20  # as many distinct strings are categories in any case

Progress = Callable[[int], None]


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


def describe_table(path: Path, progress: Progress = lambda num_columns: None) -> list[Column]:
    """The columns of a Parquet file."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        max_values = min(MAX_VALUES, max(_FEW, MAX_VALUES_OF_TABLE // len(names)))
        at_once = max(1, _BYTES_AT_ONCE // (8 * max(1, file.metadata.num_rows)))
        columns: list[Column] = []
        for start in range(0, len(names), at_once):
            table = file.read(columns=names[start : start + at_once])
            columns += [describe(name, table.column(name), max_values) for name in names[start : start + at_once]]
            progress(len(columns))
        return columns


def describe(name: str, column: pa.ChunkedArray, max_values: int = MAX_VALUES) -> Column:
    """What is known of one column of N values."""
    counted = Counted.of(column)
    kind = _kind(column.type, counted)
    finite = counted.finite()
    listed = kind not in ("text", "timestamp") and len(finite.values) <= max_values
    return Column(
        name=name,
        type=kind,
        num_missing=len(column) - counted.num_rows,
        num_infinite=counted.num_rows - finite.num_rows,
        num_distinct=len(counted.values),
        values=finite.values.to_pylist() if listed else None,
        **_SUMMARIES[kind](finite),
    )


def _kind(kind: pa.DataType, counted: Counted) -> ColumnType:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_timestamp(kind):
        return "timestamp"
    return "category" if _is_categorical(counted) else "text"


def _is_categorical(counted: Counted) -> bool:
    """Few strings, none of them long, that come again and again."""
    num_distinct = len(counted.values)
    if not num_distinct or num_distinct > MAX_VALUES:
        return False
    if pc.max(pc.utf8_length(counted.values)).as_py() > _CATEGORY_LETTERS:
        return False
    return num_distinct <= _FEW or num_distinct <= counted.num_rows / 5


def _numbers(counted: Counted) -> dict[str, Any]:
    values, counts = counted.values.to_numpy(zero_copy_only=False), counted.counts
    if not len(values):
        return {}
    mean, std = _moments(values.astype(np.float64), counts)
    low, high = values[0].item(), values[-1].item()
    return {"min": low, "max": high, "mean": mean, "std": std, "histogram": _histogram(values, counts)}


def _times(counted: Counted) -> dict[str, Any]:
    """Times are seconds since the epoch."""
    seconds = counted.values.cast(pa.int64()).to_numpy() / 1e6
    return _numbers(Counted(pa.array(seconds), counted.counts))


def _moments(values: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the rows (ddof 0); None where they leave the range of a float."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.average(values, weights=counts))
        std = float(np.sqrt(np.average(np.square(values - mean), weights=counts)))
    return (mean if math.isfinite(mean) else None), (std if math.isfinite(std) else None)


def _histogram(values: NDArray[Any], counts: NDArray[np.int64]) -> Histogram | None:
    """At most 20 bins of equal width; integers get bins of whole width, centred on them when there are few."""
    low, high = float(values[0]), float(values[-1])
    if not math.isfinite(high - low):
        return None
    if values.dtype.kind == "i" and high - low < 2**52:
        width = math.ceil((high - low + 1) / NUM_BINS)
        edges = low - 0.5 + width * np.arange(math.ceil((high - low + 1) / width) + 1)
    else:
        edges = np.linspace(low, high, NUM_BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    if not (np.diff(edges) > 0).all():  # the values are closer together than floats can tell
        return None
    heights, _ = np.histogram(values, edges, weights=counts)
    return Histogram(edges=edges.tolist(), counts=heights.astype(int).tolist())


def _words(counted: Counted) -> dict[str, Any]:
    most = np.argsort(-counted.counts, kind="stable")[:NUM_TOP]
    values = counted.values.take(pa.array(most)).cast(pa.string()).to_pylist()
    counts = counted.counts[most].tolist()
    return {"top_values": [TopValue(value=value, count=count) for value, count in zip(values, counts, strict=True)]}


_SUMMARIES: dict[str, Callable[[Counted], dict[str, Any]]] = {
    "integer": _numbers,
    "float": _numbers,
    "boolean": _words,
    "category": _words,
    "text": lambda counted: {},
    "timestamp": _times,
}
