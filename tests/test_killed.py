"""Real processes killed in the middle of a run: it ends as if nobody had touched it.

The same program is trained undisturbed once, and then with something killed. The stream must have
no gap and no duplicate, every series the same points, and the weights must be equal bit for bit.
"""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psutil
import pytest
from safetensors.numpy import load
from sqlalchemy import select, update

from app import queue
from app.db import Database
from app.db.engine import IDLE_IN_TRANSACTION_S
from app.db.tables import Control
from app.settings import Settings
from tests.conftest import TOKEN
from tests.deck import Deck, deck, wait_for

# About two seconds of training, with a checkpoint every fifth of a second: long enough to be killed in.
PROGRAM: dict[str, Any] = {
    "name": "to be killed",
    "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
    "model": {
        "layers": [
            {"type": "linear", "out_features": 32},
            {"type": "relu"},
            {"type": "dropout", "p": 0.2},
            {"type": "linear", "out_features": 3},
        ]
    },
    "data": {
        "target": "species",
        "scale": "standardize",
        "split": {"type": "shares", "train": 0.7, "validation": 0.3, "test": 0.0, "seed": 1},
    },
    "training": {
        "num_epochs": 400,
        "batch_size": 16,
        "seed": 3,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "lr": 0.01},
        "metrics": [{"type": "accuracy"}],
        "checkpoint_every_s": 0.2,
    },
}
LONG = PROGRAM | {"training": PROGRAM["training"] | {"num_epochs": 10_000}}  # it is ended by the test


@dataclass
class Outcome:
    """What a run has left: the points of each series that follows from its seed, and the weights."""

    points: dict[str, Any]
    weights: dict[str, bytes]


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    """One deck for all that is on SQLite: to start one takes longer than most that is done to it here."""
    short = {"lease_s": 3, "beat_s": 0.4, "cancel_grace_s": 3, "slots": 1}
    with deck(Settings(data_dir=tmp_path_factory.mktemp("killed"), token=TOKEN, **short)) as one:
        yield one


@pytest.fixture(scope="module")
def calm(on_sqlite: Deck) -> Outcome:
    """What it comes to when nobody disturbs it."""
    run_id = on_sqlite.post("/runs", PROGRAM)["id"]
    assert on_sqlite.wait_until_ended(run_id)["status"] == "succeeded"
    return outcome(on_sqlite, run_id)


@pytest.fixture
def running(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Deck]:
    if not settings.database_url.startswith("sqlite"):
        with deck(settings) as one:
            yield one
        return
    one = request.getfixturevalue("on_sqlite")
    wait_for(lambda: not any(one.get("/queue")[part] for part in ("running", "waiting")))  # of the test before
    yield one
    if another := one.processes.pop("worker 2", None):
        another.terminate()
        another.wait(30)


def kill_child(one: Deck) -> None:
    wait_for(one.job_processes)[0].kill()


def kill_supervisor(one: Deck) -> None:
    one.kill("worker 1")
    one.start("worker 1")


def kill_server(one: Deck) -> None:
    one.kill("server")
    one.start("server")


def freeze_supervisor(one: Deck) -> None:
    """Silent for longer than its lease, while another worker takes over; then awake again."""
    frozen = [one.processes["worker 1"].pid, *(process.pid for process in one.job_processes())]
    # A process that is stopped while it holds SQLite's write lock stops every writer: that is the file's nature, not
    # the queue's, so nobody holds it at that moment but this test.
    database = Database(one.settings.database_url)
    with database.write() as session:
        session.execute(select(1))
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        # Asked for is not done: one that is just taking the lock would have it, and then stop.
        wait_for(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in frozen))
    database.dispose()
    try:
        one.start("worker 2")
        run_id = one.get("/runs")["items"][0]["id"]

        def is_taken_over() -> bool:
            run = one.run(run_id)
            return run["attempt"] == 2 or run["status"] != "running"

        # Postgres lets go of a frozen process's locks when its transaction has been idle for too long.
        wait_for(is_taken_over, timeout_s=IDLE_IN_TRANSACTION_S + 90)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)


