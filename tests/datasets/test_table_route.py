"""A table is taken away as one Parquet file, of however many it is made."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from fastapi.testclient import TestClient

from app.queue import JobStatus
from app.stored.manifest import read_manifest
from tests.datasets.test_versions import API, CSV, add, more

Work = Callable[[], list[JobStatus]]


def test_a_table_leaves_whole(client: TestClient, work: Work, data_dir: Path) -> None:
    first = add(client, CSV)
    assert client.get(f"{API}/datasets/{first}/table").status_code == 409
    assert work() == [JobStatus.SUCCEEDED]
    told = client.get(f"{API}/datasets/{first}/table")
    assert told.headers["content-disposition"] == 'attachment; filename="table.parquet"'
    rows = pq.read_table(io.BytesIO(told.content)).to_pylist()
    assert [row["size"] for row in rows] == [1.5, None, 2.5]

    second = more(client, first, b"when,kind,size\n2024-02-01,c,7\n").json()["id"]
    assert work() == [JobStatus.SUCCEEDED]
    assert read_manifest(data_dir / "datasets" / second) is not None
    whole = pq.read_table(io.BytesIO(client.get(f"{API}/datasets/{second}/table").content))
    assert whole.to_pylist()[:3] == rows
    assert whole["size"].to_pylist() == [1.5, None, 2.5, 7.0]


def test_a_table_that_is_not_there(client: TestClient) -> None:
    assert client.get(f"{API}/datasets/nobody/table").status_code == 404
