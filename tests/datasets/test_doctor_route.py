"""The doctor over REST, on both databases."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.doctor import routes
from app.doctor.examination import Examination
from app.queue import JobStatus

pytestmark = pytest.mark.full_on_postgres

Work = Callable[[], list[JobStatus]]


def sick_table() -> bytes:
    """Two hundred patients; their number is among the columns, and so is the outcome in other words."""
    random = np.random.default_rng(0)
    lines = ["patient_id,age,pressure,verdict,sick"]
    for i in range(200):
        sick = int(random.integers(0, 2))
        lines.append(
            f"{1000 + i},{random.normal(50, 9):.1f},{random.normal(120, 9):.1f},{'bad' if sick else 'good'},{sick}"
        )
    return "\n".join(lines).encode()


def test_the_doctor_finds_what_is_wrong_and_its_fixes_mend_it(client: TestClient, work: Work) -> None:
    dataset = client.post("/api/v1/datasets", files={"file": ("patients.csv", sick_table())}).json()
    address = f"/api/v1/datasets/{dataset['id']}/doctor"
    data: dict[str, Any] = {"target": "sick", "scale": "standardize"}
    assert client.post(address, json={"data": data}).status_code == 409
    work()
    answer = client.post(address, json={"data": data, "loss": "binary_cross_entropy_with_logits"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["num_rows"], found["num_examined"]) == (200, 200) and found["duration_s"] >= 0
    assert [(one["kind"], one["severity"]) for one in found["findings"]] == [
        ("target_leak", "error"),
        ("identifier", "warning"),
    ]
    leak = found["findings"][0]
    assert leak["columns"] == ["verdict"] and "verdict" in leak["title"]
    data |= {"features": [name for name in leak["fix"]["patch"]["data"]["features"] if name != "patient_id"]}
    assert data["features"] == ["age", "pressure"]
    again = client.post(address, json={"data": data, "loss": "binary_cross_entropy_with_logits", "num_parameters": 9})
    assert again.json()["findings"] == []


def test_one_table_is_examined_at_a_time(client: TestClient, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    def examined(*_: Any, **__: Any) -> Examination:
        waits.append(routes._ALONE.locked())  # whoever else asks now
        return Examination([], 0, 0)

    monkeypatch.setattr(routes, "examine", examined)
    dataset = client.post("/api/v1/datasets", files={"file": ("patients.csv", sick_table())}).json()
    work()
    assert client.post(f"/api/v1/datasets/{dataset['id']}/doctor", json={"data": {"target": "sick"}}).is_success
    assert waits == [True] and not routes._ALONE.locked()


@pytest.mark.parametrize(
    ("data", "loc"),
    [
        ({"target": "health"}, ["data", "target"]),
        ({"target": "sick", "features": ["age", "size"]}, ["data", "features", 1]),
        ({"target": "sick", "split": {"type": "time", "column": "when"}}, ["data", "split", "column"]),
        ({"target": "sick", "window": {"time": "when"}}, ["data", "window", "time"]),
        ({"target": "sick", "window": {"series": "who"}}, ["data", "window", "series"]),
        ({"target": "sick", "scale": "small"}, ["data", "scale"]),
        ({}, ["data", "target"]),
    ],
    ids=str,
)
def test_what_the_dataset_has_not_is_told_with_its_place(
    client: TestClient, work: Work, data: dict[str, Any], loc: list[Any]
) -> None:
    dataset = client.post("/api/v1/datasets", files={"file": ("patients.csv", sick_table())}).json()
    work()
    answer = client.post(f"/api/v1/datasets/{dataset['id']}/doctor", json={"data": data})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [loc]


def test_a_dataset_that_is_not_there_has_no_doctor(client: TestClient) -> None:
    assert client.post("/api/v1/datasets/nothing/doctor", json={"data": {"target": "x"}}).status_code == 404
