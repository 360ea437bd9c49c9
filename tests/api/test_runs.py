"""Runs over REST, on both databases: taken, found, changed, cancelled, removed; and what bad input gets."""

import copy
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import queue
from app.db import Database

RUNS = "/api/v1/runs"
PROGRAM: dict[str, Any] = {
    "name": "one neuron",
    "tags": ["größe", 'a "b"'],
    "dataset": {"name": "celsius", "source": {"type": "builtin", "name": "celsius"}},
    "model": {"layers": [{"type": "linear", "out_features": 1}]},
    "data": {"target": "fahrenheit", "split": {"type": "shares", "train": 1, "validation": 0, "test": 0}},
    "training": {"num_epochs": 5, "batch_size": None, "loss": {"type": "mse_loss"}},
}


def submit(client: TestClient, **changes: Any) -> dict[str, Any]:
    answer = client.post(RUNS, json=PROGRAM | changes)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{RUNS}/{run['id']}"
    return run


def listed(client: TestClient, **query: Any) -> list[str]:
    return [run["name"] for run in client.get(RUNS, params=query).json()["items"]]


def test_a_run_is_taken_with_its_model_and_dataset_inline(client: TestClient) -> None:
    run = submit(client)
    detail = client.get(f"{RUNS}/{run['id']}").json()
    assert detail["status"] == "queued" and detail["waits_for"], "its dataset is made first"
    assert detail["num_parameters"] == 2
    assert detail["inspection"]["layers"][0]["output_shape"] == [1]
    assert detail["spec"]["dataset"] == detail["dataset"]["id"]


def test_a_run_on_a_dataset_that_is_generated_is_checked_before_anything_is_made(client: TestClient) -> None:
    source = {"type": "generated", "name": "plane", "num_rows": 200, "noise": 0.2, "seed": 7}
    body = PROGRAM | {"dataset": {"name": "plane", "source": source}, "data": {"target": "value"}}
    found = client.post(f"{RUNS}/check", json=body).json()
    assert found["ok"] and found["num_rows"] == {"train": 140, "validation": 30, "test": 30}
    wrong = client.post(f"{RUNS}/check", json=body | {"data": {"target": "label"}}).json()
    assert [error["loc"] for error in wrong["errors"]] == [["data", "target"]]
    first, second = (client.post(RUNS, json=body).json() for _ in range(2))
    assert first["waits_for"] and first["dataset"]["id"] == second["dataset"]["id"]
    other = client.post(RUNS, json=body | {"dataset": {"name": "plane", "source": source | {"seed": 8}}}).json()
    assert other["dataset"]["id"] != first["dataset"]["id"]


