"""Rows of a stored table, for people to look at."""

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.columns import spell_one

if TYPE_CHECKING:
    import pyarrow as pa


def read_rows(path: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """Rows `offset` to `offset + limit` of a Parquet file as plain values. Reads no row group that it need not."""
    import pyarrow.parquet as pq  # takes a tenth of a second, and the server starts without

    rows: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            num_rows = file.metadata.row_group(group).num_rows
            if offset >= num_rows:
                offset -= num_rows
                continue
            for batch in file.iter_batches(batch_size=max(limit, 1024), row_groups=[group]):
                rows += _plain(batch.slice(min(offset, batch.num_rows), limit - len(rows)))
                offset = max(0, offset - batch.num_rows)
                if len(rows) >= limit:
                    return rows
    return rows


def _plain(batch: "pa.RecordBatch") -> list[dict[str, Any]]:
    return [{name: _value(value) for name, value in row.items()} for row in batch.to_pylist()]


def _value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else spell_one(value)
    return value.isoformat() if isinstance(value, datetime) else value
