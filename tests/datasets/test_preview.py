"""Rows before and after: what a run would be fed is shown before there is one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.queue import JobStatus
from app.transforms import encode
from worker.data.prepare import prepare

pytestmark = pytest.mark.full_on_postgres

CSV = "age,kind,when,note,fits\n" + "".join(
    f"{20 + i if i % 5 else ''},{'abc'[i % 3]},2024-01-{i % 28 + 1:02},word{i % 4} and {i} more,{i % 2}\n"
    for i in range(60)
)


@pytest.fixture
def dataset_id(client: TestClient, work: Callable[[], list[JobStatus]]) -> str:
    found = client.post("/api/v1/datasets", files={"file": ("a.csv", CSV.encode())}).json()
    work()
    identity: str = found["id"]
    return identity


def preview(client: TestClient, dataset_id: str, status: int = 200, **data: Any) -> dict[str, Any]:
    body = {"data": {"target": "fits"} | data, "num_rows": 5}
    answer = client.post(f"/api/v1/datasets/{dataset_id}/preview", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_rows_are_shown_before_and_after(client: TestClient, dataset_id: str) -> None:
    found = preview(
        client,
        dataset_id,
        features=["age", "kind", "when"],
        columns={
            "age": {"missing": {"type": "constant", "value": 0, "indicator": True}},
            "when": {"parts": ["weekday", "year"]},
        },
    )
    assert found["names"] == [
        *("age", "age is missing", "kind = a", "kind = b", "kind = c"),
        *("when weekday sine", "when weekday cosine", "when year"),
    ]
    assert found["rows"][0] == {"age": None, "kind": "a", "when": "2024-01-01T00:00:00"}
    assert found["inputs"][0][:5] == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert found["inputs"][1][:5] == [21.0, 0.0, 0.0, 1.0, 0.0]
    assert {row[-1] for row in found["inputs"]} == {2024.0}
    assert (found["numbers"], found["num_inputs"], found["input_shape"]) == ([0, 1, 2, 3, 4], 8, [8])
    assert found["num_fitted"] == 42 and set(found["parts"]) <= {"train", "validation", "test"}


def test_what_is_shown_is_what_a_run_is_fed(client: TestClient, dataset_id: str, data_dir: Any) -> None:
    from app.specs.columns import Column
    from app.specs.data import DataSpec

    data: dict[str, Any] = {"features": ["age", "kind"], "scale": "standardize", "missing": {"type": "most_frequent"}}
    found = preview(client, dataset_id, **data)
    columns = [Column.model_validate(one) for one in client.get(f"/api/v1/datasets/{dataset_id}").json()["columns"]]
    spec = DataSpec.model_validate({"target": "fits"} | data)
    prepared = prepare(data_dir / "datasets" / dataset_id / "data.parquet", spec, "mse_loss", columns)
    again = encode(prepared.preprocessing, {name: [row[name] for row in found["rows"]] for name in ("age", "kind")})
    np.testing.assert_allclose(found["inputs"], again, atol=1e-6)


def test_a_text_is_shown_with_its_tokens(client: TestClient, dataset_id: str) -> None:
    found = preview(client, dataset_id, features=["note"], columns={"note": {"tokens": {"length": 3}}})
    assert found["tokens"]["note"][0] == ["word0", "and", "0"]
    assert found["input_shape"] == [3] and len(found["inputs"][0]) == 3


def test_rows_of_a_time_series_are_shown_in_its_order(client: TestClient, dataset_id: str) -> None:
    found = preview(
        client,
        dataset_id,
        features=["kind", "fits"],
        window={"length": 8, "horizon": 2, "time": "when", "series": "kind"},
        split={"type": "time", "column": "when", "train": 0.7, "validation": 0.0, "test": 0.3},
    )
    # Of kind a are the rows 0, 3, 6 …; the days begin anew after the 28th row.
    assert found["input_shape"] == [8, 4] and found["num_inputs"] == 4
    assert found["names"] == ["kind = a", "kind = b", "kind = c", "fits"]
    assert found["numbers"] == [0, 57, 30, 3, 33]
    assert [row["kind"] for row in found["rows"]] == ["a"] * 5
    assert found["parts"] == ["train"] * 5 and found["num_fitted"] == 42


def test_a_time_series_that_does_not_fit_is_told_at_its_place(client: TestClient, dataset_id: str) -> None:
    asked = {"features": ["kind"], "window": {"length": 80, "time": "when"}}
    found = preview(client, dataset_id, 422, **asked)
    assert [error["loc"] for error in found["errors"]] == [["data", "split", "type"]]
    found = preview(client, dataset_id, 422, **asked, split={"type": "time", "column": "when"})
    assert [error["loc"] for error in found["errors"]] == [["data", "window", "length"]]


@pytest.mark.parametrize(
    ("data", "loc"),
    [
        ({"features": ["age"]}, ["data", "missing"]),
        ({"features": ["note"]}, ["data", "features"]),
        ({"target": "nothing"}, ["data", "target"]),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(
    client: TestClient, dataset_id: str, data: dict[str, Any], loc: list[str]
) -> None:
    assert loc in [error["loc"] for error in preview(client, dataset_id, 422, **data)["errors"]]