def test_lists_go_page_by_page_newest_first(client: TestClient) -> None:
    for i in range(5):
        submit(client, name=f"run {i}")
    first = client.get(RUNS, params={"limit": 3}).json()
    rest = client.get(RUNS, params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [run["name"] for run in first["items"] + rest["items"]] == [f"run {i}" for i in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [{"q": "neuron"}, {"q": "größe one"}, {"q": '"b"'}, {"tag": "größe"}, {"tag": 'a "b"'}, {"status": "queued"}],
    ids=str,
)
def test_runs_are_found_by_words_tags_and_status(client: TestClient, query: dict[str, str]) -> None:
    submit(client)
    submit(client, name="other_one", tags=[])
    expected = ["other_one", "one neuron"] if "status" in query else ["one neuron"]
    assert listed(client, **query) == expected


@pytest.mark.parametrize("query", [{"q": "%"}, {"q": "on_"}, {"tag": "größ"}, {"status": "failed"}], ids=str)
def test_what_does_not_match_is_not_found(client: TestClient, query: dict[str, str]) -> None:
    submit(client)
    assert listed(client, **query) == []


def test_a_waiting_run_is_cancelled_and_removed(client: TestClient) -> None:
    run = submit(client)
    assert client.delete(f"{RUNS}/{run['id']}").status_code == 409
    assert client.post(f"{RUNS}/{run['id']}/cancel").json()["status"] == "cancelled"
    assert client.post(f"{RUNS}/{run['id']}/cancel").status_code == 409
    assert client.delete(f"{RUNS}/{run['id']}").json() == {"freed_bytes": 0}
    assert client.get(f"{RUNS}/{run['id']}").status_code == 404


def test_a_run_is_renamed_and_queued_again(client: TestClient) -> None:
    run = submit(client)
    assert client.patch(f"{RUNS}/{run['id']}", json={"name": "new", "tags": ["x"]}).json()["tags"] == ["x"]
    again = client.post(f"{RUNS}/{run['id']}/clone")
    assert again.status_code == 201 and again.json()["id"] != run["id"]


def test_a_run_is_queued_again_with_what_is_to_be_otherwise(client: TestClient) -> None:
    run = submit(client, project="heat")
    patch = {"name": "slower", "training": {"optimizer": {"lr": 0.5}, "batch_size": 3}}
    again = client.post(f"{RUNS}/{run['id']}/clone", json={"patch": patch})
    assert again.status_code == 201, again.text
    found = client.get(again.headers["Location"]).json()
    assert (found["name"], found["project"]) == ("slower", "heat")
    assert found["spec"]["training"]["optimizer"]["lr"] == 0.5
    before = client.get(f"{RUNS}/{run['id']}").json()["spec"]
    before["name"], before["training"]["batch_size"] = "slower", 3
    before["training"]["optimizer"]["lr"] = 0.5
    assert found["spec"] == before
    assert client.post(f"{RUNS}/{run['id']}/clone", json={}).json()["name"] == run["name"]


@pytest.mark.parametrize(
    ("patch", "loc"),
    [
        ({"training": {"optimizer": {"lr": "fast"}}}, ["training", "optimizer", "lr"]),
        ({"training": {"optimizer": {"speed": 1}}}, ["training", "optimizer", "speed"]),
        ({"data": {"target": "kelvin"}}, ["data", "target"]),
        ({"model": {"layers": [{"type": "linear", "out_features": 2}]}}, ["model", "layers", 0]),
        ({"model": None}, ["model"]),
    ],
)
def test_a_patch_that_does_not_hold_is_told_with_its_place(
    client: TestClient, patch: dict[str, Any], loc: list[str | int]
) -> None:
    run = submit(client)
    answer = client.post(f"{RUNS}/{run['id']}/clone", json={"patch": patch})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == loc
    assert client.get(RUNS).json()["num_matching"] == 1
    assert client.post(f"{RUNS}/{run['id']}/clone", json={"changes": patch}).status_code == 422


def bad(**changes: Any) -> dict[str, Any]:
    body = copy.deepcopy(PROGRAM)
    for place, value in changes.items():
        *path, last = place.split("__")
        inner = body
        for part in path:
            inner = inner[part]
        inner[last] = value
    return body


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (bad(model__layers=[{"type": "conv9d"}]), ["model", "layers", 0, "type"]),
        (bad(model__layers=[{"type": "linear", "out_features": 2}]), ["model", "layers", 0]),
        (bad(data__target="kelvin"), ["data", "target"]),
        (bad(training__loss={"type": "binary_cross_entropy_with_logits"}), ["training", "loss", "type"]),
        (bad(dataset="0" * 26), ["dataset"]),
        (bad(model="0" * 26), ["model"]),
        (bad(dataset={"name": "x", "source": {"type": "builtin", "name": "celcius"}}), ["dataset", "source", "name"]),
    ],
    ids=lambda value: str(value)[-60:],
)
def test_what_does_not_fit_is_a_problem_with_its_place_and_nothing_is_stored(
    client: TestClient, body: dict[str, Any], loc: list[str | int]
) -> None:
    answer = client.post(RUNS, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert loc in [error["loc"] for error in answer.json()["errors"]], answer.json()
    assert listed(client) == []
    assert client.get("/api/v1/datasets").json()["items"] == []


def test_what_a_run_begins_with_has_to_be_there(client: TestClient) -> None:
    earlier = submit(client)["id"]
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"run_id": "nobody"}, "run_id", "there is no run with this id"),
        ({"run_id": earlier}, "run_id", "this run has left no weights"),
        ({"run_id": earlier, "up_to": "4"}, "up_to", "no layer is called '4'"),
    ]
    for start, field, words in cases:
        answer = client.post(RUNS, json=PROGRAM | {"training": PROGRAM["training"] | {"start_from": start}})
        assert answer.status_code == 422
        problem = next(one for one in answer.json()["errors"] if one["loc"][-1] == field)
        assert problem["loc"] == ["training", "start_from", field] and words in problem["msg"]
        checked = client.post(f"{RUNS}/check", json=PROGRAM | {"training": PROGRAM["training"] | {"start_from": start}})
        assert problem in checked.json()["errors"]
    assert listed(client) == [PROGRAM["name"]]


def test_a_dataset_that_could_not_be_read_is_not_waited_for(client: TestClient, db: Database) -> None:
    answer = client.post("/api/v1/datasets", files={"file": ("a.csv", b"a,b\n1,2\n3,4\n", "text/csv")})
    dataset = answer.json()
    with db.write() as session:
        queue.cancel(session, dataset["job_id"])
    answer = client.post(RUNS, json=bad(dataset=dataset["id"], data__target="b"))
    assert answer.status_code == 409 and "could not be read" in answer.json()["detail"]


def test_checking_says_what_a_run_would_be_and_stores_nothing(client: TestClient) -> None:
    found = client.post(f"{RUNS}/check", json=PROGRAM).json()
    assert found["ok"] and found["num_rows"] == {"train": 7, "validation": 0, "test": 0}
    found = client.post(f"{RUNS}/check", json=bad(data__target="kelvin")).json()
    assert not found["ok"] and found["errors"][0]["loc"] == ["data", "target"]
    assert listed(client) == []


def test_the_api_says_what_it_can_do(client: TestClient) -> None:
    described = client.get("/api/v1/openapi.json").json()
    assert "/api/v1/runs" in described["paths"]


def test_a_nul_is_refused_wherever_it_stands(client: TestClient) -> None:
    answer = client.post(RUNS, json=PROGRAM | {"name": "a\x00b"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["name"]
    assert client.get(RUNS, params={"q": "a\x00b"}).status_code in (200, 422)
