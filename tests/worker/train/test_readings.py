"""Readings of the machine and of the time of steps stand on the curves of a training, and change nothing of it."""

import itertools
import time
from dataclasses import replace

import psutil
import pytest
import torch

from worker.readings import Machine
from worker.train import closely, readings
from worker.train.phases import PHASES, Phased, Timing
from worker.train.trainer import Trainer

from .conftest import CPU, Bench, make_plan
from .test_trainer import curves, equal, tend_often, weights

__all__ = ["tend_often"]

ALWAYS = {
    *("system/cpu_percent", "system/process_cpu_percent", "system/memory_bytes", "system/process_memory_bytes"),
    *("system/disk_free_bytes", "time/samples_per_s"),
}


class Unhurried(Trainer):
    """Takes its time between two steps, so that there is something to read."""

    def _tend(self) -> None:
        time.sleep(0.005)
        super()._tend()


def test_readings_stand_at_steps_that_were_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "EVERY_S", 0.05)
    trainer = Unhurried(bench.claim(), make_plan(bench.run_id, num_epochs=20))
    trainer.resume()
    with trainer.read_along():
        trainer.fit()
    trainer.job.flush()
    found = curves(bench)
    read = {name: points for name, points in found.items() if name.startswith(("system/", "time/"))}
    assert read.keys() >= ALWAYS | {f"time/{phase}_s" for phase in PHASES}
    for name, (steps, values) in read.items():
        assert set(steps) <= set(found["train/loss"][0]), name
        assert list(steps) == sorted(set(steps)), name
        assert all(value >= 0 for value in values), name
    assert len(read["system/memory_bytes"][0]) > 2
    assert 0 < read["system/process_memory_bytes"][1][-1] < psutil.virtual_memory().total


def test_a_training_that_goes_on_reads_only_what_is_new(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "EVERY_S", 0.01)
    trainer = Trainer(bench.claim(), make_plan(bench.run_id))
    trainer.step = 8
    with trainer.read_along():
        time.sleep(0.1)
    trainer.job.flush()
    assert curves(bench) == {}


@pytest.mark.usefixtures("tend_often")
def test_steps_that_are_measured_are_the_same_steps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for after in (1, 1 << 60):
        monkeypatch.setattr(closely, "TIMED_AFTER", after)
        trainer = Trainer(bench.claim(), make_plan(bench.run_id, micro_batch_size=3))
        trainer.resume()
        trainer.fit()
        found.append((trainer.closely.timing.take() != {}, weights(trainer), torch.get_rng_state()))
    (measured, with_times, state), (plain, without, state_without) = found
    assert measured and not plain
    assert equal(with_times, without) and torch.equal(state, state_without)


def test_each_phase_is_told_of_each_piece_of_a_step_and_again_by_an_optimizer_that_searches() -> None:
    told: list[str] = []

    class Told:
        def enter(self, phase: str) -> None:
            told.append(phase)

        def leave(self) -> None:
            told.append("done")

    plan = make_plan("a-run", micro_batch_size=3)
    inputs, targets = plan.parts["train"].inputs[:5], plan.parts["train"].targets[:5]  # type: ignore[union-attr]
    Phased(plan, Told()).learn(inputs, targets, 0)
    assert told == ["optimizer", *["forward", "backward", "optimizer"] * 2, "done"]
    told.clear()
    searching = torch.optim.LBFGS(plan.model.parameters(), max_iter=3)
    Phased(replace(plan, optimizer=searching), Told()).learn(inputs, targets, 0)
    phases = [phase for phase, _ in itertools.groupby(told)]
    assert told.count("forward") >= 2 and phases == ["optimizer", *phases[1:-1], "done"]
    assert [phase for phase in phases if phase == "backward"] == ["backward"] * told.count("forward")


def test_the_phases_of_a_step_are_means_of_what_was_measured_since() -> None:
    timing = Timing(CPU)
    assert timing.take() == {}
    for _ in range(2):
        timing.begin()
        timing.enter("forward")
        time.sleep(0.002)
        timing.leave()
    timing.begin()  # and never done: a training that ends
    found = timing.take()
    assert found.keys() == set(PHASES)
    assert found["forward"] >= 0.002 and found["backward"] == 0
    assert timing.take() == {}


def test_a_gpu_that_its_driver_does_not_know_is_left_out(bench: Bench) -> None:
    machine = Machine(bench.settings.data_dir, {0: "GPU-of-nobody"})
    assert not any("gpu" in name for name in machine.read())
    machine.close()