def tell_to_stop(one: Deck) -> None:
    one.processes["worker 1"].terminate()
    assert one.processes["worker 1"].wait(30) == 0
    assert one.get("/runs")["items"][0]["status"] in ("queued", "succeeded")
    one.start("worker 1")


def points(one: Deck, run_id: str) -> dict[str, Any]:
    names = one.get(f"/runs/{run_id}/metrics")["series"]
    read = {}
    for name in names:
        answer = one.get(f"/runs/{run_id}/metrics", params={"name": name, "max_points": 10_000})
        series = answer["series"][0]
        assert series["raw"], name
        assert series["steps"] == sorted(set(series["steps"])), name
        if not name.startswith(("system/", "time/")):  # what the machine did meanwhile is another matter
            read[name] = (series["steps"], series["values"])
    return read


def stream(one: Deck, run_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while found := one.get(f"/runs/{run_id}/events", params={"after": len(events), "limit": 5000})["events"]:
        events += found
    return events


def outcome(one: Deck, run_id: str) -> Outcome:
    answer = one.http.get(f"/runs/{run_id}/artifacts/model.safetensors")
    assert answer.is_success, answer.text
    return Outcome(points(one, run_id), {name: weight.tobytes() for name, weight in load(answer.content).items()})


@pytest.mark.parametrize("kill", [pytest.param(kill_child, marks=pytest.mark.full), kill_server])
@pytest.mark.full_on_postgres
def test_a_run_goes_on_as_if_nothing_had_been_killed(
    calm: Outcome, running: Deck, kill: Callable[[Deck], None]
) -> None:
    check_that_it_ends_the_same(calm, running, kill)


@pytest.mark.parametrize("kill", [kill_supervisor, pytest.param(freeze_supervisor, marks=pytest.mark.full)])
@pytest.mark.full_on_postgres
def test_a_run_ends_as_if_nothing_had_been_killed(calm: Outcome, running: Deck, kill: Callable[[Deck], None]) -> None:
    check_that_it_ends_the_same(calm, running, kill)


def check_that_it_ends_the_same(calm: Outcome, running: Deck, kill: Callable[[Deck], None]) -> None:
    ended = end_of_one_disturbed_midway(running, kill, attempt=1 if kill is kill_server else 2)
    assert ended["status"] == "succeeded", ended["error"]
    events = stream(running, ended["id"])
    assert [event["seq"] for event in events] == list(range(1, ended["last_seq"] + 1))
    assert outcome(running, ended["id"]) == calm


def end_of_one_disturbed_midway(one: Deck, disturb: Callable[[Deck], None], attempt: int) -> dict[str, Any]:
    """What became of a run that was at work when it was disturbed, and needed so many attempts.

    A busy machine may hold this process up until the run is over: then another one is disturbed.
    """
    for _ in range(5):
        run_id = one.post("/runs", PROGRAM)["id"]
        one.wait_for_step(run_id, 400)
        began = datetime.now(UTC)
        disturb(one)
        ended = one.wait_until_ended(run_id)
        if ended["attempt"] == attempt and datetime.fromisoformat(ended["finished_at"]) > began:
            return ended
        one.wait_until_exported(run_id)
    raise AssertionError(f"five runs were over before anything happened to them: {ended['attempt']} attempts")


@pytest.mark.full
def test_what_was_asked_of_a_run_that_is_killed_holds_from_the_same_steps(running: Deck) -> None:
    run_id = running.post("/runs", PROGRAM)["id"]
    running.wait_for_step(run_id, 200)
    for said in ({"type": "set_lr", "lr": 0.002}, {"type": "set_num_epochs", "num_epochs": 500}):
        running.post(f"/runs/{run_id}/controls", said)
    asked = wait_for(lambda: done(running, run_id, 2))
    running.wait_for_step(run_id, asked[-1]["step"] + 50)
    kill_child(running)
    wait_for(lambda: running.run(run_id)["attempt"] == 2)
    stopped_at = running.run(run_id)["progress"]["step"] + 300
    running.wait_for_step(run_id, stopped_at)
    running.post(f"/runs/{run_id}/controls", {"type": "stop", "keep": "last"})
    ended = running.wait_until_ended(run_id)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended["error"]
    again = told_beforehand(running, done(running, run_id, 3) or [])
    assert outcome(running, run_id) == outcome(running, again)


def done(one: Deck, run_id: str, count: int) -> list[dict[str, Any]] | None:
    """What was asked, once all of it was done."""
    controls = one.get(f"/runs/{run_id}/controls")["items"]
    return controls if sum(each["step"] is not None for each in controls) == count else None


def told_beforehand(one: Deck, controls: list[dict[str, Any]]) -> str:
    """The same run undisturbed, which knows from its beginning what will be asked after which step."""
    one.processes["worker 1"].terminate()
    one.processes["worker 1"].wait(30)
    run = one.post("/runs", PROGRAM)
    database = Database(one.settings.database_url)
    with database.write() as session:
        for control in controls:
            said = {name: control[name] for name in ("type", "lr", "num_epochs", "keep") if control[name] is not None}
            number = queue.control(session, run["job_id"], said)
            here = (Control.job_id == run["job_id"], Control.number == number)
            session.execute(update(Control).where(*here).values(step=control["step"]))
    database.dispose()
    one.start("worker 1")
    assert one.wait_until_ended(run["id"])["status"] == "succeeded"
    return str(run["id"])


@pytest.mark.full
def test_a_run_that_is_paused_goes_on_when_it_is_resumed(calm: Outcome, running: Deck) -> None:
    run_id = running.post("/runs", PROGRAM)["id"]
    running.wait_for_step(run_id, 300)
    running.post(f"/runs/{run_id}/pause")
    paused = wait_for(lambda: (run := running.run(run_id))["status"] == "paused" and run)
    assert paused["checkpoints"][-1]["step"] == paused["metrics"]["train/loss"]["last_step"]
    wait_for(lambda: not running.job_processes())
    running.post(f"/runs/{run_id}/resume")
    ended = running.wait_until_ended(run_id)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert outcome(running, run_id) == calm


@pytest.mark.full_on_postgres
def test_what_killed_an_attempt_is_told_and_so_is_who_goes_on(running: Deck) -> None:
    run_id = running.post("/runs", LONG)["id"]
    running.wait_for_step(run_id, 300)
    before = running.run(run_id)["worker"]
    assert before["pid"] == wait_for(running.job_processes)[0].pid
    assert before["heartbeat_age_s"] < 2
    kill_child(running)
    wait_for(lambda: running.run(run_id)["attempt"] == 2)
    after = running.run(run_id)
    assert (after["cause"]["kind"], after["cause"]["signal"]) == ("killed", "SIGKILL")
    assert after["cause"]["peak_bytes"] > 10 << 20
    causes = [event["body"]["cause"] for event in stream(running, run_id) if "cause" in event["body"]]
    assert [cause["kind"] for cause in causes] == ["killed"]
    wait_for(lambda: (running.run(run_id)["worker"] or {}).get("pid") not in (None, before["pid"]))
    running.post(f"/runs/{run_id}/cancel")
    running.wait_until_ended(run_id)


@pytest.mark.full_on_postgres
def test_a_cancelled_run_keeps_what_it_has(running: Deck) -> None:
    run_id = running.post("/runs", LONG)["id"]
    running.wait_for_step(run_id, 500)
    running.post(f"/runs/{run_id}/cancel")
    ended = running.wait_until_ended(run_id)
    assert ended["status"] == "cancelled"
    assert ended["checkpoints"], "its state is saved before it stops"
    assert ended["metrics"]["train/loss"]["last_step"] >= 500
    answer = running.http.post(f"/runs/{run_id}/cancel")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.full
def test_a_worker_told_to_stop_gives_its_run_back_unharmed(calm: Outcome, running: Deck) -> None:
    ended = end_of_one_disturbed_midway(running, tell_to_stop, attempt=2)
    assert (ended["status"], ended["cause"]["kind"]) == ("succeeded", "stopped")
    assert outcome(running, ended["id"]) == calm


@pytest.mark.full_on_postgres
def test_the_server_says_when_it_is_not_there_and_comes_back(running: Deck) -> None:
    before = [run["id"] for run in running.get("/runs")["items"]]
    running.kill("server")
    with pytest.raises(httpx.TransportError):
        running.get("/runs")
    running.start("server")
    assert [run["id"] for run in running.get("/runs")["items"]] == before
