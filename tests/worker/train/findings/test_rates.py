import math
import random

import pytest

from worker.train.doctor import diagnose
from worker.train.findings.finding import Chance
from worker.train.findings.rates import (
    diverging,
    exploding_gradients,
    learning_rate_died,
    not_learning,
    oscillating,
    plateau,
)
from worker.train.history import History

from .curves import CLASSES, SQUARES, case, decayed, epochs, steps


def kinds(history: History, chance: Chance, *, ended: bool = True) -> list[str]:
    num_steps = history.windows[-1].last_step if history.windows else 0
    return [finding.kind for finding in diagnose(case(chance, num_steps), history, ended=ended)]


def test_a_loss_that_stays_at_chance_is_not_learning() -> None:
    finding = not_learning(case(SQUARES), steps([0.26] * 50 + [0.249] * 950), ended=True)
    assert finding is not None
    assert finding.step == 1000
    assert "0.25" in finding.text


def test_a_loss_that_still_falls_gets_other_advice() -> None:
    stuck = not_learning(case(SQUARES), steps([0.25] * 400), ended=True)
    falling = not_learning(case(SQUARES), steps([0.25 - 0.0001 * i for i in range(400)]), ended=True)
    assert stuck is not None
    assert falling is not None
    assert "still falling" in falling.fix
    assert "still falling" not in stuck.fix


@pytest.mark.parametrize(
    ("losses", "of", "is_said"),
    [
        ([0.25] * 500, 1000, True),
        ([0.25] * 450, 1000, False),  # it may get going yet
        ([0.25] * 60, 100, False),  # half of them are few
        ([0.25 - 0.0002 * i for i in range(200)], 400, False),  # it falls
    ],
)
def test_not_learning_is_said_in_the_middle_when_it_is_sure(losses: list[float], of: int, *, is_said: bool) -> None:
    assert (not_learning(case(SQUARES, of), steps(losses), ended=False) is not None) == is_said


@pytest.mark.parametrize(
    ("losses", "chance"),
    [
        ([0.25 * 0.99**i for i in range(300)], SQUARES),
        ([2.3 - 0.002 * i for i in range(300)], CLASSES),
        ([0.3, 0.29, 0.28], SQUARES),  # too few steps to say
    ],
)
def test_a_loss_that_falls_is_learning(losses: list[float], chance: Chance) -> None:
    assert kinds(steps(losses), chance) == []


def test_a_rate_that_died_first_is_named_as_the_reason() -> None:
    (finding,) = diagnose(case(CLASSES), steps([2.3] * 314, decayed(314)))
    assert finding.kind == "learning_rate_died"
    assert 196 <= finding.step <= 202  # 0.096^(196/100) is a hundredth


def test_a_dead_rate_is_said_at_once_where_the_schedule_leaves_it_so() -> None:
    history = steps([2.3] * 210, decayed(210))
    rates = decayed(314)
    found = learning_rate_died(case(CLASSES, 314, rate=lambda step: rates[step]), history, ended=False)
    assert found is not None
    again = case(CLASSES, 314, rate=lambda step: 0.1 if step > 300 else 0.0)
    assert learning_rate_died(again, history, ended=False) is None
    assert not_learning(again, history, ended=False) is None


def test_a_rate_may_die_once_it_has_learned() -> None:
    losses = [max(0.2, 2.3 - 0.05 * i) for i in range(314)]
    assert learning_rate_died(case(CLASSES), steps(losses, decayed(314)), ended=True) is None


def test_a_warm_up_is_no_death() -> None:
    rates = [0.1 * min(1, (i + 1) / 300) for i in range(314)]
    history = steps([2.3] * 314, rates)
    assert learning_rate_died(case(CLASSES), history, ended=True) is None
    assert not_learning(case(CLASSES), history, ended=True) is not None


def test_a_loss_that_grows_beyond_chance_diverges() -> None:
    losses = [2.3 - 0.02 * i for i in range(50)] + [1.3 * 1.05**i for i in range(50)]
    finding = diverging(case(CLASSES), steps(losses), ended=False)
    assert finding is not None
    assert finding.step == 100
    assert kinds(steps(losses), CLASSES, ended=False) == ["diverging"]


def test_a_loss_that_comes_back_to_chance_has_lost_what_was_learned() -> None:
    losses = [2.3 - 0.02 * i for i in range(100)] + [2.4] * 40
    finding = diverging(case(CLASSES), steps(losses), ended=False)
    assert finding is not None
    assert "lost again" in finding.title
    assert diverging(case(CLASSES), steps(losses[:110]), ended=False) is None, "it may recover"


@pytest.mark.parametrize(
    "losses",
    [
        [3000 * 0.99**i for i in range(200)],  # it begins far away, and comes nearer
        [1.0] * 60 + [40.0] + [1.0] * 60,  # a spike
        [0.01 * 1.02**i for i in range(200)],  # it rises, but is far from chance
        [9.0 - 0.02 * i for i in range(200)],  # high, but falling
    ],
)
def test_a_high_loss_does_not_always_diverge(losses: list[float]) -> None:
    assert diverging(case(CLASSES), steps(losses), ended=False) is None


def test_a_loss_that_swings_between_epochs_oscillates() -> None:
    swings = [1.5 + 0.6 * (-1) ** i for i in range(40)]
    finding = oscillating(case(CLASSES, 40), epochs(swings), ended=False)
    assert finding is not None
    assert finding.step == 40
    assert "2.1" in finding.text


