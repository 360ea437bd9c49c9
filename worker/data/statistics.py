"""What is known of each column of a table: computed once, when the table is taken in, in bounded memory.

Columns of up to a million numbers are read whole, a few at a time: everything follows from a column's distinct values
and how often each occurs. Longer ones, and strings, images and arrays however few, are gone through in blocks.
Infinities are counted and otherwise left out.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from app.marks import mark_of, shape_of
from app.specs.columns import Column
from app.stored.table import StoredTable, open_table
from worker.data.cells import describe_arrays, describe_images
from worker.data.counted import Counted
from worker.data.figures import NUM_BINS
from worker.data.long import describe_long
from worker.data.words import FEW, MAX_CATEGORIES, Words

__all__ = ["MAX_VALUES", "NUM_BINS", "describe", "describe_table"]

MAX_VALUES = MAX_CATEGORIES  # as many distinct values are listed
MAX_VALUES_OF_TABLE = 100_000  # over all columns: a picture of 784 pixels would list 200,000
MAX_WHOLE = 1_000_000  # rows of a column that is read whole
_BYTES_AT_ONCE = 32 << 20  # of columns that are read together
_BLOCK_BYTES = 8 << 20
_BLOCK_ROWS = 262_144
_MAX_THREADS = 2  # as many columns at a time: memory is for each
_LEAST_OF_A_STRING = 4  # bytes in a Parquet file, for how long it is
_LOOKED_AT = 64  # rows, for how many bytes one has

Progress = Callable[[int], None]


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
    table = open_table(place)
    coded = [name for name in names if pa.types.is_string(table.schema.field(name).type) and _has_codes(table, name)]
    return _Table(open_table(place, coded) if coded else table, progress).describe(names)


def _has_codes(table: StoredTable, name: str) -> bool:
    """Whether a column of strings lies in its files as codes and a dictionary: by itself each string takes more."""
    return table.num_bytes(name) < _LEAST_OF_A_STRING * table.num_rows


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
            mark = mark_of(field)
            words = Words(marked=mark == "category", is_text=mark == "text")
            for block in blocks():
                words.add(block)
            return words.column(name, self._max_values)
        if pa.types.is_binary(field.type):
            return describe_images(name, blocks)
        if pa.types.is_fixed_size_list(field.type):
            shape = shape_of(field) if mark_of(field) == "array" else [field.type.list_size]
            return describe_arrays(name, shape, blocks)
        return describe_long(name, field.type, blocks, self._table.bounds(name), self._num_rows, self._max_values)

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
    return counted.column(name, len(column) - counted.num_rows, max_values)
