"""What a run tells of its layers, over REST: histograms by layer, and series that lists leave out."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import events, queue
from app.db import Database
from app.db.tables import Job, Run
from app.histograms import NUM_BINS, packed
from tests.recorded import record

RUNS = "/api/v1/runs"
SERIES = {"train/loss": [0.5, 0.4], "layers/0/grad_norm": [1.0, 2.0], "layers/0/mean": [0.0, 0.1]}


def told(step: int, bin: int) -> events.New:
    counts = packed([0] * bin + [7] + [0] * (NUM_BINS - bin - 1))
    layers = {name: {"weights": counts, "outputs": counts} for name in ("10", "2", "head")}
    return events.New("histograms", {"step": step, "layers": layers})


@pytest.fixture
def run_id(client: TestClient, db: Database) -> str:
    """Trained here; it went back to step 100 once, after what was told at 200."""
    run_id = record(db, "r", SERIES, is_running=True)
    inspected = {"layers": [{"name": name} for name in ("2", "10", "head")]}
    with db.write() as session:
        session.execute(update(Run).values(origin="worker", inspection=inspected))
        job_id = session.get_one(Run, run_id).job_id
        job = session.get_one(Job, job_id)
        claim = queue.Claim(job.id, job.attempt, job.kind, {}, job.worker_id or "")
        new = [told(100, 20), told(200, 30), events.New("rewind", {"to_step": 100}), told(200, 40)]
        fence = queue.fence(session, claim, lease_s=600, num_events=len(new))
        events.insert(session, job_id, fence.last_seq, fence.time, new)
    return run_id


def get(client: TestClient, run_id: str, **query: Any) -> Any:
    return client.get(f"{RUNS}/{run_id}/histograms", params=query)


def test_histograms_are_read_by_layer_without_what_a_rewind_took_back(client: TestClient, run_id: str) -> None:
    found = get(client, run_id, layer="10").json()
    assert found["layers"] == ["2", "10", "head"], "as the model has them"
    assert len(found["edges"]) == NUM_BINS - 1
    points = [(point["step"], point["counts"].index(7)) for point in found["weights"]]
    assert points == [(100, 20), (200, 40)]
    assert found["gradients"] == []
    assert get(client, run_id).json()["layer"] == "2"


def test_a_layer_that_is_not_there_is_told_with_those_that_are(client: TestClient, run_id: str) -> None:
    answer = get(client, run_id, layer="1")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["loc"] == ["layer"]
    assert "head" in answer.json()["errors"][0]["msg"]


def test_a_run_without_histograms_says_so_too(client: TestClient, db: Database) -> None:
    found = get(client, record(db, "r", {})).json()
    assert (found["layers"], found["layer"], found["weights"]) == ([], None, [])


def test_lists_leave_the_series_of_layers_out_and_curves_do_not(client: TestClient, run_id: str) -> None:
    assert client.get(RUNS).json()["items"][0]["metrics"].keys() == {"train/loss"}
    assert client.get(f"{RUNS}/{run_id}/metrics").json()["series"].keys() == SERIES.keys()
    offered = client.get(f"{RUNS}/filter/completions", params={"q": ""}).json()["items"]
    texts = {item["text"] for item in offered}
    assert "train/loss" in texts and not any(text.startswith("layers/") for text in texts)


def test_what_a_script_reports_by_such_a_name_is_listed(client: TestClient, db: Database) -> None:
    record(db, "r", SERIES)
    assert client.get(RUNS).json()["items"][0]["metrics"].keys() == SERIES.keys()
