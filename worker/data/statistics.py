"""What is known of each column of a table: computed once, when the table is taken in, in bounded memory.

Columns of up to a million numbers are read whole, a few at a time: everything follows from a column's distinct values
and how often each occurs. Longer ones are gone through twice in blocks: first range, moments, distinct values and a
sample, then the histogram; there quantiles are those of a sample of about a million rows, the same at each reading, and
the number of distinct values is exact up to a million and estimated beyond, as for text. Strings, images and arrays are
gone through in blocks however few they are. Infinities are counted and otherwise left out.
"""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.marks import mark_of, shape_of
from app.moments import Moments
from app.specs.columns import Column, ColumnType, Histogram, TopValue
from app.stored.table import StoredTable, open_table
from worker.data.cells import describe_arrays, describe_images
from worker.data.figures import NUM_BINS, Distinct, bin_heights, edges, histogram, moments, quantiles
from worker.data.words import FEW, MAX_CATEGORIES, Words, most_frequent

__all__ = ["MAX_VALUES", "NUM_BINS", "describe", "describe_table"]

MAX_VALUES = MAX_CATEGORIES  # as many distinct values are listed
MAX_VALUES_OF_TABLE = 100_000  # over all columns: a picture of 784 pixels would list 200,000
MAX_CLASSES = 50  # whole numbers of more values are quantities
MAX_WHOLE = 1_000_000  # rows of a column that is read whole; also how many a sample has
_BYTES_AT_ONCE = 32 << 20  # of columns that are read together
_BLOCK_BYTES = 8 << 20
_BLOCK_ROWS = 262_144
_MAX_THREADS = 2  # as many columns at a time: memory is for each
_LOOKED_AT = 64  # rows, for how many bytes one has

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


def describe_table(
    place: Path, progress: Progress = lambda num_columns: None, names: Collection[str] | None = None
) -> list[Column]:
    """The columns of the table in `place`, or those `names`, in their order in the table.

    `progress` is told how many are done, again and again while one takes long.
    """
    table = open_table(place)
    asked = [field.name for field in table.schema if names is None or field.name in names]
    together = list(_Table(table, lambda: None).read_together(asked))
    found: dict[str, Column] = {}
    num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(num_threads) as pool:
        described = [pool.submit(_describe, place, some, lambda: progress(len(found))) for some in together]
        try:
            for one in described:
                found |= one.result()
                progress(len(found))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [found[name] for name in asked]


def _describe(place: Path, names: list[str], progress: Callable[[], None]) -> dict[str, Column]:
    """Some columns of a table, read by a thread of its own."""
    return _Table(open_table(place), progress).describe(names)


