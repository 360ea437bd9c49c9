"""Rows that come one by one, written in groups of bounded bytes."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa

from worker.data.formats.fields import GROUP_BYTES, GROUP_ROWS, open_writer
from worker.data.formats.kinds import column


class RowWriter:
    """Writes rows to an open Parquet file; a row group is closed when it has enough of them, or of bytes."""

    def __init__(self, target: BinaryIO, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = open_writer(target, schema)
        self._rows: list[Sequence[Any]] = []
        self._num_bytes = 0

    def add(self, row: Sequence[Any], num_bytes: int) -> None:
        """One value for each column, of so many bytes together."""
        self._rows.append(row)
        self._num_bytes += num_bytes
        if self._num_bytes >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self._flush()

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write what is left, unless it failed, and the file's end."""
        if error is None:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [column(list(values), field) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows, self._num_bytes = [], 0
