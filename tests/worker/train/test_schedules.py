"""Every schedule against torch's own, stepped as one steps it by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch.optim import lr_scheduler as torchs
from torch.optim.lr_scheduler import LRScheduler

from app.specs.schedules import AnySchedule
from worker.train.history import History
from worker.train.schedules import Rates

NUM_STEPS, PER_EPOCH, LR = 60, 6, 0.1
Made = Callable[[torch.optim.Optimizer], LRScheduler]


def rates_of(num_steps: int = NUM_STEPS, lr: float = LR, **schedule: Any) -> Rates:
    spec: Any = TypeAdapter(AnySchedule).validate_python(schedule)
    return Rates.of(spec, lr, PER_EPOCH, num_steps)


def rates(**schedule: Any) -> list[float]:
    ours = rates_of(**schedule)
    return [ours.rate(step) for step in range(ours.num_steps)]


def optimizer(**arguments: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR, **arguments)


def stepped(make: Made, every: int = 1, num_steps: int = NUM_STEPS) -> list[float]:
    """The rate of each step under a scheduler of torch's that is stepped every `every` steps."""
    made = optimizer(momentum=0.5)
    scheduler, found = make(made), []
    for step in range(num_steps):
        found.append(made.param_groups[0]["lr"])
        made.step()
        if (step + 1) % every == 0:
            scheduler.step()
    return found


# Each as a run says it, as torch is told it, and whether both go by one formula: others of torch's multiply the last
# rate by what has changed.
CASES: dict[str, tuple[dict[str, Any], Made, bool]] = {
    "constant": ({"type": "constant"}, lambda o: torchs.LambdaLR(o, lambda _: 1.0), True),
    "constant with a factor": (
        {"type": "constant", "factor": 0.25, "total_iters": 4},
        lambda o: torchs.ConstantLR(o, 0.25, 4),
        True,
    ),
    "constant with torch's own factor": (
        {"type": "constant", "factor": 1 / 3},
        torchs.ConstantLR,
        False,
    ),
    "step": ({"type": "step", "step_size": 3, "gamma": 0.5}, lambda o: torchs.StepLR(o, 3, 0.5), True),
    "multistep": (
        {"type": "multistep", "milestones": [2, 5, 5, 9], "gamma": 0.3},
        lambda o: torchs.MultiStepLR(o, [2, 5, 5, 9], 0.3),
        False,
    ),
    "exponential": ({"type": "exponential", "gamma": 0.9}, lambda o: torchs.ExponentialLR(o, 0.9), False),
    "exponential in stairs": (
        {"type": "exponential", "gamma": 0.7, "every": 4, "staircase": True},
        lambda o: torchs.StepLR(o, 4, 0.7),
        False,
    ),
    "linear": ({"type": "linear"}, torchs.LinearLR, False),
    "linear, down": (
        {"type": "linear", "start_factor": 1.0, "end_factor": 0.1, "total_iters": 7},
        lambda o: torchs.LinearLR(o, 1.0, 0.1, 7),
        False,
    ),
    "polynomial": ({"type": "polynomial"}, torchs.PolynomialLR, False),
    "polynomial of the third power": (
        {"type": "polynomial", "total_iters": 8, "power": 3},
        lambda o: torchs.PolynomialLR(o, 8, 3),
        False,
    ),
    "cosine with an end": (
        {"type": "cosine", "T_max": 7, "eta_min": 0.01},
        lambda o: torchs.CosineAnnealingLR(o, 7, 0.01),
        False,
    ),
    "cosine with warm restarts": (
        {"type": "cosine_warm_restarts", "T_0": 3, "eta_min": 0.01},
        lambda o: torchs.CosineAnnealingWarmRestarts(o, 3, eta_min=0.01),
        True,
    ),
    "cosine with ever longer restarts": (
        {"type": "cosine_warm_restarts", "T_0": 2, "T_mult": 3},
        lambda o: torchs.CosineAnnealingWarmRestarts(o, 2, 3),
        True,
    ),
}
# These change with every step, whatever is counted.
CYCLES: dict[str, tuple[dict[str, Any], Made]] = {
    "one_cycle": ({"type": "one_cycle", "max_lr": 0.3}, lambda o: torchs.OneCycleLR(o, 0.3, NUM_STEPS)),
    "one_cycle up to the optimizer's rate": ({"type": "one_cycle"}, lambda o: torchs.OneCycleLR(o, LR, NUM_STEPS)),
    "one_cycle, straight, in three": (
        {
            "type": "one_cycle",
            "max_lr": 1.0,
            "pct_start": 0.25,
            "anneal_strategy": "linear",
            "three_phase": True,
            "div_factor": 10,
            "final_div_factor": 50,
            "base_momentum": 0.7,
            "max_momentum": 0.8,
        },
        lambda o: torchs.OneCycleLR(
            o,
            1.0,
            NUM_STEPS,
            pct_start=0.25,
            anneal_strategy="linear",
            three_phase=True,
            div_factor=10,
            final_div_factor=50,
            base_momentum=0.7,
            max_momentum=0.8,
        ),
    ),
    "cyclic": (
        {"type": "cyclic", "base_lr": 0.01, "max_lr": 0.4, "step_size_up": 7},
        lambda o: torchs.CyclicLR(o, 0.01, 0.4, 7),
    ),
    "cyclic, half as high each time": (
        {"type": "cyclic", "max_lr": 0.4, "step_size_up": 4, "step_size_down": 9, "mode": "triangular2"},
        lambda o: torchs.CyclicLR(o, LR, 0.4, 4, 9, "triangular2"),
    ),
    "cyclic, lower and lower": (
        {"type": "cyclic", "max_lr": 0.4, "step_size_up": 4, "mode": "exp_range", "gamma": 0.95, "base_momentum": 0.1},
        lambda o: torchs.CyclicLR(o, LR, 0.4, 4, mode="exp_range", gamma=0.95, base_momentum=0.1),
    ),
}


