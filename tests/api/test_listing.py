"""The list of runs over REST, on both databases: what matches, in which order, page by page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.db import Database, now
from app.db.tables import Run
from app.runs.labels import store_tags
from tests.recorded import record

pytestmark = pytest.mark.full_on_postgres

RUNS = "/api/v1/runs"
EXAMPLES = Path(__file__).parents[2] / "examples"


def found(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get(RUNS, params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def names(client: TestClient, **query: Any) -> list[str]:
    return [run["name"] for run in found(client, **query)["items"]]


@pytest.fixture
def some(db: Database) -> dict[str, str]:
    """Four runs: two that were trained with validation, one without, one that came to nothing."""
    ids = {
        "alpha": record(
            db,
            "alpha",
            {"train/loss": [0.9, 0.1], "validation/loss": [0.8, 0.3]},
            {"optimizer.type": "sgd", "optimizer.lr": 0.1, "batch_size": 32},
            tags=["base", "a b"],
            project="hearts",
        ),
        "beta": record(
            db,
            "beta",
            {"train/loss": [0.9, 0.2], "validation/loss": [0.7, 0.05]},
            {"optimizer.type": "adam", "optimizer.lr": 0.01, "batch_size": 64},
            tags=["base"],
        ),
        "gamma": record(db, "gamma", {"train/loss": [0.5, 0.5]}, {"optimizer.lr": 0.001}, is_running=True),
        "delta": record(db, "delta", {"train/loss": [float("nan")]}, {"optimizer.type": "adam"}),
    }
    with db.write() as session:
        for run in session.query(Run):
            store_tags(session, run.id, run.tags)
    return ids


# Many cases to a test: what takes the time is the deck that they are asked of, and none of them changes it.
FILTERS = {
    "": "delta gamma beta alpha",
    "alpha": "alpha",
    "HEART": "alpha",
    "base": "beta alpha",
    "status:running": "gamma",
    "status!=running": "delta beta alpha",
    "status:running,succeeded": "delta gamma beta alpha",
    "is:running OR name:beta": "gamma beta",
    "optimizer.lr>=0.01": "beta alpha",
    "optimizer.lr=0.01": "beta",
    "optimizer.type:adam": "delta beta",
    "optimizer.type:ad*": "delta beta",
    "-optimizer.type:adam": "gamma alpha",
    "loss<0.1": "beta",
    "loss<0.6": "gamma beta alpha",
    "loss:nan": "delta",
    "train/loss<0.2": "alpha",
    "train/loss.max>0.8": "beta alpha",
    "loss.min<0.4 -tag:base": "",
    'tag:"a b"': "alpha",
    "tag~b": "beta alpha",
    "project:hearts": "alpha",
    'project:""': "delta gamma beta",
    "(tag:base OR status:running) batch_size<=64 ": "beta alpha",
    "dataset:d optimizer.lr<1": "gamma beta alpha",
    "created>1d is:reported": "delta gamma beta alpha",
    "created<2020-01-01": "",
    "duration<1h": "delta gamma beta alpha",
    "name~%": "",
    "name~_": "",
    '"\'; DROP TABLE runs; --"': "",
}


def test_a_filter_finds_what_it_says(client: TestClient, some: dict[str, str]) -> None:
    pages = {filter: found(client, filter=filter) for filter in FILTERS}
    assert {filter: " ".join(run["name"] for run in page["items"]) for filter, page in pages.items()} == FILTERS
    assert {filter: page["num_matching"] for filter, page in pages.items()} == {
        filter: len(expected.split()) for filter, expected in FILTERS.items()
    }


def test_a_filter_that_makes_no_sense_is_told_at_its_place(client: TestClient, some: dict[str, str]) -> None:
    for filter, at, words in (
        ("tag:base los<1", 9, "no run has a setting or a result 'los'"),
        ("status:done", 0, "a status is one of"),
        ("loss<low", 0, "held against a number"),
        ("name<3", 0, "is text"),
        ("created>soon", 0, "held against a day"),
        ("is:lost", 0, "a run is one of"),
        ("(tag:base", 9, "closing parenthesis"),
    ):
        answer = client.get(RUNS, params={"filter": filter})
        assert answer.status_code == 422, filter
        (problem,) = answer.json()["errors"]
        assert problem["loc"] == ["query", "filter", at]
        assert words in problem["msg"]


ORDERS = {
    "created": "alpha beta gamma delta",
    "-created": "delta gamma beta alpha",
    "name": "alpha beta delta gamma",
    "-optimizer.lr": "alpha beta gamma delta",
    "optimizer.lr": "gamma beta alpha delta",
    "optimizer.type": "beta delta alpha gamma",
    "loss": "beta alpha delta gamma",
    "-train/loss": "gamma beta alpha delta",
    "train/loss.max": "gamma alpha beta delta",
    "-status": "delta beta alpha gamma",
    "-project": "alpha delta gamma beta",
}


def paged(client: TestClient, sort: str) -> Iterator[str]:
    """The names of all runs, a page for each."""
    cursor: str | None = ""
    while cursor is not None:
        page = found(client, sort=sort, limit=1, **({"cursor": cursor} if cursor else {}))
        yield from (run["name"] for run in page["items"])
        cursor = page["next_cursor"]


def test_every_order_is_whole_whatever_the_size_of_its_pages(client: TestClient, some: dict[str, str]) -> None:
    assert {sort: " ".join(names(client, sort=sort)) for sort in ORDERS} == ORDERS
    assert {sort: " ".join(paged(client, sort)) for sort in ORDERS} == ORDERS
    at_offsets = {sort: [names(client, sort=sort, limit=1, offset=offset) for offset in range(4)] for sort in ORDERS}
    assert {sort: " ".join(name for (name,) in found) for sort, found in at_offsets.items()} == ORDERS


def test_what_no_run_has_is_no_order(client: TestClient, some: dict[str, str]) -> None:
    answer = client.get(RUNS, params={"sort": "-nothing"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["query", "sort"]
    assert client.get(RUNS, params={"cursor": "bad"}).status_code == 422


def test_columns_bring_settings_and_results(client: TestClient, some: dict[str, str]) -> None:
    page = found(client, filter="beta", columns="optimizer.lr,optimizer.type,loss,train/loss.min,nothing")
    assert page["items"][0]["values"] == {
        "optimizer.lr": 0.01,
        "optimizer.type": "adam",
        "loss": 0.05,
        "train/loss.min": 0.2,
    }


def test_archived_runs_stay_out_of_sight_until_asked_for(client: TestClient, some: dict[str, str]) -> None:
    patch = {
        "archived": True,
        "is_favorite": True,
        "project": "old",
        "notes": "# Why\n\n<script>1</script> [x](javascript:1)",
    }
    changed = client.patch(f"{RUNS}/{some['alpha']}", json=patch)
    assert changed.status_code == 200, changed.text
    assert changed.json()["archived_at"] is not None
    assert names(client) == ["delta", "gamma", "beta"]
    assert names(client, filter="is:archived") == ["alpha"]
    assert names(client, filter="is:archived OR is:favorite") == ["alpha"]
    html = client.get(f"{RUNS}/{some['alpha']}").json()["notes_html"]
    assert "<h1>Why</h1>" in html
    assert "<script" not in html
    assert "href" not in html
    assert client.patch(f"{RUNS}/{some['alpha']}", json={"archived": False}).json()["archived_at"] is None


def test_many_are_changed_at_once_each_with_its_outcome(client: TestClient, some: dict[str, str]) -> None:
    def batch(**body: Any) -> dict[str, Any]:
        answer = client.post(f"{RUNS}/batch", json=body)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    assert batch(filter="tag:base", action="tag", value="good")["num_ok"] == 2
    assert batch(filter="tag:base", action="tag", value="good")["num_ok"] == 2
    assert names(client, filter="tag:good") == ["beta", "alpha"]
    assert found(client, filter="alpha")["items"][0]["tags"] == ["base", "a b", "good"]
    assert batch(ids=[some["alpha"]], action="untag", value="good")["num_ok"] == 1
    assert batch(ids=[some["beta"]], action="project", value="p")["num_ok"] == 1
    assert names(client, filter="project:p") == ["beta"]
    removed = batch(ids=[some["alpha"], some["gamma"], "gone"], action="delete")
    assert [one["ok"] for one in removed["outcomes"]] == [True, False, False]
    assert "has not ended" in removed["outcomes"][1]["message"]
    assert names(client) == ["delta", "gamma", "beta"]


def test_a_tag_too_many_is_the_outcome_of_one_run_alone(client: TestClient, some: dict[str, str]) -> None:
    full = client.patch(f"{RUNS}/{some['alpha']}", json={"tags": [f"t{i}" for i in range(50)]})
    assert full.status_code == 200
    answer = client.post(f"{RUNS}/batch", json={"ids": list(some.values()), "action": "tag", "value": "more"}).json()
    assert [one["ok"] for one in answer["outcomes"]] == [False, True, True, True]
    long = {"ids": list(some.values()), "action": "tag", "value": "x" * 150}
    assert client.post(f"{RUNS}/batch", json=long).status_code == 422


def test_a_name_that_is_not_quite_right_is_answered_with_those_that_are(
    client: TestClient, some: dict[str, str]
) -> None:
    for typed, meant in (("lr", "optimizer.lr"), ("val_loss", "validation/loss"), ("stauts", "status")):
        answer = client.get(RUNS, params={"filter": f"{typed}<1"})
        assert answer.status_code == 422
        assert f"did you mean {meant}" in answer.json()["detail"], typed


def test_what_is_typed_is_looked_for_among_all_values(client: TestClient, db: Database) -> None:
    for i in range(40):
        record(db, f"run {i}", {}, {"optimizer.type": f"kind {i:02}"})
    items = client.get(f"{RUNS}/filter/completions", params={"q": "optimizer.type:39"}).json()["items"]
    assert any("kind 39" in json.dumps(item) for item in items)


def test_times_and_durations_are_denied_and_refused(client: TestClient, some: dict[str, str]) -> None:
    assert "gamma" in names(client, filter="duration!=99d")
    assert len(names(client, filter="created>7d")) == 4
    for bad in ("created:7d", "created>9999-12-31"):
        assert client.get(RUNS, params={"filter": bad}).status_code == 422, bad


def test_queueing_again_under_a_key_happens_once(client: TestClient) -> None:
    run = client.post(RUNS, json=json.loads((EXAMPLES / "celsius.json").read_text())).json()
    body, headers = {"ids": [run["id"], "gone"], "action": "requeue"}, {"Idempotency-Key": "again"}
    first = client.post(f"{RUNS}/batch", json=body, headers=headers)
    assert [one["ok"] for one in first.json()["outcomes"]] == [True, False]
    assert client.post(f"{RUNS}/batch", json=body, headers=headers).json() == first.json()
    assert client.get(RUNS).json()["num_matching"] == 2


@pytest.mark.parametrize(
    "body",
    [{"action": "tag", "ids": []}, {"action": "delete"}, {"action": "x", "ids": []}, {"action": "tag", "value": "x"}],
)
def test_a_batch_says_which_and_what(client: TestClient, body: dict[str, Any]) -> None:
    assert client.post(f"{RUNS}/batch", json=body).status_code == 422


def test_files_go_with_their_run_and_the_disk_says_so(client: TestClient, some: dict[str, str], settings: Any) -> None:
    folder = settings.data_dir / "runs" / some["beta"]
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 5000)
    answer = client.delete(f"{RUNS}/{some['beta']}")
    assert answer.json() == {"freed_bytes": 5000}
    assert not folder.exists()


def test_what_may_come_next(client: TestClient, some: dict[str, str]) -> None:
    for text, some_of, kind in (
        ("", {"status", "tag", "optimizer.lr", "loss"}, "key"),
        ("opt", {"optimizer.lr", "optimizer.type"}, "key"),
        ("status:", {"running", "queued"}, "value"),
        ("loss<1 status:ru", {"running"}, "value"),
        ("tag:", {"base", '"a b"'}, "value"),
        ("optimizer.type:a", {"adam"}, "value"),
        ("project:", {"hearts"}, "value"),
    ):
        answer = client.get(f"{RUNS}/filter/completions", params={"q": text}).json()
        assert some_of <= {item["text"] for item in answer["items"] if item["kind"] == kind}
        assert answer["end"] == len(text)


def test_a_page_holds_its_place_when_runs_come(client: TestClient, db: Database, some: dict[str, str]) -> None:
    first = found(client, limit=2)
    record(db, "epsilon", {})
    second = found(client, limit=2, cursor=first["next_cursor"])
    assert [run["name"] for run in second["items"]] == ["beta", "alpha"]
    with db.write() as session:
        session.execute(update(Run).values(archived_at=now()))
    assert found(client)["num_matching"] == 0
