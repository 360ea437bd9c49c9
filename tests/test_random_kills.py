"""The gallery's programs killed at random moments, again and again: each ends in the same bits as if nobody had."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import psutil
import pytest

from app import gallery
from app.settings import Settings
from tests.conftest import TOKEN
from tests.deck import ENDED, Deck, deck, wait_for
from tests.test_killed import Outcome, outcome, stream

# The programs 1 to 5, and for how many epochs each trains for a second or so.
PROGRAMS = {"celsius": 3000, "xor-adam": 3000, "heart-builtin": 60, "digits-builtin": 5, "sequences": 2}
SEVERAL = 5  # kills of one run
NUM_KILLS = [1, pytest.param(19, marks=pytest.mark.full)]


def program(name: str) -> dict[str, Any]:
    body = gallery.definition(name)
    changed = {"num_epochs": PROGRAMS[name], "checkpoint_every_s": 0.1, "max_crashes": 100}
    return body | {"training": body["training"] | changed}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deck]:
    with deck(Settings(data_dir=tmp_path_factory.mktemp("killed"), token=TOKEN, slots=1)) as one:
        yield one


@pytest.fixture(scope="module")
def calm(running: Deck) -> dict[str, tuple[Outcome, float]]:
    """What each comes to when nobody disturbs it, and how many seconds that takes; by name, as far as it was asked."""
    return {}


def undisturbed(one: Deck, name: str, calm: dict[str, tuple[Outcome, float]]) -> tuple[Outcome, float]:
    if name not in calm:
        run_id = one.post("/runs", program(name))["id"]
        ended = one.wait_until_ended(run_id)
        assert ended["status"] == "succeeded"
        began_at, ended_at = (datetime.fromisoformat(ended[name]) for name in ("started_at", "finished_at"))
        calm[name] = outcome(one, run_id), (ended_at - began_at).total_seconds()
    return calm[name]


def kill_at_random(one: Deck, run_id: str, moments: Iterator[float], limit: int) -> int:
    """Kill its process at such a moment after each attempt's beginning, until it ends. Returns how often that was."""
    for attempt in range(1, limit + 1):

        def at_work(attempt: int = attempt) -> dict[str, Any] | None:
            run = one.run(run_id)
            is_there = run["status"] == "running" and run["attempt"] == attempt and (run["worker"] or {}).get("pid")
            return run if is_there or run["status"] in ENDED else None

        run = wait_for(at_work, every_s=0.01)
        if run["status"] in ENDED:
            break
        time.sleep(next(moments))
        with suppress(psutil.NoSuchProcess):
            psutil.Process(run["worker"]["pid"]).kill()
    num_killed: int = one.wait_until_ended(run_id)["attempt"] - 1
    return num_killed


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("num_kills", NUM_KILLS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_killed_at_random_moments_ends_in_the_same_bits(
    running: Deck, calm: dict[str, tuple[Outcome, float]], name: str, num_kills: int
) -> None:
    expected, took_s = undisturbed(running, name, calm)
    chance = random.Random(f"{name} {num_kills}")
    moments = iter(lambda: chance.uniform(0, 0.7 * took_s), None)
    left = num_kills
    while left > 0:
        run_id = running.post("/runs", program(name))["id"]
        left -= kill_at_random(running, run_id, moments, min(left, SEVERAL))
        ended = running.run(run_id)
        assert ended["status"] == "succeeded", ended["error"]
        events = stream(running, run_id)
        assert [event["seq"] for event in events] == list(range(1, ended["last_seq"] + 1))
        assert outcome(running, run_id) == expected