@pytest.mark.parametrize(("unit", "every"), [("step", 1), ("epoch", PER_EPOCH)])
@pytest.mark.parametrize("case", CASES)
def test_a_schedule_is_torchs(case: str, unit: str, every: int) -> None:
    schedule, make, is_one_formula = CASES[case]
    ours, theirs = rates(**schedule, **({} if case == "constant" else {"unit": unit})), stepped(make, every)
    assert ours == (theirs if is_one_formula else pytest.approx(theirs, rel=1e-12, abs=1e-16))


@pytest.mark.parametrize("case", CYCLES)
def test_a_cycle_is_torchs_to_the_last_bit_momentum_and_all(case: str) -> None:
    schedule, make = CYCLES[case]
    assert rates(**schedule) == stepped(make)
    made, ours = optimizer(momentum=0.5), rates_of(**schedule)
    scheduler = make(made)
    assert ours.momentum is not None
    for step in range(NUM_STEPS):
        assert ours.momentum(step) == made.param_groups[0]["momentum"]
        made.step()
        scheduler.step()


@pytest.mark.parametrize("schedule", [*CASES.values(), *CYCLES.values()], ids=[*CASES, *CYCLES])
def test_momentum_stays_where_it_is_not_asked_to_change(schedule: Any) -> None:
    said = schedule[0] | ({"cycle_momentum": False} if "cycl" in schedule[0]["type"] else {})
    assert rates_of(**said).momentum is None


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        ({"type": "cosine", "eta_min": 0.01}, lambda o: torchs.CosineAnnealingLR(o, NUM_STEPS, 0.01)),
        ({"type": "linear", "end_factor": 0, "total_iters": None}, lambda o: torchs.LinearLR(o, 1 / 3, 0, NUM_STEPS)),
        ({"type": "polynomial", "power": 2, "total_iters": None}, lambda o: torchs.PolynomialLR(o, NUM_STEPS, 2)),
    ],
    ids=lambda one: one["type"] if isinstance(one, dict) else "",
)
def test_what_has_no_length_goes_over_the_whole_run(schedule: dict[str, Any], make: Made) -> None:
    assert rates(**schedule) == pytest.approx(stepped(make), rel=1e-12, abs=1e-16)


def test_exponential_decays_continuously_between() -> None:
    ours = rates(type="exponential", gamma=0.096, every=20, unit="step")
    assert ours[10] == pytest.approx(LR * 0.096**0.5)
    assert ours[20] == pytest.approx(LR * 0.096)