@pytest.mark.parametrize(
    "losses",
    [
        [2.0 * 0.93**i * (1.2 + 0.3 * (-1) ** i) for i in range(40)],  # it swings, and comes lower
        [1.5 + 0.1 * (-1) ** i for i in range(40)],  # a little
        [0.02 + 0.015 * (-1) ** i for i in range(40)],  # at the very bottom
        [1.5 + 0.6 * (-1) ** i for i in range(8)],  # too few epochs to say
        [1.5 + 0.6 * math.sin(i / 3) for i in range(40)],  # slowly
    ],
)
def test_a_loss_that_wavers_does_not_always_oscillate(losses: list[float]) -> None:
    assert oscillating(case(CLASSES, 40), epochs(losses), ended=False) is None


def test_of_few_rows_a_swing_may_be_chance() -> None:
    swings = epochs([1.5 + 0.4 * (-1) ** i for i in range(40)])
    assert oscillating(case(CLASSES, 40, num_rows={"train": 10}), swings, ended=False) is None
    assert oscillating(case(CLASSES, 40, num_rows={"train": 1000}), swings, ended=False) is not None


def test_a_gradient_a_hundred_times_as_long_explodes_when_the_loss_is_the_worse_for_it() -> None:
    norms = [1.0] * 80 + [500.0] + [1.0] * 19
    losses = [2.3 - 0.02 * i for i in range(80)] + [2.4] * 20
    history = steps(losses[:85], norms=norms[:85])
    finding = exploding_gradients(case(CLASSES), history, ended=False)
    assert finding is not None
    assert finding.step == 81
    assert exploding_gradients(case(CLASSES, is_clipped=True), history, ended=False) is None
    unharmed = steps([2.3 - 0.02 * i for i in range(85)], norms=norms[:85])
    assert exploding_gradients(case(CLASSES), unharmed, ended=False) is None


def test_gradients_that_have_become_small_explode_only_beyond_where_they_began() -> None:
    norms = [10 * 0.9**i for i in range(80)] + [1.0] * 10
    losses = [2.3 * 0.9**i for i in range(80)] + [0.1] * 10
    assert exploding_gradients(case(CLASSES), steps(losses, norms=norms), ended=False) is None


def test_gradients_that_became_short_are_bounded_as_they_were_at_first_and_only_where_there_is_harm() -> None:
    norms = [0.9**i for i in range(80)] + [300.0] + [0.1] * 5
    learned = [2.3 * 0.8**i for i in range(81)]
    harmed = exploding_gradients(case(CLASSES), steps([*learned, *[1.0] * 5], norms=norms), ended=False)
    assert harmed is not None
    assert "max_grad_norm 0.7 " in harmed.fix  # the mean of the first tenth, of which the median is a fiftieth
    hardly = [*learned, *[0.01] * 5]  # a hundred thousand times as high, and still next to nothing
    assert exploding_gradients(case(CLASSES), steps(hardly, norms=norms), ended=False) is None


def test_a_loss_that_no_longer_moves_is_on_a_plateau_since_then() -> None:
    noise = random.Random(0)
    losses = [max(0.8, 2.3 - 0.01 * i) + noise.gauss(0, 0.02) for i in range(2000)]
    finding = plateau(case(CLASSES, 2000), steps(losses), ended=False)
    assert finding is not None
    assert 400 <= finding.step <= 600
    known = case(CLASSES, 2000, restores_best=True)
    assert plateau(known, steps(losses), ended=False) is None


@pytest.mark.parametrize(
    ("losses", "rates"),
    [
        ([2.3 - 0.0005 * i for i in range(2000)], None),  # slow, but it moves
        ([max(0.8, 2.3 - 0.01 * i) for i in range(2000)], [0.1 * 0.99**i for i in range(2000)]),  # the rate is gone
        ([max(0.05, 2.3 - 0.01 * i) for i in range(2000)], None),  # there is nothing left to lose
        ([2.3] * 2000, None),  # it has not learned at all
        ([max(0.8, 2.3 - 0.01 * i) for i in range(400)], None),  # not for long
    ],
)
def test_other_curves_are_no_plateau(losses: list[float], rates: list[float] | None) -> None:
    assert plateau(case(CLASSES, 2000), steps(losses, rates), ended=False) is None


def test_what_is_said_of_a_training_silences_what_says_the_same_from_further_away() -> None:
    losses = [2.3 - 0.02 * i for i in range(50)] + [1.3 * 1.05**i for i in range(50)]
    assert list(diagnose(case(CLASSES, 100), steps(losses), said={"diverging"})) == []


def test_an_empty_history_shows_nothing() -> None:
    assert kinds(History(), SQUARES) == []


def test_a_loss_below_0_is_judged_by_how_far_it_has_come() -> None:
    """Of counts the least loss is another for each, of a normal law there is none."""
    counts = Chance.of(-2.0, "poisson_nll_loss", least=-3.0)
    normal = Chance.of(-1.0, "gaussian_nll_loss")
    for chance, stuck, learned in ((counts, -2.2, -2.3), (normal, -1.1, -1.2)):
        found = not_learning(case(chance), steps([stuck] * 400), ended=True)
        assert found is not None and "still falling" not in found.fix
        assert not_learning(case(chance), steps([learned] * 400), ended=True) is None
    falls = [-1.0 - 0.004 * i for i in range(400)]
    assert diverging(case(normal), steps(falls), ended=True) is None
    found = diverging(case(normal), steps([*falls, *[-0.5] * 200]), ended=True)
    assert found is not None and "the loss grows" in found.title
