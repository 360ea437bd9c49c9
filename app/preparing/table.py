"""A stored table as plain numbers and codes, read a bounded piece at a time: what is fitted, split and examined."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.columns import Column
from app.stored.table import StoredTable
from app.transforms.steps import UNKNOWN, Numbers, Step, bucket

_BYTES_AT_ONCE = 32 << 20
_MIN_ROWS, _MAX_ROWS = 16, 1 << 17
_HASH_BITS = 53  # that a float64 keeps


class Table:
    """The rows of a dataset, or the first `max_rows`. What it gives of a whole column takes a few bytes a row."""

    def __init__(self, stored: StoredTable, known: Mapping[str, Column], max_rows: int | None = None) -> None:
        self._stored, self.known = stored, known
        self.num_rows = stored.num_rows if max_rows is None else min(stored.num_rows, max_rows)

    def batches(self, names: Sequence[str], row_bytes: int) -> Iterator[tuple[slice, pa.RecordBatch]]:
        """Some columns, of as many rows as take a bounded space at `row_bytes` each; with their places."""
        num_rows = min(_MAX_ROWS, max(_MIN_ROWS, _BYTES_AT_ONCE // max(1, row_bytes)))
        start = 0
        for batch in self._stored.batches(names, min(num_rows, self.num_rows or 1), stop=self.num_rows):
            yield slice(start, start + batch.num_rows), batch
            start += batch.num_rows

    def pieces(self, names: Sequence[str]) -> Iterator[tuple[str, slice, Numbers]]:
        """Stretches of many columns, with their names and places, as `numbers` has them.

        Those of a column come in order, and those of the same rows in the order of the columns.
        """
        at_once = max(1, _BYTES_AT_ONCE // (8 * max(1, min(self.num_rows, _MAX_ROWS))))
        for start in range(0, len(names), at_once):
            some = names[start : start + at_once]
            for place, batch in self.batches(some, 8 * len(some)):
                for name in some:
                    yield name, place, numbers_or_words(batch.column(name))

    def first(self, name: str, num_rows: int) -> list[Any]:
        """The first values of a column."""
        batches = self._stored.batches([name], num_rows, stop=min(num_rows, self.num_rows))
        return [value for batch in batches for value in _decoded(batch.column(0)).to_pylist()]

    def ids(self, name: str) -> NDArray[np.integer[Any]]:
        """A number (N,) for each value of a column, from 0 on, the same for equal ones. Few values take a byte each."""
        known: dict[Any, int] = {}
        ids: NDArray[np.integer[Any]] = np.empty(self.num_rows, np.uint8)
        for place, batch in self.batches([name], 16):
            found = _decoded(batch.column(0)).dictionary_encode("encode")
            numbered = [known.setdefault(value, len(known)) for value in found.dictionary.to_pylist()]
            if len(known) > np.iinfo(ids.dtype).max:
                ids = ids.astype(np.min_scalar_type(len(known)))
            ids[place] = np.array(numbered, ids.dtype)[found.indices.to_numpy(zero_copy_only=False)]
        return ids

    def numbers(self, name: str) -> Numbers:
        """A column (N,) as numbers; times are seconds, words numbers that are the same for equal ones, missing NaN."""
        found = np.empty(self.num_rows)
        for place, batch in self.batches([name], 16):
            found[place] = numbers_or_words(batch.column(0))
        return found

    def value(self, name: str, row: int) -> Any:
        """One value of a column, as it stands there."""
        for place, batch in self.batches([name], 16):
            if row < place.stop:
                return batch.column(0)[row - place.start].as_py()
        raise IndexError(row)

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Which rows (N,) have one of these values. Raises JobFailure where they are of another type."""
        kind = self._stored.schema.field(name).type
        try:
            wanted = pa.array(values).cast(kind)
        except pa.ArrowException as error:
            listed = ", ".join(map(repr, values))
            raise JobFailure("data", f"The column that splits holds {kind} values, which {listed} is not.") from error
        holds = np.empty(self.num_rows, np.bool_)
        for place, batch in self.batches([name], 16):
            holds[place] = pc.is_in(_decoded(batch.column(0)), value_set=wanted).to_numpy(zero_copy_only=False)
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


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _by_dictionary(column: pa.Array) -> tuple[list[Any], NDArray[np.integer[Any]]]:
    """Different values, and for each row (N,) which of them it has; -1 where it has none."""
    found = column.dictionary_encode()
    places: NDArray[np.integer[Any]] = pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False)
    return found.dictionary.to_pylist(), places


def numbers_or_words(column: pa.Array) -> Numbers:
    """Plain numbers (N,), or of words numbers that are the same for equal ones within this process; NaN if missing."""
    if not (pa.types.is_dictionary(column.type) or pa.types.is_string(column.type)):
        return plain_numbers(column)
    words, places = _by_dictionary(column)
    # Of 53 bits: two of a million words get the same number once in 18,000 tables.
    hashed = [float(hash(word) & ((1 << _HASH_BITS) - 1)) for word in words]
    found: Numbers = np.array([*hashed, np.nan])[places]
    return found


def classes_or_numbers(column: pa.Array, classes: Sequence[Any] | None) -> Numbers:
    """The places (N,) of values among classes, NaN where they are none of them; without classes `numbers_or_words`."""
    return numbers_or_words(column).copy() if classes is None else codes(_decoded(column), classes)


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
    found: Numbers = places.cast(pa.float64()).to_numpy(zero_copy_only=False, writable=True)
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
    if step.values is None:
        return plain_numbers(column)
    found = codes(column, step.values)
    if step.one_hot or step.place is not None:  # there is an input for what is unknown, or none of them
        found[np.isnan(found) & column.is_valid().to_numpy(zero_copy_only=False)] = UNKNOWN
    return found
