"""A profile is what ran in so many steps, as files of the run; the training is the one that it would have been."""

import gzip
import json
from typing import Any

import pytest
import torch
from sqlalchemy import select

from app.db.tables import Artifact
from worker.train.profiling import WARMUP_STEPS

from .conftest import Bench
from .test_steering import Asked, Killed, fit, look_at_every_epoch, orders, plan_of
from .test_trainer import bodies, curves, equal, tend_often, weights

__all__ = ["look_at_every_epoch", "tend_often"]

ASKED = {"type": "profile", "num_steps": 3}


def files(bench: Bench) -> dict[str, bytes]:
    with bench.db.read() as session:
        rows = list(session.scalars(select(Artifact).where(Artifact.run_id == bench.run_id)))
    return {row.name: (bench.settings.data_dir / row.path).read_bytes() for row in rows}


def spans(trace: bytes) -> list[str]:
    """The names of what took time, in a file that Perfetto opens."""
    events: list[dict[str, Any]] = json.loads(gzip.decompress(trace))["traceEvents"]
    return [event["name"] for event in events if event.get("ph") == "X"]


def test_a_profile_has_the_steps_that_were_asked_for(bench: Bench) -> None:
    fit(Asked(bench.claim(), plan_of(bench), {6: ASKED}))
    assert orders(bench) == [("profile", 6, None)]
    found = files(bench)
    assert sorted(found) == ["profile-6-operators.json", "profile-6.json.gz"]
    names = spans(found["profile-6.json.gz"])
    assert sum(name.startswith("ProfilerStep") for name in names) == 3
    assert names.count("backward") == names.count("forward") == 3
    summary = json.loads(found["profile-6-operators.json"])
    assert (summary["step"], summary["num_steps"], summary["device"]) == (6 + WARMUP_STEPS, 3, "cpu")
    assert summary["trace"] == "profile-6.json.gz" and summary["took_s"] > 0
    counts = {row["name"]: row["count"] for row in summary["operators"]}
    assert counts["aten::addmm"] == 2 * (3 + 1)  # two layers, and the validation after step 8
    times = [row["self_s"] for row in summary["operators"]]
    assert times == sorted(times, reverse=True)
    assert {body["name"] for body in bodies(bench, "artifact")} == set(found)


def test_a_training_that_is_profiled_is_the_same(bench: Bench) -> None:
    profiled = fit(Asked(bench.claim(), plan_of(bench), {6: ASKED, 14: ASKED}))
    found, state = weights(profiled), torch.get_rng_state()
    curve = curves(bench)["train/loss"]
    plain = fit(Asked(bench.claim(), plan_of(bench), {}))
    assert equal(found, weights(plain)) and torch.equal(state, torch.get_rng_state())
    assert curves(bench)["train/loss"] == curve


def test_a_training_that_ends_before_leaves_what_there_is(bench: Bench) -> None:
    fit(Asked(bench.claim(), plan_of(bench), {21: ASKED}))
    assert json.loads(files(bench)["profile-21-operators.json"])["num_steps"] == 24 - 21 - WARMUP_STEPS


@pytest.mark.parametrize(("save_at", "profiled"), [(5, True), (8, False)])
def test_a_profile_is_taken_again_unless_the_training_goes_on_behind_its_step(
    bench: Bench, save_at: int, profiled: bool
) -> None:
    first = Asked(bench.claim(), plan_of(bench), {6: ASKED}, save_at=save_at, kill_at=9)
    with pytest.raises(Killed):
        fit(first)
    assert files(bench) == {}
    with bench.db.write() as session:
        for row in session.scalars(select(Artifact)):
            session.delete(row)
    fit(Asked(bench.claim(), plan_of(bench), {}))
    assert bool(files(bench)) is profiled
    assert orders(bench) == [("profile", 6, None)]
