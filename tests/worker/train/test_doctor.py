import math

import pytest

from worker.train.doctor import Chance, diagnose, learning_rate_died, not_learning, overfitting
from worker.train.history import History

SQUARES = Chance.of(0.25, "mse_loss")
CLASSES = Chance.of(math.log(10), "cross_entropy")


def steps(losses: list[float], rates: list[float] | None = None) -> History:
    history = History()
    for i, loss in enumerate(losses):
        history.add_step(i + 1, loss, rates[i] if rates else 0.1)
    return history


def epochs(train: list[float], validation: list[float]) -> History:
    history = steps(train)
    for one, other in zip(train, validation, strict=True):
        history.add_epoch("train/epoch_loss", one)
        history.add_epoch("validation/loss", other)
    return history


def decayed(num_steps: int) -> list[float]:
    return [0.1 * 0.096 ** (step / 100) for step in range(num_steps)]


def test_a_loss_that_stays_at_chance_is_not_learning() -> None:
    finding = not_learning(steps([0.26] * 50 + [0.249] * 950), SQUARES)
    assert finding is not None
    assert finding.step == 1000
    assert "0.25" in finding.text


def test_a_loss_that_still_falls_gets_other_advice() -> None:
    stuck = not_learning(steps([0.25] * 400), SQUARES)
    falling = not_learning(steps([0.25 - 0.0001 * i for i in range(400)]), SQUARES)
    assert stuck is not None
    assert falling is not None
    assert "still falling" in falling.fix
    assert "still falling" not in stuck.fix


@pytest.mark.parametrize(
    ("losses", "chance"),
    [
        ([0.25 * 0.99**i for i in range(300)], SQUARES),
        ([2.3 - 0.002 * i for i in range(300)], CLASSES),
        ([0.3, 0.29, 0.28], SQUARES),  # too few steps to say
    ],
)
def test_a_loss_that_falls_is_learning(losses: list[float], chance: Chance) -> None:
    assert diagnose(steps(losses), chance) == []


def test_a_rate_that_died_first_is_named_as_the_reason() -> None:
    (finding,) = diagnose(steps([2.3] * 314, decayed(314)), CLASSES)
    assert finding.kind == "learning_rate_died"
    assert 196 <= finding.step <= 202  # 0.096^(196/100) is a hundredth


def test_a_rate_may_die_once_it_has_learned() -> None:
    losses = [max(0.2, 2.3 - 0.05 * i) for i in range(314)]
    assert learning_rate_died(steps(losses, decayed(314)), CLASSES) is None


def test_a_warm_up_is_no_death() -> None:
    rates = [0.1 * min(1, (i + 1) / 300) for i in range(314)]
    finding = not_learning(steps([2.3] * 314, rates), CLASSES)
    assert learning_rate_died(steps([2.3] * 314, rates), CLASSES) is None
    assert finding is not None


def test_a_rising_validation_loss_is_overfitting_since_its_lowest_epoch() -> None:
    train = [0.7 * 0.93**i for i in range(50)]
    validation = [0.69 - 0.01 * min(i, 6) + 0.02 * max(0, i - 6) for i in range(50)]
    finding = overfitting(epochs(train, validation))
    assert finding is not None
    assert finding.step == 7
    assert "epoch 7" in finding.title


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        ([1 / (i + 1) for i in range(30)], [1.2 / (i + 1) for i in range(30)]),  # both fall
        ([1 / (i + 1) for i in range(30)], [0.5 + 0.02 * math.sin(i) for i in range(30)]),  # it wavers
        ([0.5] * 30, [0.5 + 0.1 * i for i in range(30)]),  # nothing learned by heart: it diverges
        ([1, 0.5, 0.2], [0.6, 0.8, 1.2]),  # too few epochs to say
        ([1 / (i + 1) for i in range(30)], [math.nan] + [1.2 / (i + 1) for i in range(29)]),  # nothing is below NaN
    ],
)
def test_a_healthy_validation_loss_is_not_overfitting(train: list[float], validation: list[float]) -> None:
    assert overfitting(epochs(train, validation)) is None


def test_an_empty_history_shows_nothing() -> None:
    assert diagnose(History(), SQUARES) == []


def test_a_loss_below_0_is_judged_by_how_far_it_has_come() -> None:
    """Of counts the least loss is another for each, of a normal law there is none."""
    counts, normal = Chance.of(-2.0, "poisson_nll_loss", least=-3.0), Chance.of(-1.0, "gaussian_nll_loss")
    for chance, stuck, learned in ((counts, -2.2, -2.3), (normal, -1.1, -1.2)):
        found = not_learning(steps([stuck] * 400), chance)
        assert found is not None and "still falling" not in found.fix
        assert not_learning(steps([learned] * 400), chance) is None
    falls = [-1.0 - 0.01 * i for i in range(20)]
    assert overfitting(epochs(falls, falls)) is None
    found = overfitting(epochs(falls, [*falls[:8], *(-0.8 + 0.01 * i for i in range(12))]))
    assert found is not None and "epoch 8" in found.title
    assert overfitting(epochs(falls, [*falls[:8], *[-1.06] * 12])) is None
