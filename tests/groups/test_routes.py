"""Groups of runs over REST, on both databases: all queued or none, found, cancelled, removed."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.db import Database
from app.db.tables import Job, Run, RunGroup
from app.queue import JobKind

GROUPS, RUNS = "/api/v1/groups", "/api/v1/runs"
FOLDS = {"type": "k_fold", "num_folds": 3, "seed": 4}
PROGRAM: dict[str, Any] = {
    "name": "one neuron",
    "project": "heat",
    "dataset": {"name": "celsius", "source": {"type": "builtin", "name": "celsius"}},
    "model": {"layers": [{"type": "linear", "out_features": 1}]},
    "data": {"target": "fahrenheit", "split": FOLDS},
    "training": {"num_epochs": 5, "batch_size": None, "seed": 7, "loss": {"type": "mse_loss"}},
    "over": {"type": "folds"},
}


def make(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post(GROUPS, json=PROGRAM | changes)
    assert answer.status_code == 201, answer.text
    group: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{GROUPS}/{group['id']}"
    return group


def test_each_fold_validates_in_a_run_of_its_own(client: TestClient) -> None:
    group = make(client)
    assert group["over"] == "folds" and group["members"] == [0, 1, 2] and group["statuses"] == {"queued": 3}
    assert [run["name"] for run in group["runs"]] == [f"one neuron, fold {i} of 3" for i in (1, 2, 3)]
    for i, run in enumerate(group["runs"]):
        spec = client.get(f"{RUNS}/{run['id']}").json()["spec"]
        assert spec["data"]["split"]["fold"] == i and spec["training"]["seed"] == 7 and spec["project"] == "heat"
        of_run = {"id": group["id"], "name": "one neuron", "over": "folds", "value": i, "place": i + 1, "num_runs": 3}
        assert run["group"] == of_run
    assert len({run["dataset"]["id"] for run in group["runs"]}) == 1
    assert client.get(f"{GROUPS}/{group['id']}").json()["runs"] == group["runs"]


@pytest.mark.parametrize(
    ("over", "seeds"),
    [({"num_seeds": 3}, [7, 8, 9]), ({"seeds": [5, 1]}, [5, 1]), ({}, [7, 8, 9, 10, 11])],
    ids=str,
)
def test_several_seeds_train_on_the_same_rows(client: TestClient, over: dict[str, Any], seeds: list[int]) -> None:
    split = {"type": "shares", "seed": 3}
    group = make(client, data={"target": "fahrenheit", "split": split}, over={"type": "seeds"} | over)
    assert group["members"] == seeds
    specs = [client.get(f"{RUNS}/{run['id']}").json()["spec"] for run in group["runs"]]
    assert [spec["training"]["seed"] for spec in specs] == seeds
    assert {spec["data"]["split"]["seed"] for spec in specs} == {3}


@pytest.mark.parametrize(
    ("changes", "loc", "words"),
    [
        ({"data": {"target": "fahrenheit"}}, ["data", "split", "type"], "has no folds: split by k_fold"),
        (
            {"data": {"target": "fahrenheit", "split": FOLDS | {"num_folds": 101}}},
            ["data", "split", "num_folds"],
            "at most 100 runs",
        ),
        ({"data": {"target": "kelvin", "split": FOLDS}}, ["data", "target"], "kelvin"),
        ({"over": {"type": "seeds", "seeds": [1, 1]}}, ["over"], "twice"),
        ({"over": {"type": "seeds", "num_seeds": 1}}, ["over", "num_seeds"], "2"),
        ({"over": {"type": "weather"}}, ["over", "type"], "folds"),
    ],
    ids=str,
)
def test_what_does_not_hold_is_told_by_its_place_and_nothing_is_stored(
    client: TestClient, db: Database, changes: dict[str, Any], loc: list[str], words: str
) -> None:
    answer = client.post(GROUPS, json=PROGRAM | changes)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["loc"][-len(loc) :] == loc and words in error["msg"]
    with db.read() as session:
        for table in (Run, RunGroup, Job):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_a_group_that_is_sent_again_is_made_once(client: TestClient) -> None:
    first, again = (client.post(GROUPS, json=PROGRAM, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == again.json()
    assert len(client.get(RUNS).json()["items"]) == 3


def test_groups_are_listed_newest_first_and_their_runs_are_found(client: TestClient) -> None:
    names = ["a", "b", "c"]
    groups = [make(client, name=name) for name in names]
    page = client.get(GROUPS, params={"limit": 2}).json()
    rest = client.get(GROUPS, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [one["name"] for one in page["items"] + rest["items"]] == names[::-1]
    assert rest["next_cursor"] is None and page["items"][0]["statuses"] == {"queued": 3}
    for filter in (f"group:{groups[1]['id']}", "group:b", "group~B"):
        found = client.get(RUNS, params={"filter": filter}).json()
        assert {run["group"]["name"] for run in found["items"]} == {"b"} and found["num_matching"] == 3
    assert client.get(RUNS, params={"filter": "group!=b"}).json()["num_matching"] == 6


def test_a_group_is_cancelled_as_a_whole_and_removed_with_its_runs(client: TestClient, db: Database) -> None:
    place = f"{GROUPS}/{make(client)['id']}"
    refused = client.delete(place)
    assert refused.status_code == 409 and "3 runs" in refused.json()["detail"]
    assert client.post(f"{place}/cancel").json()["statuses"] == {"cancelled": 3}
    assert client.post(f"{place}/cancel").status_code == 409
    assert client.delete(place).status_code == 200
    assert client.get(place).status_code == client.delete(place).status_code == 404
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Run)) == 0
        assert session.scalar(select(func.count()).where(Job.kind == JobKind.TRAIN)) == 0


def test_a_run_of_a_group_can_go_alone_and_the_others_keep_their_places(client: TestClient) -> None:
    group = make(client)
    first = group["runs"][0]["id"]
    client.post(f"{RUNS}/{first}/cancel")
    assert client.delete(f"{RUNS}/{first}").status_code == 200
    left = client.get(f"{GROUPS}/{group['id']}").json()
    assert left["num_runs"] == 2 and [run["group"]["place"] for run in left["runs"]] == [2, 3]


def test_a_run_that_is_cloned_is_one_of_its_own(client: TestClient) -> None:
    run = make(client)["runs"][0]
    assert client.post(f"{RUNS}/{run['id']}/clone").json()["group"] is None
