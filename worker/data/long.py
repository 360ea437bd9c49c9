"""What is known of a column of numbers or times that is too long to be read whole: it is gone through once, in blocks.

The range that the table's files tell comes first. Whole numbers of a narrow range are counted, each value for itself,
and so known exactly. Of all others range, moments and histogram are exact, the number of distinct values is so up to a
million, and quantiles are those of a sample of about a million rows, the same at each reading.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.moments import Moments
from app.specs.columns import Column, ColumnType, Histogram
from worker.data.counted import Counted, kind_of, may_be_classes
from worker.data.figures import Distinct, Sample, bin_heights, edges, quantiles
from worker.data.words import most_frequent, rarest

SAMPLED = 1_000_000  # rows, about
_NARROW = 65_536  # whole numbers so close together are counted one by one

Blocks = Callable[[], Iterator[pa.Array]]
Bounds = tuple[Any, Any]


def describe_long(
    name: str, kind: pa.DataType, blocks: Blocks, bounds: Bounds | None, num_rows: int, max_values: int
) -> Column:
    """What is known of a column of `num_rows` values: numbers, or times in microseconds.

    `bounds` are its least and its greatest value, as the table's files tell them.
    """
    bounds = _finite_bounds(bounds) or _look_for_bounds(blocks)
    if bounds and pa.types.is_integer(kind) and bounds[1] - bounds[0] < _NARROW:
        counted = _count(blocks, *bounds)
        return counted.column(name, num_rows - counted.num_rows, max_values)
    return _pass_by(name, kind, blocks, bounds, num_rows, max_values)


def _finite_bounds(bounds: Bounds | None) -> Bounds | None:
    return bounds if bounds and np.isfinite(bounds).all() else None


def _look_for_bounds(blocks: Blocks) -> Bounds | None:
    """Those of the finite values, where the files do not tell them or tell infinities; None where there are none."""
    ends = [(some.min().item(), some.max().item()) for block in blocks() if len(some := _finite(_present(block)))]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def _count(blocks: Blocks, low: int, high: int) -> Counted:
    counts = np.zeros(high - low + 1, np.int64)
    for block in blocks():
        counts += np.bincount(_present(block) - low, minlength=len(counts))
    found = np.flatnonzero(counts)
    return Counted(pa.array(found + low), counts[found])


@dataclass
class _Passed:
    """What is kept of values that passed by."""

    sample: Sample
    figures: Moments = field(default_factory=Moments)
    distinct: Distinct = field(default_factory=Distinct)
    num_present: int = 0
    sampled: list[NDArray[Any]] = field(default_factory=list)


def _pass_by(
    name: str, kind: pa.DataType, blocks: Blocks, bounds: Bounds | None, num_rows: int, max_values: int
) -> Column:
    passed = _Passed(Sample(SAMPLED / num_rows))
    units = 1e6 if pa.types.is_timestamp(kind) else None  # a second, of times in microseconds
    found = None if bounds is None else _edges(bounds, kind, units)
    heights = np.zeros(0 if found is None else len(found) - 1, np.int64)
    for block in blocks():
        values = _present(block)
        passed.num_present += len(values)
        passed.distinct.add(values.view(np.uint64))
        finite = _finite(values)
        finite = finite if units is None else finite / units
        passed.figures.add(finite)
        passed.sampled.append(passed.sample.of(finite))
        if found is not None:
            heights += bin_heights(finite, found)
    histogram = None if found is None else Histogram(edges=found.tolist(), counts=heights.tolist())
    return _column(name, kind_of(kind), passed, histogram, blocks, num_rows, max_values)


def _edges(bounds: Bounds, kind: pa.DataType, units: float | None) -> NDArray[np.float64] | None:
    low, high = (float(bound) / (units or 1) for bound in bounds)
    return edges(low + 0.0, high, whole=pa.types.is_integer(kind))  # -0 becomes 0


def _column(
    name: str,
    kind: ColumnType,
    passed: _Passed,
    histogram: Histogram | None,
    blocks: Blocks,
    num_rows: int,
    max_values: int,
) -> Column:
    figures = passed.figures
    sampled, counts = np.unique(np.concatenate(passed.sampled), return_counts=True)
    listed = _listed(passed.distinct, kind, max_values)
    are_classes = kind == "integer" and may_be_classes(len(listed or ()), max_values)
    counted = _count_each(listed, blocks) if listed and kind == "integer" else None
    return Column(
        name=name,
        type=kind,
        num_missing=num_rows - passed.num_present,
        num_infinite=passed.num_present - figures.count,
        num_distinct=passed.distinct.count(),
        min=figures.low,
        max=figures.high,
        mean=figures.mean,
        std=figures.std,
        values=listed,
        top_values=most_frequent(*counted) if counted and are_classes else None,
        rarest=rarest(*counted) if counted else None,
        histogram=histogram,
        quantiles=quantiles(sampled, counts) if len(sampled) else None,
        num_sampled=int(counts.sum()) if len(sampled) else None,
    )


def _present(block: pa.Array) -> NDArray[Any]:
    """The values (n,) that are there, NaN being missing; times are whole microseconds."""
    present = block.drop_null()
    if pa.types.is_timestamp(block.type):
        present = present.cast(pa.int64())
    values: NDArray[Any] = present.to_numpy()
    return _where(~np.isnan(values), values) + 0.0 if values.dtype.kind == "f" else values  # -0 becomes 0


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return _where(np.isfinite(values), values) if values.dtype.kind == "f" else values


def _where(wanted: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    """The values that are wanted. Most often that is all of them, which need not be copied."""
    return values if wanted.all() else values[wanted]


def _listed(distinct: Distinct, kind: ColumnType, max_values: int) -> list[Any] | None:
    bits = distinct.values()
    if bits is None or kind == "timestamp":
        return None
    values = np.sort(bits.view(np.float64 if kind == "float" else np.int64))
    values = values[np.isfinite(values)]
    return values.tolist() if len(values) <= max_values else None


def _count_each(values: list[int], blocks: Blocks) -> tuple[list[int], list[int]]:
    """Few whole numbers that lie far apart, and how often each comes."""
    counts: Counter[int] = Counter()
    for block in blocks():
        found, rows = np.unique(_present(block), return_counts=True)
        counts.update(dict(zip(found.tolist(), rows.tolist(), strict=True)))
    return values, [counts[value] for value in values]
