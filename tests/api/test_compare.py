"""Runs side by side over REST, on both databases."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import queue
from app.db import Database
from app.db.tables import Run
from app.runs.compare import goal_of
from tests.recorded import add_points, record

COMPARE = "/api/v1/compare"
FALLING, NOISY = [0.9, 0.5, 0.4], [0.8, 0.2, 0.6]
SGD = {"optimizer.type": "sgd", "optimizer.lr": 0.1, "seed": 0}


def compared(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get(COMPARE, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def row(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(one for one in rows if one["key"] == key)


def test_runs_stand_in_the_order_asked_for_and_what_is_gone_is_named(client: TestClient, db: Database) -> None:
    a, b = (record(db, name, {"train/loss": FALLING}) for name in "ab")
    found = compared(client, ids=f"{b},gone,{a},{b}")
    assert [run["name"] for run in found["runs"]] == ["b", "a"]
    assert found["missing"] == ["gone"]


def test_only_the_settings_that_differ_are_told_side_by_side(client: TestClient, db: Database) -> None:
    a = record(db, "a", {}, SGD)
    b = record(db, "b", {}, SGD | {"optimizer.lr": 1, "optimizer.momentum": 0.9})
    found = compared(client, ids=f"{a},{b}")["settings"]
    assert found == [
        {"key": "optimizer.lr", "values": [0.1, 1]},
        {"key": "optimizer.momentum", "values": [None, 0.9]},
    ]


def test_a_script_is_compared_with_what_was_trained_here(client: TestClient, db: Database) -> None:
    a = record(db, "a", {}, SGD)
    b = record(db, "b", {})
    with db.write() as session:
        said = {"config": {"optimizer": {"lr": 1}, "augment": True, "sizes": [8, 16]}}
        session.execute(update(Run).where(Run.id == b).values(spec=said))
    found = {one["key"]: one["values"] for one in compared(client, ids=f"{a},{b}")["settings"]}
    assert found["optimizer.lr"] == [0.1, 1]
    assert found["optimizer.type"] == ["sgd", None]
    assert found["augment"] == [None, True]
    assert found["sizes"] == [None, "8, 16"]


def test_layers_that_differ_are_told_in_words(client: TestClient, db: Database) -> None:
    relu: dict[str, Any] = {"type": "relu"}
    a = record(db, "a", {}, layers=[{"type": "conv2d", "kernel_size": [3, 5], "bias": True, "name": None}, relu])
    b = record(db, "b", {}, layers=[{"type": "linear", "out_features": 4}, relu, relu])
    found = compared(client, ids=f"{a},{b}")["layers"]
    assert found == [
        {"key": "layer 0", "values": ["conv2d kernel_size=3×5 bias=true", "linear out_features=4"]},
        {"key": "layer 2", "values": [None, "relu"]},
    ]


def test_results_are_the_last_and_the_best_of_each_series(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"validation/loss": FALLING, "test/accuracy": [0.75]})
    b = record(db, "b", {"validation/loss": NOISY, "system/cpu_share": [0.5], "optimizer/lr": [0.1, 0.1]})
    found = compared(client, ids=f"{a},{b}")
    assert [one["key"] for one in found["results"]] == [
        "test/accuracy",
        "validation/loss",
        "validation/loss.min",
        "optimizer/lr",
        "duration_s",
    ]
    assert row(found["results"], "validation/loss") == {"key": "validation/loss", "goal": "min", "values": [0.4, 0.6]}
    assert row(found["results"], "validation/loss.min")["values"] == [0.4, 0.2]
    assert row(found["results"], "test/accuracy") == {"key": "test/accuracy", "goal": "max", "values": [0.75, None]}
    assert found["series"][0] == {"name": "validation/loss", "num_runs": 2}


def test_values_that_are_not_finite_are_spelled(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"train/loss": [1.0, float("nan")]})
    assert row(compared(client, ids=a)["results"], "train/loss")["values"] == ["NaN"]


def test_a_filter_chooses_runs_newest_first(client: TestClient, db: Database) -> None:
    for name in ("deep one", "deep two", "shallow"):
        record(db, name, {})
    assert [run["name"] for run in compared(client, filter="-deep")["runs"]] == ["shallow"]
    found = compared(client, filter="name~deep")
    assert [run["name"] for run in found["runs"]] == ["deep two", "deep one"]
    assert found["num_matching"] == 2


def test_a_filter_that_cannot_be_read_is_told_with_its_place(client: TestClient) -> None:
    problem = client.get(COMPARE, params={"filter": "(name~a"}).json()
    assert problem["status"] == 422
    assert problem["errors"][0]["loc"][:2] == ["query", "filter"]


def test_whoever_says_neither_is_told_what_to_say(client: TestClient) -> None:
    problem = client.get(COMPARE).json()
    assert problem["status"] == 422
    assert problem["errors"][0]["loc"] == ["query", "ids"]


def test_more_runs_than_can_be_compared_are_refused(client: TestClient) -> None:
    problem = client.get(COMPARE, params={"ids": ",".join(map(str, range(201)))}).json()
    assert problem["status"] == 422
    assert problem["errors"][0]["received"] == 201


def test_curves_of_many_runs_come_in_one_answer(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"train/loss": FALLING, "validation/loss": NOISY})
    b = record(db, "b", {"train/loss": NOISY})
    query = {"ids": f"{b},{a}", "name": ["train/loss", "validation/loss"]}
    runs = client.get(f"{COMPARE}/curves", params=query).json()["runs"]
    assert [run["run_id"] for run in runs] == [b, a]
    assert [one["name"] for one in runs[0]["series"]] == ["train/loss"]
    assert runs[1]["series"][1]["values"] == NOISY
    followed = client.get(f"/api/v1/runs/{a}").json()
    assert (runs[1]["job_id"], runs[1]["last_seq"]) == (followed["job_id"], followed["last_seq"])


def test_a_curve_is_drawn_with_as_few_points_as_asked_for(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"train/loss": [float(i) for i in range(1000)]})
    query = {"ids": a, "name": "train/loss", "max_points": 50}
    (series,) = client.get(f"{COMPARE}/curves", params=query).json()["runs"][0]["series"]
    assert series["num_drawn"] <= 50
    assert max(series["max"]) == 999


def test_curves_stand_along_epochs_and_time(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"train/loss": FALLING}, is_running=True)
    claim = queue.Claim(client.get(f"/api/v1/runs/{a}").json()["job_id"], 1, queue.JobKind.REPORT, {}, "")
    with db.write() as session:
        queue.fence(session, claim, lease_s=60, progress={"num_steps": 6, "num_epochs": 3})
    time.sleep(0.05)
    add_points(db, claim, {"train/loss": [0.3]}, first_step=4)
    query = {"ids": a, "name": "train/loss"}

    def placed(unit: str) -> list[float]:
        answer = client.get(f"{COMPARE}/curves", params=query | {"x": unit}).json()
        found: list[float] = answer["runs"][0]["series"][0]["x"]
        return found

    assert placed("step") == [1, 2, 3, 4]
    assert placed("epoch") == [0.5, 1, 1.5, 2]
    seconds = placed("relative")
    assert seconds == sorted(seconds) and seconds[3] - seconds[2] >= 0.05


def test_runs_without_epochs_have_no_curve_along_them(client: TestClient, db: Database) -> None:
    a = record(db, "a", {"train/loss": FALLING})
    answer = client.get(f"{COMPARE}/curves", params={"ids": a, "name": "train/loss", "x": "epoch"}).json()
    assert answer["runs"][0]["series"] == []


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("train/loss", "min"),
        ("validation/top_3_accuracy", "max"),
        ("test/f1", "max"),
        ("optimizer/lr", None),
        ("reward", None),
    ],
)
def test_what_is_better_follows_from_the_name(name: str, goal: str | None) -> None:
    assert goal_of(name) == goal
