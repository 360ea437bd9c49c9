"""Tables to plant faults in, and the doctor to look at them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from app.doctor.examination import Examination, examine
from app.doctor.findings import Finding
from app.specs.data import DataSpec
from worker.data.statistics import describe_table

Columns = dict[str, NDArray[Any]]
NUM_ROWS = 1000


class Practice:
    """Writes a table down and has it examined."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def look(
        self,
        table: Any,
        loss: str | None = None,
        num_parameters: int | None = None,
        *,
        is_weighed: bool = False,
        **data: Any,
    ) -> Examination:
        pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path := self.folder / "data.parquet")
        spec = DataSpec.model_validate({"target": "label", **data})
        return examine(path, describe_table(path), spec, loss, num_parameters, is_weighed=is_weighed)

    def findings(self, table: Any, loss: str | None = None, **data: Any) -> list[Finding]:
        return self.look(table, loss, **data).findings

    def find(self, kind: str, table: Any, loss: str | None = None, **data: Any) -> Finding:
        """The one finding of that kind."""
        found = self.findings(table, loss, **data)
        (one,) = [finding for finding in found if finding.kind == kind]
        return one


@pytest.fixture
def practice(tmp_path: Path) -> Practice:
    return Practice(tmp_path)


@pytest.fixture
def clean() -> Columns:
    """A thousand rows with nothing wrong: three numbers and a word, and a class that follows from two of them."""
    return clean_table()


def clean_table(num_rows: int = NUM_ROWS, seed: int = 0) -> Columns:
    random = np.random.default_rng(seed)
    a, b, c = random.normal(0, 1, (3, num_rows))
    town = random.choice(["Aarau", "Basel", "Chur"], num_rows)
    return {"a": a, "b": b, "c": c, "town": town, "label": (a + b + random.normal(0, 0.5, num_rows) > 0).astype(int)}


def number_table(num_rows: int = NUM_ROWS, seed: int = 0) -> Columns:
    """The same with a number to predict."""
    table = clean_table(num_rows, seed)
    return table | {"label": table["a"] + table["b"] + np.random.default_rng(seed).normal(0, 0.5, num_rows)}
