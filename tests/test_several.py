"""Trainings by several processes, as real ones: whatever ends one of them ends all, says which, and the run goes on."""

import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from app.settings import Settings
from tests.conftest import TOKEN
from tests.deck import Deck, deck, wait_for
from tests.test_killed import LONG, PROGRAM, Outcome, outcome

# With dropout, whose masks differ from process to process: what goes on must draw the same.
SEVERAL: dict[str, Any] = PROGRAM | {"training": PROGRAM["training"] | {"num_processes": 2, "num_epochs": 50}}
ENDLESS: dict[str, Any] = LONG | {"training": LONG["training"] | {"num_processes": 2}}


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    with deck(Settings(data_dir=tmp_path_factory.mktemp("several"), token=TOKEN, slots=1)) as one:
        yield one


@pytest.fixture(scope="module")
def calm(working: Deck) -> Outcome:
    """What it comes to when nobody disturbs it."""
    run_id = working.post("/runs", SEVERAL)["id"]
    assert working.wait_until_ended(run_id)["status"] == "succeeded"
    return outcome(working, run_id)


def ranks(one: Deck) -> list[psutil.Process]:
    """The processes of a training: first the launcher's forkserver has two children, in the order of their ranks."""

    def found() -> list[psutil.Process] | None:
        for process in one.job_processes():
            children = sorted(process.children(), key=lambda child: child.pid)
            if len(children) == 2 and not any(child.children() for child in children):
                return children
        return None

    return wait_for(found)


def begun(one: Deck, body: dict[str, Any]) -> tuple[str, list[psutil.Process]]:
    run_id: str = one.post("/runs", body)["id"]
    one.wait_for_step(run_id, 100)
    return run_id, ranks(one)


@pytest.mark.full
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_all_and_the_run_goes_on_to_the_same_bits(
    working: Deck, calm: Outcome, rank: int
) -> None:
    run_id, processes = begun(working, SEVERAL)
    processes[rank].kill()
    psutil.wait_procs(processes, timeout=20)
    assert not any(process.is_running() for process in processes)
    ended = working.wait_until_ended(run_id)
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2), ended["error"]
    lines = [line["text"] for line in working.get(f"/runs/{run_id}/logs")["lines"]]
    assert any(f"Rank {rank} of 2 processes" in line and "SIGKILL" in line for line in lines), lines
    assert outcome(working, run_id) == calm


@pytest.mark.full
def test_processes_end_with_their_launcher(working: Deck, calm: Outcome) -> None:
    run_id, processes = begun(working, SEVERAL)
    launcher = processes[0].parent().parent()
    launcher.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=20)
    assert not any(process.is_running() for process in processes)
    assert working.wait_until_ended(run_id)["status"] == "succeeded"
    assert outcome(working, run_id) == calm


@pytest.mark.full
def test_a_worker_that_is_told_to_stop_gives_the_run_back_saved(working: Deck, calm: Outcome) -> None:
    run_id, processes = begun(working, SEVERAL)
    worker = working.processes["worker 1"]
    worker.terminate()
    assert worker.wait(30) == 0
    assert not any(process.is_running() for process in processes)
    assert working.run(run_id)["status"] == "queued"
    working.start("worker 1")
    assert working.wait_until_ended(run_id)["status"] == "succeeded"
    assert outcome(working, run_id) == calm


@pytest.mark.full
def test_a_cancelled_run_ends_in_all_processes_and_is_resumed(working: Deck) -> None:
    run_id, processes = begun(working, ENDLESS)
    working.post(f"/runs/{run_id}/cancel")
    assert working.wait_until_ended(run_id)["status"] == "cancelled"
    psutil.wait_procs(processes, timeout=20)
    assert not any(process.is_running() for process in processes)
    step = working.run(run_id)["progress"]["step"]
    working.post(f"/runs/{run_id}/resume")
    working.wait_for_step(run_id, step + 50)
    working.post(f"/runs/{run_id}/controls", {"type": "set_lr", "lr": 0.001})
    working.post(f"/runs/{run_id}/controls", {"type": "stop"})
    assert working.wait_until_ended(run_id)["status"] == "succeeded"
