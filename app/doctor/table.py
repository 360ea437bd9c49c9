"""A stored table that gives its columns as numbers, as a split and the doctor's rules want them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.columns import Column

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Numbers = NDArray[np.float64]

_BYTES_AT_ONCE = 32 << 20  # of columns that are read together
_UNREAD = frozenset({"image", "array"})  # what is no number and no word


@contextmanager
def open_table(path: Path, columns: Mapping[str, Column]) -> Iterator["StoredTable"]:
    """The Parquet file `path`, whose columns are `columns`."""
    import pyarrow.parquet as pq  # takes a tenth of a second, and the server starts without

    # Categories are stored as codes: read so, a million rows take a tenth of the time.
    coded = [name for name, column in columns.items() if column.type == "category"]
    with pq.ParquetFile(path, read_dictionary=coded) as file:
        yield StoredTable(file, columns)


class StoredTable:
    """A Parquet file of N rows; what `app.splitting` reads of it, and many columns in turn."""

    def __init__(self, file: "pq.ParquetFile", known: Mapping[str, Column]) -> None:
        self._file, self._known = file, known
        self.num_rows: int = file.metadata.num_rows

    def column(self, name: str) -> "pa.ChunkedArray":
        """A column as its values."""
        import pyarrow as pa

        found = self._file.read(columns=[name]).column(name)
        return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found

    def numbers(self, name: str) -> Numbers:
        """A column (N,) as numbers, or as codes of its words in no order; NaN where missing."""
        return _numbers(self.column(name), self._known[name])

    def codes(self, name: str, values: Sequence[Any]) -> Numbers:
        """The places (N,) of a column's values in `values`, NaN where missing or none of them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.column(name)
        places = pc.index_in(column, value_set=pa.array(values, column.type))
        return _floats(places)

    def ids(self, name: str) -> NDArray[np.integer[Any]]:
        """A number (N,) for each value of a column, the same for equal ones."""
        found = self.column(name).combine_chunks().dictionary_encode("encode")
        ids: NDArray[np.integer[Any]] = found.indices.to_numpy(zero_copy_only=False)
        return ids

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Which rows (N,) have one of these values. Raises JobFailure where they are of another type."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.column(name)
        try:
            wanted = pa.array(values).cast(column.type)
        except pa.ArrowException as error:
            raise JobFailure("data", f"The column {name} holds no such values.") from error
        holds: NDArray[np.bool_] = pc.is_in(column, value_set=wanted).to_numpy()
        return holds

    def readable(self, names: Sequence[str]) -> list[str]:
        """Those that numbers can be made of."""
        return [name for name in names if self._known[name].type not in _UNREAD]

    def columns(self, names: Sequence[str]) -> Iterator[tuple[str, Numbers]]:
        """Many columns in their order, as `numbers`, read some at a time."""
        at_once = max(1, _BYTES_AT_ONCE // (8 * max(1, self.num_rows)))
        for start in range(0, len(names), at_once):
            some = names[start : start + at_once]
            read = self._file.read(columns=list(some))
            for name in some:
                yield name, _numbers(read.column(name), self._known[name])


def _numbers(column: "pa.ChunkedArray", known: Column) -> Numbers:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return _floats(column.unify_dictionaries().combine_chunks().indices)
    if known.type in ("category", "text"):
        return _floats(column.combine_chunks().dictionary_encode().indices)
    if known.type == "timestamp":
        return _floats(column.cast(pa.int64())) / 1e6
    return _floats(column)


def _floats(column: Any) -> Numbers:
    import pyarrow as pa

    found: Numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return found
