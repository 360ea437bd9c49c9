"""Runs that a script reports, on both databases: each point once, whatever is sent again, whoever falls silent."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import queue
from app.db import Database, now
from app.db.tables import Job

pytestmark = pytest.mark.full_on_postgres

RUNS = "/api/v1/runs"
ID = "01kb0000000000000000000000"


def begin(client: TestClient, **said: Any) -> dict[str, Any]:
    answer = client.post(f"{RUNS}/reported", json={"name": "mine", **said})
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    return run


def send(client: TestClient, run: dict[str, Any], status: int = 200, **said: Any) -> dict[str, Any]:
    answer = client.post(f"{RUNS}/{run['id']}/points", json=said)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def series(steps: list[Any], values: list[Any], name: str = "train/loss") -> list[dict[str, Any]]:
    return [{"name": name, "steps": steps, "values": values}]


def points(client: TestClient, run: dict[str, Any], name: str = "train/loss") -> list[tuple[int, Any]]:
    found = client.get(f"{RUNS}/{run['id']}/metrics", params={"name": name}).json()["series"][0]
    return list(zip(found["steps"], found["values"], strict=True))


def look(client: TestClient, run: dict[str, Any]) -> dict[str, Any]:
    detail: dict[str, Any] = client.get(f"{RUNS}/{run['id']}").json()
    return detail


def fall_silent(db: Database, run: dict[str, Any]) -> None:
    with db.write() as session:
        session.execute(update(Job).where(Job.id == run["job_id"]).values(lease_until=now() - 1))
    with db.write() as session:
        assert queue.rescue(session) == [run["job_id"]]


def test_a_reported_run_lives_from_its_first_to_its_last_word(client: TestClient) -> None:
    run = begin(client, project="p", tags=["t"], config={"optimizer": {"lr": 0.1}})
    assert (run["status"], run["dataset"], run["model"], run["num_parameters"]) == ("running", None, None, 0)
    receipt = send(
        client,
        run,
        batch=1,
        series=[
            {"name": "train/loss", "steps": [1, 2, 3], "values": [0.5, "NaN", "-Infinity"], "times": [1e9, 2e9, 3e9]},
            {"name": "validation/accuracy", "steps": [3], "values": [1]},
        ],
        log=[{"text": "hello"}],
        progress={"num_steps": 10},
    )
    assert (receipt["num_points"], receipt["num_skipped"], receipt["last_batch"]) == (4, 0, 1)
    assert points(client, run) == [(1, 0.5), (2, "NaN"), (3, "-Infinity")]
    assert client.get(f"{RUNS}/{run['id']}/logs").json()["lines"][0]["text"] == "hello"
    ended = client.post(f"{RUNS}/{run['id']}/finish", json={}).json()
    assert ended["status"] == "succeeded" and ended["progress"] == {"step": 3, "num_steps": 10}
    assert look(client, run)["spec"] == {"config": {"optimizer": {"lr": 0.1}}}
    for words in ("origin:client", "optimizer.lr<0.2", "project:p", "tag:t"):
        found = client.get(RUNS, params={"filter": words})
        assert [one["id"] for one in found.json()["items"]] == [run["id"]], (words, found.text)


def test_a_log_is_read_from_its_end_back_and_for_some_words(client: TestClient) -> None:
    run = begin(client)
    for k in range(3):
        texts = [f"Größe {i}" if i % 600 == 0 else f"line {i}" for i in range(500 * k, 500 * k + 500)]
        send(client, run, batch=k + 1, log=[{"text": text} for text in texts])

    def read(**asked: Any) -> tuple[list[str], bool, list[int]]:
        answer = client.get(f"{RUNS}/{run['id']}/logs", params=asked)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [line["text"] for line in body["lines"]], body["has_earlier"], [line["seq"] for line in body["lines"]]

    found: list[str] = []
    before: dict[str, int] = {}
    has_earlier = True
    while has_earlier:
        lines, has_earlier, seqs = read(limit=700, **before)
        assert len(lines) == (700 if has_earlier else 100)
        found, before = lines + found, {"before": seqs[0]}
    assert len(found) == 1500 and found[:2] == ["Größe 0", "line 1"] and found[-1] == "line 1499"
    assert read(contains="GRÖßE", limit=2)[:2] == (["Größe 600", "Größe 1200"], True)
    assert read(contains="größe", limit=3)[:2] == (["Größe 0", "Größe 600", "Größe 1200"], False)
    assert read(contains="line 14", before=seqs[0]) == ([], False, [])
    assert client.get(f"{RUNS}/{run['id']}/logs", params={"contains": "x" * 201}).status_code == 422


def test_a_batch_that_comes_again_is_not_stored_again(client: TestClient) -> None:
    run = begin(client)
    for _ in range(2):
        send(client, run, batch=1, series=series([1, 2], [1, 2]), log=[{"text": "once"}])
    send(client, run, batch=2, series=series([3], [3]))
    again = send(client, run, batch=1, series=series([1, 2], [1, 2]), log=[{"text": "once"}])
    assert again["num_points"] == 0 and again["last_batch"] == 2
    assert points(client, run) == [(1, 1), (2, 2), (3, 3)]
    assert len(client.get(f"{RUNS}/{run['id']}/logs").json()["lines"]) == 1


def test_who_falls_silent_has_failed_and_goes_on_with_the_next_word(client: TestClient, db: Database) -> None:
    run = begin(client, writer="writer-one")
    send(client, run, batch=1, writer="writer-one", series=series([1], [1]))
    fall_silent(db, run)
    silent = look(client, run)
    assert silent["status"] == "failed" and silent["error"]["kind"] == "silent" and silent["error"]["hint"]
    send(client, run, batch=1, writer="writer-one", series=series([1], [1]))
    back = send(client, run, batch=2, writer="writer-one", series=series([2], [2]))
    assert back["attempt"] == 2 and back["num_points"] == 1
    alive = look(client, run)
    assert (alive["status"], alive["error"], alive["finished_at"]) == ("running", None, None)
    assert points(client, run) == [(1, 1), (2, 2)]


def test_a_sign_of_life_takes_up_a_silent_run_and_renews_the_lease(client: TestClient, db: Database) -> None:
    run = begin(client)
    fall_silent(db, run)
    assert send(client, run)["attempt"] == 2
    with db.write() as session:
        assert queue.rescue(session) == []


def test_a_silent_run_may_still_say_how_it_ended(client: TestClient, db: Database) -> None:
    run = begin(client)
    fall_silent(db, run)
    for _ in range(2):
        answer = client.post(f"{RUNS}/{run['id']}/finish", json={"status": "failed", "error": "out of memory"})
        assert answer.json()["error"] == {"kind": "script", "message": "out of memory", "hint": None}


def test_no_worker_is_given_a_reported_run(client: TestClient, db: Database) -> None:
    run = begin(client)
    with db.write() as session:
        assert queue.claim(session, "w", lease_s=1) is None
    fall_silent(db, run)
    with db.write() as session:
        assert queue.claim(session, "w", lease_s=1) is None


def test_another_writer_takes_a_run_over_from_a_step_and_shuts_out_the_first(client: TestClient) -> None:
    run = begin(client, writer="writer-one", config={"lr": 1})
    send(client, run, batch=7, writer="writer-one", series=series([1, 2, 3], [1, 2, 3]))
    for _ in range(2):
        taken = begin(client, id=run["id"], writer="writer-two", rewind_to=1, config={"again": True})
        assert (taken["id"], taken["attempt"]) == (run["id"], 2)
    send(client, run, 409, batch=8, writer="writer-one", series=series([4], [4]))
    send(client, run, batch=1, writer="writer-two", series=series([2], [20]))
    assert points(client, run) == [(1, 1), (2, 20)]
    assert look(client, run)["spec"]["config"] == {"lr": 1, "again": True}


def test_a_writer_that_was_shut_out_does_not_come_back_by_beginning_again(client: TestClient) -> None:
    run = begin(client, writer="writer-one")
    begin(client, id=run["id"], writer="writer-two")
    begin(client, id=run["id"], writer="writer-three")
    for late in ("writer-one", "writer-two"):
        answer = client.post(f"{RUNS}/reported", json={"id": run["id"], "resume": "allow", "writer": late})
        assert answer.status_code == 409 and "Another script" in answer.json()["detail"]
    assert send(client, run, batch=1, writer="writer-three", series=series([1], [1]))["attempt"] == 3


def test_a_run_that_has_ended_takes_nothing_more_until_it_is_resumed(client: TestClient) -> None:
    run = begin(client)
    send(client, run, batch=1, series=series([1], [1]))
    client.post(f"{RUNS}/{run['id']}/finish", json={})
    assert send(client, run, batch=1, series=series([1], [1]))["num_points"] == 0
    refused = send(client, run, 409, batch=2, series=series([2], [2]))
    assert "succeeded" in refused["detail"] and "resume" in refused["hint"]
    begin(client, id=run["id"])
    send(client, run, batch=1, series=series([2], [2]))
    assert points(client, run) == [(1, 1), (2, 2)]


def test_a_run_may_be_begun_under_an_id_of_the_clients_choice_as_often_as_it_asks(client: TestClient) -> None:
    assert client.post(f"{RUNS}/reported", json={"id": ID}).status_code == 404
    first = begin(client, id=ID, resume="allow", writer="writer-one")
    again = begin(client, id=ID, resume="allow", writer="writer-one")
    assert (first["id"], again["attempt"], again["job_id"]) == (ID, 1, first["job_id"])


def test_steps_are_put_in_order_and_each_step_has_one_value(client: TestClient) -> None:
    run = begin(client)
    first = send(client, run, batch=1, series=series([3, 1, 2, 3], [30, 10, 20, 31]))
    assert (first["num_points"], first["num_skipped"]) == (3, 1)
    second = send(client, run, batch=2, series=series([2, 3, 4], [0, 0, 40]))
    assert (second["num_points"], second["num_skipped"]) == (1, 2)
    assert points(client, run) == [(1, 10), (2, 20), (3, 31), (4, 40)]


def test_points_of_a_batch_may_follow_a_rewind(client: TestClient) -> None:
    run = begin(client)
    send(client, run, batch=1, series=series([1, 2, 3], [1, 2, 3]))
    for _ in range(2):
        send(client, run, batch=2, rewind_to=1, series=series([2], [20]))
    assert points(client, run) == [(1, 1), (2, 20)]
    assert look(client, run)["progress"]["step"] == 2


def test_cancelling_is_told_to_the_script_which_then_says_that_it_has_stopped(client: TestClient) -> None:
    run = begin(client)
    assert client.post(f"{RUNS}/{run['id']}/cancel").status_code == 202
    assert send(client, run, batch=1)["request"] == "cancel"
    ended = client.post(f"{RUNS}/{run['id']}/finish", json={"status": "cancelled"}).json()
    assert ended["status"] == "cancelled"


@pytest.mark.parametrize(
    ("said", "loc"),
    [
        ({"series": series([1, 2], [1])}, ["series", 0]),
        ({"series": series([1], [1], "")}, ["series", 0, "name"]),
        ({"series": series([1], [1], "a<b")}, ["series", 0, "name"]),
        ({"series": series([1], [1], "x" * 201)}, ["series", 0, "name"]),
        ({"series": series([-1], [1])}, ["series", 0, "steps", 0]),
        ({"series": series([1.5], [1])}, ["series", 0, "steps", 0]),
        ({"series": series([1], ["much"])}, ["series", 0, "values", 0]),
        ({"series": series([1], [None])}, ["series", 0, "values", 0]),
        ({"series": series([1], [1]) * 2}, ["series", 1, "name"]),
        ({"series": [{"name": "a", "steps": [1], "values": [1], "times": ["NaN"]}]}, ["series", 0, "times", 0]),
        ({"batch": 0}, ["batch"]),
        ({"log": [{"text": "a", "level": "loud"}]}, ["log", 0, "level"]),
        ({"points": []}, ["points"]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told_with_its_place(client: TestClient, said: dict[str, Any], loc: list[Any]) -> None:
    run = begin(client)
    problem = send(client, run, 422, **({"batch": 1} | said))
    assert [error["loc"] for error in problem["errors"]] == [loc]
    assert look(client, run)["metrics"] == {}
