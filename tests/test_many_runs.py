"""Two workers and a queue of short runs, on both databases: each run once, nobody waits for a lock in vain."""

from typing import Any

import pytest

from app.settings import Settings
from tests.deck import Deck, deck, wait_for

PROGRAM: dict[str, Any] = {
    "name": "short",
    "dataset": {"name": "celsius", "source": {"type": "builtin", "name": "celsius"}},
    "model": {"layers": [{"type": "linear", "out_features": 1}]},
    "data": {"target": "fahrenheit", "split": {"type": "shares", "train": 1, "validation": 0, "test": 0}},
    "training": {"num_epochs": 5, "batch_size": None, "loss": {"type": "mse_loss"}},
}


def all_runs(one: Deck) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = one.get("/runs", params={"limit": 200} | ({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def check(settings: Settings, num_runs: int, timeout_s: float) -> None:
    with deck(settings, num_workers=2) as one:
        for _ in range(num_runs):
            one.post("/runs", PROGRAM)
        wait_for(lambda: all(run["finished_at"] for run in all_runs(one)), timeout_s, every_s=1)
        runs = all_runs(one)
        assert len(runs) == num_runs
        assert {run["status"] for run in runs} == {"succeeded"}
        assert {run["attempt"] for run in runs} == {1}
        assert {run["metrics"]["train/loss"]["num_points"] for run in runs} == {5}
        for run in runs:
            events = one.get(f"/runs/{run['id']}/events", params={"limit": 1000})["events"]
            assert [event["seq"] for event in events] == list(range(1, run["last_seq"] + 1))
            started = [event for event in events if event["kind"] == "status" and event["body"]["status"] == "running"]
            assert len(started) == 1
        assert len({run["worker"]["id"] for run in runs}) == 2, "both workers had their share"
        output = "".join(one.output(name) for name in one.processes)
    assert "locked" not in output
    assert "Traceback" not in output


@pytest.mark.full_on_postgres
def test_two_workers_share_a_queue(settings: Settings) -> None:
    check(settings, num_runs=6, timeout_s=180)


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_two_workers_share_a_long_queue(settings: Settings) -> None:
    check(settings.model_copy(update={"lease_s": 30.0, "beat_s": 10.0}), num_runs=400, timeout_s=1500)
