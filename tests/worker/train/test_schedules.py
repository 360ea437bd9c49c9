from types import SimpleNamespace
from typing import Any

import pytest
import torch

from worker.train import schedules

NUM_STEPS, PER_EPOCH, LR = 60, 6, 0.1


def schedule(type: str, **fields: Any) -> Any:
    return SimpleNamespace(type=type, **({"warmup_steps": 0} | fields))


def rates(spec: Any) -> list[float]:
    return [schedules.rate(spec, LR, step, PER_EPOCH, NUM_STEPS) for step in range(NUM_STEPS)]


def torchs(make: Any, every: int = 1) -> list[float]:
    """The rate of each step under a scheduler of torch's that is stepped every `every` steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler, found = make(optimizer), []
    for step in range(NUM_STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return found


def test_a_constant_rate_stays() -> None:
    assert rates(schedule("constant")) == [LR] * NUM_STEPS


@pytest.mark.parametrize(("unit", "every"), [("step", 1), ("epoch", PER_EPOCH)])
def test_step_is_torchs(unit: str, every: int) -> None:
    ours = rates(schedule("step", step_size=3, gamma=0.5, unit=unit))
    assert ours == pytest.approx(torchs(lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5), every))


@pytest.mark.parametrize(("unit", "every"), [("step", 1), ("epoch", PER_EPOCH)])
def test_exponential_with_every_one_is_torchs(unit: str, every: int) -> None:
    ours = rates(schedule("exponential", gamma=0.9, every=1, unit=unit))
    assert ours == pytest.approx(torchs(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9), every))


def test_exponential_decays_continuously_between() -> None:
    ours = rates(schedule("exponential", gamma=0.096, every=20, unit="step"))
    assert ours[10] == pytest.approx(LR * 0.096**0.5)
    assert ours[20] == pytest.approx(LR * 0.096)


def test_cosine_is_torchs() -> None:
    ours = rates(schedule("cosine", eta_min=0.01))
    assert ours == pytest.approx(torchs(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, NUM_STEPS, 0.01)))


def test_a_warm_up_climbs_to_the_rate() -> None:
    ours = rates(schedule("constant", warmup_steps=4))
    assert ours[:5] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])