@pytest.mark.parametrize(("warmup", "timescale"), [(0, None), (8, None), (8, 20), (0, 5)])
def test_inverse_sqrt_is_that_of_transformers(warmup: int, timescale: int | None) -> None:
    """get_inverse_sqrt_schedule of Hugging Face's library, once it is warm."""
    scale = timescale or warmup or 10_000
    ours = rates(type="inverse_sqrt", warmup_steps=warmup, timescale=timescale)
    assert ours[warmup:] == [LR * (1.0 / math.sqrt((n + scale - warmup) / scale)) for n in range(warmup, NUM_STEPS)]
    assert ours[:warmup] == pytest.approx([LR * (n + 1) / warmup for n in range(warmup)])


def test_a_warm_up_climbs_to_the_rate() -> None:
    assert rates(type="constant", warmup_steps=4)[:5] == [0.025, 0.05, LR * 0.75, LR, LR]
    assert rates(type="constant", warmup_steps=4, warmup_start_factor=0.6)[:5] == pytest.approx(
        [0.07, 0.08, 0.09, 0.1, 0.1]
    )


def test_a_warm_up_goes_before_any_of_them() -> None:
    for schedule, *_ in [*CASES.values(), *CYCLES.values()]:
        cold, warm = rates(**schedule), rates(**schedule, warmup_steps=5)
        assert warm[5:] == cold[5:]
        assert warm[:5] == [rate * min(1.0, (n + 1) / 5) for n, rate in enumerate(cold[:5])]


@given(
    num_steps=st.integers(1, 40),
    pct_start=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
    three_phase=st.booleans(),
)
def test_one_cycle_stays_within_its_bounds_however_short(num_steps: int, pct_start: float, three_phase: bool) -> None:
    """Torch divides by 0 where a phase is no step long."""
    ours = rates(type="one_cycle", num_steps=num_steps, pct_start=pct_start, three_phase=three_phase)
    assert all(LR / 25 / 1e4 * (1 - 1e-9) <= rate <= LR * (1 + 1e-9) for rate in ours)


PLATEAUS: list[dict[str, Any]] = [
    {},
    {"patience": 2},
    {"patience": 0, "factor": 0.5, "cooldown": 2},
    {"patience": 1, "threshold": 0.3, "threshold_mode": "abs", "min_lr": 0.004},
    {"patience": 0, "factor": 0.9, "eps": 0.006},
    {"patience": 1, "threshold": 0.0, "factor": 0.3},
]


def followed(values: list[float], series: str, **schedule: Any) -> list[float]:
    """The rates after each epoch with such a value of its series."""
    ours, history = rates_of(type="plateau", series=series, **schedule), History()
    found = []
    for epoch, value in enumerate(values):
        found.append(ours.rate(epoch * PER_EPOCH))
        history.add_epoch("train/epoch_loss" if series == "train/loss" else series, value)
        assert ours.watched is not None
        ours.watched.look(history)
    return found


@given(
    values=st.lists(st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf])), max_size=60),
    schedule=st.sampled_from(PLATEAUS),
    series=st.sampled_from([("validation/loss", "min"), ("train/loss", "min"), ("validation/accuracy", "max")]),
)
def test_a_plateau_is_torchs(values: list[float], schedule: dict[str, Any], series: tuple[str, str]) -> None:
    made = optimizer()
    scheduler = torchs.ReduceLROnPlateau(made, mode=series[1], **({"patience": 10} | schedule))  # type: ignore[arg-type]
    theirs = []
    for value in values:
        theirs.append(made.param_groups[0]["lr"])
        scheduler.step(value)
    assert followed(values, series[0], **schedule) == theirs


def test_a_plateau_follows_from_the_epochs_alone() -> None:
    """So that a run which goes on has nothing to restore."""
    values = [3.0, 2.0, 2.0, 2.0, 1.9, 1.9, 1.9, 1.9]
    ours, again = (rates_of(type="plateau", patience=1) for _ in range(2))
    history = History()
    for value in values:
        history.add_epoch("validation/loss", value)
        assert ours.watched is not None
        ours.watched.look(history)
    assert again.watched is not None
    again.watched.look(History.of_state(history.state()))
    assert again.rate(0) == ours.rate(0) == LR * 0.1 * 0.1
