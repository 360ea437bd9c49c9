"""The queue over REST, on both databases: shown, moved, given priority, cancelled; and what bad input gets."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import causes, queue
from app.causes import Cause
from app.db import Database
from tests import staged

QUEUE = "/api/v1/queue"


@pytest.fixture
def jobs(client: TestClient, db: Database) -> list[str]:
    """Three that wait, by name in the order of their submission: a, b, c."""
    return [staged.submit(db, name)[1] for name in "abc"]


def order(client: TestClient) -> list[str]:
    return [job["name"] for job in client.get(QUEUE).json()["waiting"]]


@pytest.mark.parametrize(
    ("which", "place", "expected"),
    [
        (2, {"before": 0}, "cab"),
        (0, {"after": 1}, "bac"),
        (1, {"to": "first"}, "bac"),
        (0, {"to": "last"}, "bca"),
    ],
)
def test_a_job_goes_where_it_is_put(
    client: TestClient, jobs: list[str], which: int, place: dict[str, Any], expected: str
) -> None:
    body = {key: jobs[value] if isinstance(value, int) else value for key, value in place.items()}
    answer = client.post(f"{QUEUE}/{jobs[which]}/move", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["position"] == expected.index("abc"[which]) + 1
    assert order(client) == list(expected)


@pytest.mark.parametrize("body", [{}, {"to": "first", "before": "x"}, {"to": "middle"}, {"beside": "x"}], ids=str)
def test_a_place_that_is_none_is_refused(client: TestClient, jobs: list[str], body: dict[str, Any]) -> None:
    answer = client.post(f"{QUEUE}/{jobs[0]}/move", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert order(client) == ["a", "b", "c"]


def test_one_that_runs_cannot_be_moved(client: TestClient, db: Database, jobs: list[str]) -> None:
    staged.claim(db, staged.add_worker(db))
    answer = client.post(f"{QUEUE}/{jobs[0]}/move", json={"to": "last"})
    assert answer.status_code == 409 and "running" in answer.json()["detail"]
    assert client.post(f"{QUEUE}/{jobs[2]}/move", json={"before": jobs[0]}).status_code == 409
    assert client.post(f"{QUEUE}/nothing/move", json={"to": "last"}).status_code == 404


def test_a_priority_goes_before_the_order(client: TestClient, jobs: list[str]) -> None:
    answer = client.patch(f"{QUEUE}/{jobs[2]}", json={"priority": 3})
    assert (answer.status_code, answer.json()["priority"], answer.json()["position"]) == (200, 3, 1)
    assert order(client) == ["c", "a", "b"]
    assert client.patch(f"{QUEUE}/{jobs[2]}", json={"priority": 10_000}).status_code == 422


def test_any_job_can_be_cancelled(client: TestClient, db: Database, jobs: list[str]) -> None:
    staged.claim(db, staged.add_worker(db))
    assert client.post(f"{QUEUE}/{jobs[0]}/cancel").json() == {"job_id": jobs[0], "status": "running"}
    assert client.get(QUEUE).json()["running"][0]["request"] == "cancel"
    assert client.post(f"{QUEUE}/{jobs[1]}/cancel").json()["status"] == "cancelled"
    assert order(client) == ["c"]
    assert client.post(f"{QUEUE}/{jobs[1]}/cancel").status_code == 409


def test_one_job_says_why_it_waits(client: TestClient, jobs: list[str]) -> None:
    assert client.get(f"{QUEUE}/{jobs[0]}").json()["why"] == "no worker is alive"
    assert client.get(f"{QUEUE}/nothing").status_code == 404


def test_an_export_that_runs_is_asked_to_stop_with_its_run(client: TestClient, db: Database) -> None:
    run_id, _ = staged.submit(db, "trained")
    worker_id = staged.add_worker(db)
    staged.finish(db, staged.claim(db, worker_id), took_s=1)
    export = staged.export_of(db, run_id)
    taken = staged.claim(db, worker_id)
    assert taken.job_id == export
    answer = client.delete(f"/api/v1/runs/{run_id}")
    assert answer.status_code == 409 and "asked to stop" in answer.json()["detail"]
    assert client.get(QUEUE).json()["running"][0]["request"] == "cancel"
    assert client.post(f"/api/v1/runs/{run_id}/cancel").status_code == 202, "asked already"
    with db.write() as session:
        queue.obey(session, taken, causes.stopped())
    assert client.post(f"/api/v1/runs/{run_id}/cancel").status_code == 409
    assert client.delete(f"/api/v1/runs/{run_id}").status_code in (200, 204)


def test_a_run_says_who_has_it_and_why_its_last_attempt_ended(client: TestClient, db: Database) -> None:
    run_id, _ = staged.submit(db, "evidence")
    worker_id = staged.add_worker(db, "worker 1")
    taken = staged.claim(db, worker_id)
    with db.write() as session:
        queue.crash(session, taken, Cause("killed", "It was killed.", details={"signal": "SIGKILL"}))
    staged.claim(db, worker_id, progress={"step": 1, "num_steps": 2, "device": "cpu"})
    run = client.get(f"/api/v1/runs/{run_id}").json()
    worker = run["worker"]
    assert (worker["name"], worker["host"], worker["pid"], worker["device"]) == ("worker 1", "rack-7", 1234, "cpu")
    assert 0 <= worker["heartbeat_age_s"] < 5 and 25 < worker["lease_left_s"] <= 30
    assert (run["attempt"], run["cause"]["signal"]) == (2, "SIGKILL")
    assert run["progress_at"]
