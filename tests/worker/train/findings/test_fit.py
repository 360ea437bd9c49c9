import math
from typing import Any

import pytest

from worker.train.findings.finding import Chance
from worker.train.findings.fit import overfitting, underfitting, validation_too_small, worse_than_baseline

from .curves import case, epochs

EVEN = Chance.of(math.log(2), "binary_cross_entropy")


def judged(right: int, wrong: int, loss: float = 0.5) -> dict[str, Any]:
    """Half of the rows of either class, and as many answered rightly."""
    n = right + wrong
    return {"loss": loss, "confusion": [[n // 2, 0], [wrong, n - n // 2 - wrong]]}


def evaluation(train: dict[str, Any], validation: dict[str, Any], baseline: float = 0.69) -> dict[str, Any]:
    floor = {"name": "always saying 0", "part": "validation", "loss": baseline}
    return {"parts": {"train": train, "validation": validation}, "baseline": floor}


def test_a_rising_validation_loss_is_overfitting_since_its_lowest_epoch() -> None:
    train = [0.7 * 0.93**i for i in range(50)]
    validation = [0.69 - 0.01 * min(i, 6) + 0.02 * max(0, i - 6) for i in range(50)]
    finding = overfitting(case(EVEN), epochs(train, validation), ended=False)
    assert finding is not None
    assert finding.step == 700
    assert "epoch 7" in finding.title
    assert overfitting(case(EVEN, restores_best=True), epochs(train, validation), ended=True) is None


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([1 / (i + 1) for i in range(30)], [1.2 / (i + 1) for i in range(30)]),  # both fall
        ([1 / (i + 1) for i in range(30)], [0.5 + 0.02 * math.sin(i) for i in range(30)]),  # it wavers
        ([1 / (i + 1) for i in range(30)], [0.5 + 0.3 * math.sin(4 * i) for i in range(30)]),  # widely
        ([0.5] * 30, [0.5 + 0.1 * i for i in range(30)]),  # nothing learned by heart: it diverges
        ([1, 0.5, 0.2], [0.6, 0.8, 1.2]),  # too few epochs to say
        ([0.1 / (i + 1) for i in range(30)], [0.01 + 0.0005 * i for i in range(30)]),  # no harm
        ([1 / (i + 1) for i in range(30)], [math.nan] + [1.2 / (i + 1) for i in range(29)]),  # nothing is below NaN
    ],
)
def test_a_healthy_validation_loss_is_not_overfitting(train: list[float], validation: list[float]) -> None:
    assert overfitting(case(EVEN), epochs(train, validation), ended=True) is None


def test_a_small_model_that_does_alike_everywhere_underfits() -> None:
    history = epochs([0.5] * 40, [0.51] * 40)
    finding = underfitting(case(EVEN, num_parameters=9), history, ended=True)
    assert finding is not None
    assert "larger model" in finding.fix
    assert underfitting(case(EVEN, num_parameters=9), history, ended=False) is None
    assert underfitting(case(EVEN, num_parameters=100_000), history, ended=True) is None


def test_a_loss_that_still_falls_wants_more_epochs() -> None:
    losses = [0.62 - 0.005 * i for i in range(40)]
    finding = underfitting(case(EVEN, num_parameters=100_000), epochs(losses, losses), ended=True)
    assert finding is not None
    assert finding.fix == "Train for more epochs."


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([0.3] * 40, [0.3] * 40),  # it has learned
        ([0.5] * 40, [0.7] * 40),  # it does worse on rows it has not seen
        ([0.69] * 40, [0.69] * 40),  # it has learned nothing, which is said in other words
        ([0.5] * 40, None),  # nobody knows
    ],
)
def test_others_do_not_underfit(train: list[float], validation: list[float] | None) -> None:
    assert underfitting(case(EVEN, num_parameters=9), epochs(train, validation), ended=True) is None


def test_a_model_that_a_constant_answer_beats_is_said_to_be() -> None:
    finding = worse_than_baseline(100, evaluation(judged(190, 10), judged(48, 52, loss=0.9)))
    assert finding is not None
    assert "0.69" in finding.text
    assert worse_than_baseline(100, evaluation(judged(190, 10), judged(80, 20, loss=0.9))) is None  # sure of itself
    assert worse_than_baseline(100, evaluation(judged(190, 10), judged(80, 20, loss=0.5))) is None
    spelled = evaluation({"loss": 0.1}, {"loss": "NaN"})
    assert worse_than_baseline(100, spelled) is None


@pytest.mark.parametrize(("rows", "is_said"), [(10, True), (40, False), (200, False)])
def test_few_rows_cannot_tell_half_of_what_was_learned_from_nothing(rows: int, *, is_said: bool) -> None:
    known = case(EVEN, num_rows={"train": 200, "validation": rows})
    right = round(0.7 * rows)
    finding = validation_too_small(known, 100, evaluation(judged(190, 10), judged(right, rows - right)))
    assert (finding is not None) == is_said
    if finding is not None:
        assert "With 64 rows" in finding.text


def test_how_many_rows_would_do_does_do() -> None:
    known = case(EVEN, num_rows={"train": 200, "validation": 10})
    finding = validation_too_small(known, 100, evaluation(judged(190, 10), judged(7, 3)))
    assert finding is not None
    needed = int(finding.text.split("With ")[1].split(" rows")[0])
    many = case(EVEN, num_rows={"train": 200, "validation": needed})
    for share in (0.5, 0.6, 0.725, 0.8):
        right = round(share * needed)
        assert validation_too_small(many, 100, evaluation(judged(190, 10), judged(right, needed - right))) is None


def test_of_squares_the_loss_is_judged_and_of_other_losses_nothing_is_said() -> None:
    parts = evaluation({"loss": 0.1}, {"loss": 0.8})
    few = {"train": 100, "validation": 12}
    assert validation_too_small(case(Chance.of(1.0, "mse_loss"), num_rows=few), 100, parts) is not None
    assert validation_too_small(case(Chance.of(1.0, "l1_loss"), num_rows=few), 100, parts) is None
    many = {"train": 100, "validation": 1200}
    assert validation_too_small(case(Chance.of(1.0, "mse_loss"), num_rows=many), 100, parts) is None


def test_a_model_that_learned_nothing_needs_no_larger_validation() -> None:
    known = case(EVEN, num_rows={"train": 200, "validation": 10})
    assert validation_too_small(known, 100, evaluation(judged(104, 96), judged(5, 5))) is None


def test_a_loss_below_0_is_judged_by_how_far_it_has_come() -> None:
    """Of counts the least loss is another for each, of a normal law there is none."""
    known = case(Chance.of(-1.0, "gaussian_nll_loss"))
    falls = [-1.0 - 0.05 * i for i in range(20)]
    assert overfitting(known, epochs(falls, falls), ended=True) is None
    found = overfitting(known, epochs(falls, [*falls[:8], *(-0.8 + 0.01 * i for i in range(12))]), ended=True)
    assert found is not None and "epoch 8" in found.title
    assert overfitting(known, epochs(falls, [*falls[:8], *[-1.34] * 12]), ended=True) is None
    worse = evaluation({"loss": -2.0}, {"loss": -1.5}, baseline=-1.2)
    assert worse_than_baseline(100, worse) is None
    assert worse_than_baseline(100, evaluation({"loss": -2.0}, {"loss": -1.1}, baseline=-1.2)) is not None
