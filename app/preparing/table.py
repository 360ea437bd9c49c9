"""A dataset's Parquet file, read a bounded piece at a time: as Arrow, as plain numbers, as codes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.columns import Column
from app.transforms.steps import Numbers, Step, bucket

_BYTES_AT_ONCE = 32 << 20
_MIN_ROWS, _MAX_ROWS = 16, 1 << 17
_READ_BYTES = 1 << 20


def open_parquet(path: Path) -> pq.ParquetFile:
    """A Parquet file to be read in pieces. By itself Arrow would read ahead until all of it is in memory."""
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)


class Table:
    """The rows of a dataset, or the first `max_rows`. What it gives of a whole column takes a few bytes a row."""

    def __init__(self, file: pq.ParquetFile, known: dict[str, Column], max_rows: int | None = None) -> None:
        self._file, self.known = file, known
        held: int = file.metadata.num_rows
        self.num_rows = held if max_rows is None else min(held, max_rows)

    def batches(self, names: Sequence[str], row_bytes: int) -> Iterator[tuple[slice, pa.RecordBatch]]:
        """Some columns, of as many rows as take a bounded space at `row_bytes` each; with their places."""
        num_rows = min(_MAX_ROWS, max(_MIN_ROWS, _BYTES_AT_ONCE // max(1, row_bytes)))
        start = 0
        for batch in self._file.iter_batches(min(num_rows, self.num_rows or 1), columns=list(dict.fromkeys(names))):
            some = batch.slice(0, self.num_rows - start)
            yield slice(start, start + some.num_rows), some
            start += some.num_rows
            if start >= self.num_rows:
                return

    def ids(self, name: str) -> NDArray[np.integer[Any]]:
        """A number (N,) for each value of a column, the same for equal ones."""
        known: dict[Any, int] = {}
        ids = np.empty(self.num_rows, np.int32)
        for place, batch in self.batches([name], 16):
            found = batch.column(0).dictionary_encode("encode")
            numbered = [known.setdefault(value, len(known)) for value in found.dictionary.to_pylist()]
            ids[place] = np.array(numbered, np.int32)[found.indices.to_numpy(zero_copy_only=False)]
        return ids

    def numbers(self, name: str) -> Numbers:
        """A column (N,) as numbers; times are seconds, missing ones NaN."""
        found = np.empty(self.num_rows)
        for place, batch in self.batches([name], 16):
            found[place] = plain_numbers(batch.column(0))
        return found

    def value(self, name: str, row: int) -> Any:
        """One value of a column, as it stands there."""
        for place, batch in self.batches([name], 16):
            if row < place.stop:
                return batch.column(0)[row - place.start].as_py()
        raise IndexError(row)

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Which rows (N,) have one of these values. Raises JobFailure where they are of another type."""
        kind = self._file.schema_arrow.field(name).type
        try:
            wanted = pa.array(values).cast(kind)
        except pa.ArrowException as error:
            listed = ", ".join(map(repr, values))
            raise JobFailure("data", f"The column that splits holds {kind} values, which {listed} is not.") from error
        holds = np.empty(self.num_rows, np.bool_)
        for place, batch in self.batches([name], 16):
            holds[place] = pc.is_in(batch.column(0), value_set=wanted).to_numpy(zero_copy_only=False)
        return holds

    def whole(self, names: Sequence[str]) -> NDArray[np.bool_] | None:
        """Which rows (N,) lack none of these columns; None where all are whole."""
        if not names:
            return None
        whole = np.ones(self.num_rows, np.bool_)
        for place, batch in self.batches(names, 8 * len(names)):
            for column in batch.columns:
                whole[place] &= column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False) ^ True
        return whole


def plain_numbers(column: pa.Array) -> Numbers:
    """Numbers, truth values or times (N,), NaN where missing; times are seconds since 1970."""
    if pa.types.is_timestamp(column.type):
        microseconds: Numbers = column.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return microseconds / 1e6
    found: Numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found


def codes(column: pa.Array, values: Sequence[Any]) -> Numbers:
    """The places (N,) of a column's values in `values`, NaN where missing."""
    places = pc.index_in(column, value_set=pa.array(values, column.type))
    found: Numbers = places.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def numbers_of(step: Step, column: pa.Array) -> Numbers:
    """What a step takes of a column: numbers or codes (N,), NaN where missing."""
    if step.num_buckets is not None:
        found = column.cast(pa.string()).dictionary_encode()
        buckets = [bucket(word, step.num_buckets) for word in found.dictionary.to_pylist()]
        indices = found.indices.cast(pa.float64()).to_numpy(zero_copy_only=False)
        missing = np.isnan(indices)
        hashed: Numbers = np.array([*buckets, np.nan])[np.where(missing, len(buckets), indices).astype(int)]
        return hashed
    return codes(column, step.values) if step.values is not None else plain_numbers(column)