class _Table:
    """A table whose columns are described some at a time."""

    def __init__(self, table: StoredTable, progress: Callable[[], None]) -> None:
        self._table, self._schema, self._progress = table, table.schema, progress
        self._num_rows = table.num_rows
        self._max_values = min(MAX_VALUES, max(FEW, MAX_VALUES_OF_TABLE // max(1, len(table.schema))))

    def read_together(self, names: Sequence[str]) -> Iterator[list[str]]:
        """These columns, those together that are read whole and together."""
        fields = [self._schema.field(name) for name in names]
        whole = [field.name for field in fields if self._is_read_whole(field)]
        at_once = max(1, _BYTES_AT_ONCE // (8 * max(1, self._num_rows)))
        for start in range(0, len(whole), at_once):
            yield whole[start : start + at_once]
        for field in fields:
            if not self._is_read_whole(field):
                yield [field.name]

    def describe(self, names: list[str]) -> dict[str, Column]:
        """Columns that are read together."""
        if self._is_read_whole(self._schema.field(names[0])):
            table = self._table.read(names)
            return {name: describe(name, table.column(name), self._max_values) for name in names}
        (name,) = names
        return {name: self._describe_in_blocks(name, lambda: self._blocks(name))}

    def _describe_in_blocks(self, name: str, blocks: Callable[[], Iterator[pa.Array]]) -> Column:
        field = self._schema.field(name)
        if pa.types.is_string(field.type):
            words = Words(marked=mark_of(field) == "category")
            for block in blocks():
                words.add(block)
            return words.column(name, self._max_values)
        if pa.types.is_binary(field.type):
            return describe_images(name, blocks)
        if pa.types.is_fixed_size_list(field.type):
            shape = shape_of(field) if mark_of(field) == "array" else [field.type.list_size]
            return describe_arrays(name, shape, blocks)
        return _describe_long(name, field.type, blocks, self._num_rows, self._max_values)

    def _is_read_whole(self, field: pa.Field) -> bool:
        """A truth value takes a bit, so that any number of them is little."""
        kind = field.type
        if pa.types.is_boolean(kind):
            return True
        return self._num_rows <= MAX_WHOLE and (pa.types.is_primitive(kind) or pa.types.is_null(kind))

    def _blocks(self, name: str) -> Iterator[pa.Array]:
        """The cells of a column, as many at a time as take up no more than some megabytes."""
        num_bytes = self._table.num_bytes(name) / max(1, self._num_rows)
        for batch in self._table.batches([name], _LOOKED_AT):
            # What comes again and again takes up less in the file.
            num_bytes = max(num_bytes, batch.column(name).nbytes / max(1, batch.num_rows))
            break
        at_once = int(max(1, min(_BLOCK_ROWS, _BLOCK_BYTES / max(1, num_bytes))))
        for batch in self._table.batches([name], at_once):
            self._progress()
            yield batch.column(name)


def describe(name: str, column: pa.ChunkedArray, max_values: int = MAX_VALUES) -> Column:
    """What is known of one column of N values: numbers, truth values, times or strings."""
    if pa.types.is_string(column.type):
        words = Words()
        for chunk in column.chunks:
            words.add(chunk)
        return words.column(name, max_values)
    counted = Counted.of(column)
    kind = _kind(column.type)
    finite = counted.finite()
    listed = kind != "timestamp" and len(finite.values) <= max_values
    return Column(
        name=name,
        type=kind,
        num_missing=len(column) - counted.num_rows,
        num_infinite=counted.num_rows - finite.num_rows,
        num_distinct=len(counted.values),
        values=finite.values.to_pylist() if listed else None,
        top_values=_classes(kind, finite, max_values),
        **_SUMMARIES[kind](finite),
    )


def _kind(kind: pa.DataType) -> ColumnType:
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
    if kind == "boolean" or (kind == "integer" and _are_few(len(counted.values), max_values)):
        return most_frequent(counted.values.cast(pa.string()).to_pylist(), counted.counts.tolist())
    return None


def _are_few(num_distinct: int, max_values: int) -> bool:
    """Whether so many whole numbers may be classes. Of the many columns of a wide table less is kept."""
    return 0 < num_distinct <= min(MAX_CLASSES, max_values // FEW)


_SUMMARIES: dict[str, Callable[[Counted], dict[str, Any]]] = {
    "integer": _numbers,
    "float": _numbers,
    "boolean": lambda counted: {},
    "timestamp": _times,
}


def _describe_long(
    name: str, kind: pa.DataType, blocks: Callable[[], Iterator[pa.Array]], num_rows: int, max_values: int
) -> Column:
    """What is known of a column of numbers or times that is too long to be read whole."""
    figures, distinct, random = Moments(), Distinct(), np.random.default_rng(0)
    sample: list[NDArray[Any]] = []
    num_missing = num_infinite = 0
    for block in blocks():
        values, num_gaps = _present(block)
        num_missing += num_gaps
        distinct.add(values.view(np.uint64))
        finite = _in_units(_finite(values), kind)
        num_infinite += len(values) - len(finite)
        figures.add(finite)
        sample.append(finite[random.random(len(finite)) < MAX_WHOLE / num_rows])
    found, counts = np.unique(np.concatenate(sample), return_counts=True)
    typed = _kind(kind)
    listed = _listed(distinct, typed, max_values)
    may_be_classes = typed == "integer" and _are_few(len(listed or ()), max_values)
    return Column(
        name=name,
        type=typed,
        num_missing=num_missing,
        num_infinite=num_infinite,
        num_distinct=distinct.count(),
        min=figures.low,
        max=figures.high,
        mean=figures.mean,
        std=figures.std,
        values=listed,
        top_values=_counted_classes(listed, blocks) if may_be_classes else None,
        histogram=_heights(kind, blocks, figures) if figures.count else None,
        quantiles=quantiles(found, counts) if len(found) else None,
        num_sampled=int(counts.sum()) if len(found) else None,
    )


def _present(block: pa.Array) -> tuple[NDArray[Any], int]:
    """The values (n,) that are there, and how many are not; times are whole microseconds."""
    present = block.drop_null()
    if pa.types.is_timestamp(block.type):
        present = present.cast(pa.int64())
    values = present.to_numpy()
    if values.dtype.kind == "f":
        values = _where(~np.isnan(values), values) + 0.0  # -0 becomes 0
    return values, len(block) - len(values)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    return _where(np.isfinite(values), values) if values.dtype.kind == "f" else values


def _where(wanted: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    """The values that are wanted. Most often that is all of them, which need not be copied."""
    return values if wanted.all() else values[wanted]


def _in_units(values: NDArray[Any], kind: pa.DataType) -> NDArray[Any]:
    """Times are seconds since the epoch."""
    return values / 1e6 if pa.types.is_timestamp(kind) else values


def _listed(distinct: Distinct, kind: ColumnType, max_values: int) -> list[Any] | None:
    bits = distinct.values()
    if bits is None or kind == "timestamp":
        return None
    values = np.sort(bits.view(np.float64 if kind == "float" else np.int64))
    values = values[np.isfinite(values)]
    return values.tolist() if len(values) <= max_values else None


def _counted_classes(values: list[int] | None, blocks: Callable[[], Iterator[pa.Array]]) -> list[TopValue]:
    counts: Counter[int] = Counter()
    for block in blocks():
        found, rows = np.unique(_present(block)[0], return_counts=True)
        counts.update(dict(zip(found.tolist(), rows.tolist(), strict=True)))
    return most_frequent(values or (), [counts[value] for value in values or ()])


def _heights(kind: pa.DataType, blocks: Callable[[], Iterator[pa.Array]], figures: Moments) -> Histogram | None:
    found = edges(float(figures.low), float(figures.high), whole=pa.types.is_integer(kind))
    if found is None:
        return None
    heights = np.zeros(len(found) - 1, np.int64)
    for block in blocks():
        values, _ = _present(block)
        heights += bin_heights(_in_units(_finite(values), kind), found)
    return Histogram(edges=found.tolist(), counts=heights.tolist())
