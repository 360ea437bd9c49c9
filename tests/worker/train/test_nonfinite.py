"""Numbers that break, and where that is found to be: in real trainings, gone through again."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from app import events
from app.errors import JobFailure
from worker.train import attempt, nonfinite
from worker.train import trainer as training
from worker.train.batches import Batches
from worker.train.gradients import Gradients
from worker.train.plan import Plan

from .conftest import CPU, Bench, make_parts, make_plan


def failure_of(bench: Bench, monkeypatch: pytest.MonkeyPatch, plan: Callable[[], Plan]) -> JobFailure:
    """How the job of a run ends that has this plan, and its only finding of the kind."""
    monkeypatch.setattr(attempt, "make_plan", lambda job, team=None: plan())
    with pytest.raises(JobFailure) as failure:
        attempt.run(bench.claim())
    bench.jobs[-1].flush()
    return failure.value


def bodies(bench: Bench, kind: str) -> list[dict[str, Any]]:
    with bench.db.read() as session:
        return [event.body for event in events.read(session, bench.job_id, kinds=[kind])]


def plan_of(bench: Bench, model: nn.Module, lr: float, **changes: Any) -> Plan:
    """Plain descent, unbounded, with layers that are called by their places."""
    fields = {
        "model": model,
        "gradients": Gradients(model, [], None),
        "optimizer": torch.optim.SGD(model.parameters(), lr),
        "rate": lambda step: lr,
        "layers": [name for name, _ in model.named_children()],
    }
    return make_plan(bench.run_id, **(fields | changes))


def seeded(*layers: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(*(layer() for layer in layers))


class Root(nn.Module):
    """Its slope at 0 is infinite, though its value is 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (x * 0).sqrt()


class Steep(nn.Module):
    """Makes of numbers beyond 1 enormous ones."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.exp(x.abs() * 80)


class Large(nn.Module):
    """Makes of numbers large ones, and of gradients."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1000


LINEARS = (lambda: nn.Linear(4, 8), lambda: nn.Linear(8, 3))
CASES: dict[str, tuple[tuple[Callable[[], nn.Module], ...], float, str, str | None]] = {
    "outputs": ((LINEARS[0], Steep, LINEARS[1]), 0.01, "outputs", "1"),
    "gradients": ((LINEARS[0], Root, LINEARS[1]), 0.01, "returned", "0"),
    "a step": ((LINEARS[0], Large, LINEARS[1]), 3e38, "step", "0"),
}
BROKEN_BY_A_STEP = CASES["a step"][0]


@pytest.mark.parametrize("name", CASES)
def test_the_first_layer_whose_numbers_break_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    layers, lr, what, layer = CASES[name]
    failure = failure_of(bench, monkeypatch, lambda: plan_of(bench, seeded(*layers), lr))
    assert failure.kind == "non_finite_loss"
    assert (failure.details["place"], failure.details["layer"]) == (what, layer)
    (finding,) = [body for body in bodies(bench, "finding") if body["kind"] == "not_finite"]
    assert finding["layers"] == [layer]
    assert finding["text"] in failure.message
    assert bodies(bench, "rewind") == [], "what is gone through again is not told"


def test_inputs_that_are_no_numbers_are_found_in_their_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan() -> Plan:
        parts = make_parts()
        parts["train"].inputs[17, 2] = math.nan
        batches = Batches(parts["train"], 5, 0, False, CPU, min_rows=2)
        return plan_of(bench, seeded(*LINEARS), 0.01, parts=parts, batches=batches)

    failure = failure_of(bench, monkeypatch, plan)
    assert (failure.details["place"], failure.details["step"]) == ("inputs", 4)
    assert "columns" in (failure.hint or "")


def test_it_is_found_from_a_checkpoint_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan() -> Plan:
        made = plan_of(bench, seeded(*BROKEN_BY_A_STEP), 0.01, checkpoint_every_s=0.0)
        return replace(made, rate=lambda step: 3e38 if step == 10 else 1e-9)

    monkeypatch.setattr(training, "TEND_EVERY_S", 0.0)
    learned: list[int] = []
    learn = training.Trainer._learn
    monkeypatch.setattr(training.Trainer, "_learn", lambda self, *rows: learned.append(self.step) or learn(self, *rows))
    failure = failure_of(bench, monkeypatch, plan)
    assert failure.details["step"] == 12
    assert "In step 11 " in failure.message
    assert learned.count(0) == 1, "it does not begin anew"
    assert learned.count(10) == 2


def test_weights_that_break_in_the_last_step_are_found_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan() -> Plan:
        made = plan_of(bench, seeded(*BROKEN_BY_A_STEP), 0.01)
        return replace(made, rate=lambda step: 3e38 if step == 23 else 1e-9)

    failure = failure_of(bench, monkeypatch, plan)
    assert failure.kind == "non_finite_weights"
    assert failure.details["place"] == "step"


def test_what_takes_too_long_is_not_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonfinite, "LIMIT_S", -1.0)

    def plan() -> Plan:
        made = plan_of(bench, seeded(*BROKEN_BY_A_STEP), 0.01)
        return replace(made, rate=lambda step: 3e38 if step == 10 else 1e-9)

    failure = failure_of(bench, monkeypatch, plan)
    assert failure.kind == "non_finite_loss"
    assert "place" not in failure.details
    assert any("did not show" in body["text"] for body in bodies(bench, "log"))
