"""A run under way over REST, on both databases: paused, resumed, changed while it trains; and what cannot be asked."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import causes, queue
from app.db import Database, now
from app.db.tables import Checkpoint, Job
from app.queue import Claim
from tests import staged

RUNS = "/api/v1/runs"


@pytest.fixture
def run_id(db: Database) -> str:
    """One that waits."""
    return staged.submit(db, "steered")[0]


@pytest.fixture
def taken(db: Database, run_id: str) -> Claim:
    """The same, running, with three epochs done."""
    worker_id = staged.add_worker(db, heartbeat_at=now() + 600)  # alive, however long the test takes
    return staged.claim(db, worker_id, progress={"epoch": 3, "num_epochs": 10, "step": 30, "num_steps": 100})


def obey(db: Database, taken: Claim) -> None:
    with db.write() as session:
        queue.obey(session, taken, causes.stopped())


def post(client: TestClient, run_id: str, verb: str, **body: Any) -> Any:
    return client.post(f"{RUNS}/{run_id}/{verb}", json=body or None)


def test_a_waiting_run_is_paused_and_resumed(client: TestClient, run_id: str) -> None:
    paused = post(client, run_id, "pause")
    assert (paused.status_code, paused.json()["status"]) == (202, "paused")
    assert [run["id"] for run in client.get(RUNS, params={"filter": "status:paused"}).json()["items"]] == [run_id]
    shown = client.get("/api/v1/queue").json()
    assert [one["run_id"] for one in shown["paused"]] == [run_id] and not shown["waiting"]
    assert client.delete(f"{RUNS}/{run_id}").status_code == 409
    resumed = post(client, run_id, "resume")
    assert (resumed.status_code, resumed.json()["status"]) == (202, "queued")
    assert post(client, run_id, "resume").status_code == 409


def test_a_running_run_says_what_was_asked_until_its_worker_has_obeyed(
    client: TestClient, db: Database, run_id: str, taken: Claim
) -> None:
    run = post(client, run_id, "pause").json()
    assert (run["status"], run["request"]) == ("running", "pause")
    assert client.get("/api/v1/queue").json()["running"][0]["request"] == "pause"
    obey(db, taken)
    run = client.get(f"{RUNS}/{run_id}").json()
    assert (run["status"], run["request"], run["worker"], run["cause"]["kind"]) == ("paused", None, None, "paused")
    (shown,) = client.get("/api/v1/queue").json()["paused"]
    assert (shown["name"], shown["share"]) == ("steered", 0.3)


def test_a_cancelled_run_goes_on_from_its_checkpoint(
    client: TestClient, db: Database, run_id: str, taken: Claim
) -> None:
    post(client, run_id, "cancel")
    obey(db, taken)
    refused = post(client, run_id, "resume")
    assert refused.status_code == 409 and "no checkpoint" in refused.json()["detail"]
    with db.write() as session:
        files = {"path": "x", "size_bytes": 1, "sha256": {}}
        session.add(Checkpoint(job_id=taken.job_id, attempt=1, step=5, epoch=1, created_at=now(), **files))
    run = post(client, run_id, "resume").json()
    assert (run["status"], run["finished_at"], run["error"]) == ("queued", None, None)


def test_what_is_asked_is_listed_with_its_step(client: TestClient, db: Database, run_id: str, taken: Claim) -> None:
    asked: list[dict[str, Any]] = [{"type": "set_lr", "lr": 0.0003}, {"type": "set_num_epochs", "num_epochs": 3}]
    for body in (*asked, {"type": "profile", "num_steps": 5}):
        answer = post(client, run_id, "controls", **body)
        assert answer.status_code == 202, answer.text
        assert answer.json()["step"] is None and answer.json().items() >= body.items()
    stop = post(client, run_id, "controls", type="stop").json()
    assert (stop["number"], stop["keep"]) == (4, "best")
    with db.write() as session:
        queue.settle_control(session, taken, 2, 35, {"num_epochs": 4})
    run = client.get(f"{RUNS}/{run_id}").json()
    listed = client.get(f"{RUNS}/{run_id}/controls").json()["items"]
    assert run["controls"] == listed
    assert [(one["type"], one["step"], one["num_epochs"]) for one in listed] == [
        ("set_lr", None, None),
        ("set_num_epochs", 35, 4),
        ("profile", None, None),
        ("stop", None, None),
    ]
    assert run["num_epochs"] == 4, "as it was done, not as it was asked"


def test_a_script_tells_what_it_does_not_repeat(client: TestClient, db: Database, run_id: str, taken: Claim) -> None:
    plain = client.get(f"{RUNS}/{run_id}/script").text
    for body in ({"type": "set_lr", "lr": 0.002}, {"type": "stop"}, {"type": "profile"}):
        post(client, run_id, "controls", **body)
    with db.write() as session:
        queue.settle_control(session, taken, 1, 35, {})
        queue.settle_control(session, taken, 3, 35, {})  # a look changes nothing
    told = client.get(f"{RUNS}/{run_id}/script").text
    lines = told.splitlines()
    assert "#   after step 35: set lr, 0.002" in lines and "stop" not in told.partition("import")[0]
    compile(told, "train.py", "exec")
    assert [line for line in lines if line not in plain.splitlines()] == lines[
        lines.index("#   after step 35: set lr, 0.002") - 1 :
    ][:2]


def test_a_key_sent_twice_asks_once(client: TestClient, run_id: str, taken: Claim) -> None:
    for _ in range(2):
        body, key = {"type": "set_lr", "lr": 0.1}, {"Idempotency-Key": "once"}
        assert client.post(f"{RUNS}/{run_id}/controls", json=body, headers=key).json()["number"] == 1
    assert len(client.get(f"{RUNS}/{run_id}/controls").json()["items"]) == 1


def test_a_paused_run_that_is_to_stop_is_queued_for_its_end(
    client: TestClient, db: Database, run_id: str, taken: Claim
) -> None:
    post(client, run_id, "pause")
    obey(db, taken)
    assert post(client, run_id, "controls", type="stop", keep="last").status_code == 202
    assert client.get(f"{RUNS}/{run_id}").json()["status"] == "queued"


def test_a_run_that_is_to_pause_and_then_to_stop_stops(client: TestClient, run_id: str, taken: Claim) -> None:
    post(client, run_id, "pause")
    assert post(client, run_id, "controls", type="stop", keep="last").status_code == 202
    run = client.get(f"{RUNS}/{run_id}").json()
    assert (run["status"], run["request"]) == ("running", None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"type": "checkpoint"}, "nothing to save"),
        ({"type": "stop"}, "has not begun"),
    ],
    ids=str,
)
def test_what_makes_no_sense_of_a_run_that_waits_is_refused(
    client: TestClient, run_id: str, body: dict[str, Any], words: str
) -> None:
    answer = post(client, run_id, "controls", **body)
    assert answer.status_code == 409 and words in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert not client.get(f"{RUNS}/{run_id}/controls").json()["items"]


@pytest.mark.parametrize(
    ("schedule", "status"),
    [({"type": "cyclic", "max_lr": 0.1}, 409), ({"type": "one_cycle", "max_lr": 1}, 409), ({"type": "one_cycle"}, 202)],
    ids=str,
)
def test_a_rate_that_its_schedule_would_not_heed_is_refused(
    client: TestClient, schedule: dict[str, Any], status: int
) -> None:
    training = staged.PROGRAM["training"] | {"schedule": schedule}
    run_id = client.post(RUNS, json=staged.PROGRAM | {"training": training}).json()["id"]
    answer = post(client, run_id, "controls", type="set_lr", lr=0.1)
    assert answer.status_code == status
    assert status == 202 or "rates of its own" in answer.json()["detail"]


def test_epochs_that_are_done_stay_done(client: TestClient, run_id: str, taken: Claim) -> None:
    answer = post(client, run_id, "controls", type="set_num_epochs", num_epochs=2)
    assert answer.status_code == 409 and "3 epochs already" in answer.json()["detail"]
    assert not client.get(f"{RUNS}/{run_id}/controls").json()["items"]


@pytest.mark.parametrize(
    ("body", "loc", "words"),
    [
        ({"type": "set_lr", "lr": -1}, ["lr"], "greater than 0"),
        ({"type": "set_lr"}, ["lr"], "'lr' is missing"),
        ({"type": "set_lr", "lr": 1, "epochs": 3}, ["epochs"], "not known"),
        ({"type": "set_num_epochs", "num_epochs": 1.5}, ["num_epochs"], "whole number"),
        ({"type": "stop", "keep": "first"}, ["keep"], "'best' or 'last'"),
        ({"type": "time_limit"}, ["type"], "there are: checkpoint, stop, set_lr, set_num_epochs"),
        ({"type": "setlr", "lr": 1}, ["type"], "did you mean set_lr?"),
        ({"lr": 1}, ["type"], "say which type it is"),
        (None, [], "'body' is missing"),
    ],
    ids=str,
)
def test_bad_input_is_told_at_its_place(
    client: TestClient, run_id: str, body: dict[str, Any] | None, loc: list[str], words: str
) -> None:
    answer = client.post(f"{RUNS}/{run_id}/controls", json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["loc"] == loc and words in problem["msg"]


def test_a_run_that_has_ended_is_left_alone(client: TestClient, db: Database, run_id: str, taken: Claim) -> None:
    staged.finish(db, taken, took_s=1)
    for verb, body in (("pause", {}), ("resume", {}), ("controls", {"type": "set_lr", "lr": 1})):
        answer = post(client, run_id, verb, **body)
        assert answer.status_code == 409 and "succeeded" in answer.json()["detail"], verb
    assert post(client, "0" * 26, "pause").status_code == 404


def test_a_run_begins_after_another_has_succeeded(client: TestClient, db: Database, run_id: str, taken: Claim) -> None:
    after = staged.PROGRAM | {"name": "second", "after": run_id}
    assert client.post(f"{RUNS}/check", json=after).json()["ok"]
    second = client.post(RUNS, json=after).json()
    assert (second["status"], second["after"]) == ("queued", {"id": run_id, "name": "steered"})
    (shown,) = client.get("/api/v1/queue").json()["waiting"]
    assert shown["why"] == "waits for the run steered to succeed"
    assert "after" not in client.get(f"{RUNS}/{second['id']}").json()["spec"]
    staged.finish(db, taken, took_s=1)
    assert client.get(f"{RUNS}/{second['id']}").json()["after"] is None
    assert "steered" not in client.get("/api/v1/queue").json()["waiting"][0]["why"]


def test_a_run_waits_for_its_dataset_and_for_another(client: TestClient, db: Database) -> None:
    first = client.post(RUNS, json=staged.PROGRAM | {"name": "first"}).json()
    second = client.post(RUNS, json=staged.PROGRAM | {"name": "second", "after": first["id"]}).json()
    assert second["after"]["id"] == first["id"] and second["waits_for"] == first["waits_for"]
    client.post(f"{RUNS}/{first['id']}/cancel")
    ended = client.get(f"{RUNS}/{second['id']}").json()
    assert (ended["status"], ended["error"]["kind"]) == ("failed", "not_started")


def test_what_a_run_cannot_come_after_is_told_at_its_place(client: TestClient, run_id: str) -> None:
    client.post(f"{RUNS}/{run_id}/cancel")
    for after, words in (("0" * 26, "no run with this id"), (run_id, "ended as cancelled")):
        body = staged.PROGRAM | {"after": after}
        (problem,) = client.post(RUNS, json=body).json()["errors"]
        assert problem["loc"] == ["after"] and words in problem["msg"]
        assert client.post(f"{RUNS}/check", json=body).json()["errors"] == [problem]


def test_a_run_may_begin_with_the_weights_of_the_one_that_it_comes_after(client: TestClient, run_id: str) -> None:
    training = staged.PROGRAM["training"] | {"start_from": {"run_id": run_id}}
    assert not client.post(f"{RUNS}/check", json=staged.PROGRAM | {"training": training}).json()["ok"]
    assert client.post(RUNS, json=staged.PROGRAM | {"training": training, "after": run_id}).status_code == 201


def test_a_run_says_how_often_it_may_die(client: TestClient, db: Database, run_id: str) -> None:
    training = staged.PROGRAM["training"]
    usual, once = (
        client.post(RUNS, json=staged.PROGRAM).json(),
        staged.PROGRAM | {"training": training | {"max_crashes": 1}},
    )
    rare = client.post(RUNS, json=once).json()
    with db.read() as session:
        assert [session.get_one(Job, run["job_id"]).max_crashes for run in (usual, rare)] == [3, 1]
    assert "max_crashes" not in client.get(f"{RUNS}/{usual['id']}").json()["spec"]["training"]
    assert client.get(f"{RUNS}/{rare['id']}").json()["spec"]["training"]["max_crashes"] == 1


def test_many_runs_are_paused_and_resumed_at_once(client: TestClient, db: Database) -> None:
    ids = [staged.submit(db, name)[0] for name in "ab"]
    with db.write() as session:
        session.execute(update(Job).values(status="succeeded").where(Job.kind != "train"))
    for action, status in (("pause", "paused"), ("resume", "queued")):
        done = client.post(f"{RUNS}/batch", json={"ids": ids, "action": action}).json()
        assert done["num_ok"] == 2, done
        assert {run["status"] for run in client.get(RUNS).json()["items"]} == {status}
