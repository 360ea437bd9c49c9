"""A table on disk, and what is known of it, as a worker would describe it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.specs.columns import Column
from tests.datasets.conftest import work
from worker.data.statistics import describe_table

__all__ = ["work"]

Stored = tuple[Path, dict[str, Column]]


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Stored]:
    """Writes a table in small row groups."""

    def write(columns: dict[str, Any], row_group_size: int = 97) -> Stored:
        path = tmp_path / "data.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
        return path, {column.name: column for column in describe_table(path)}

    return write
