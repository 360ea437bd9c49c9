"""The mean of runs and its deviation, held to NumPy and SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from app.groups.figures import interval_of, t_quantile
from app.groups.service import figures_of
from app.specs.metrics import bounds_of

ACCURACIES = [0.81, 0.77, 0.9, 0.84]


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 29, 99])
def test_the_quantiles_are_those_of_students_t(freedom: int) -> None:
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-9)


def test_the_interval_is_that_of_scipy() -> None:
    expected = stats.t.interval(0.95, 3, loc=np.mean(ACCURACIES), scale=stats.sem(ACCURACIES))
    assert interval_of(ACCURACIES) == pytest.approx(expected)
    assert interval_of([1.0]) is None


def test_an_interval_does_not_pass_what_a_metric_can_be() -> None:
    values = [0.987, 1.0, 1.0, 0.99]
    _, beyond = interval_of(values) or (0, 0)
    assert beyond > 1
    parts = [{"parts": {"test": dict.fromkeys(("roc_auc", "loss", "mae", "r2"), value)}} for value in values]
    auc, loss, mae, r2 = figures_of(parts)
    assert auc.interval and auc.interval[1] == 1
    assert loss.interval and mae.interval and loss.interval[1] == mae.interval[1] == beyond
    assert r2.interval and r2.interval[1] == 1
    below = interval_of([0.01, 0.2], bounds_of("token_error"))
    assert below and below[0] == 0 and (interval_of([0.01, 0.2], bounds_of("loss")) or (0, 0))[0] < 0


def test_the_deviation_is_that_of_a_sample_and_runs_without_a_figure_do_not_count() -> None:
    evaluations = [{"parts": {"train": {"loss": 1}, "validation": {"accuracy": one}}} for one in ACCURACIES]
    evaluations.append({"parts": {"train": {"loss": "NaN"}, "validation": {"confusion": [[1]]}}})
    accuracy, loss = figures_of([None, *evaluations])
    assert (accuracy.part, accuracy.metric, accuracy.goal) == ("validation", "accuracy", "max")
    assert accuracy.num_runs == 4 and accuracy.values == [None, *ACCURACIES, None]
    assert accuracy.mean == pytest.approx(np.mean(ACCURACIES))
    assert accuracy.std == pytest.approx(np.std(ACCURACIES, ddof=1))
    assert (accuracy.min, accuracy.max) == (0.77, 0.9)
    assert loss.std == 0 and loss.values[-1] == "NaN" and loss.num_runs == 4


def test_one_run_has_a_mean_and_no_deviation() -> None:
    (loss,) = figures_of([{"parts": {"test": {"loss": 2.0}}}, None])
    assert loss.mean == 2 and loss.std is None and loss.interval is None
    assert not math.isnan(loss.mean)
