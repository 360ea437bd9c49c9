import pytest
import torch
from torch import nn

from worker.train.stopping import EarlyStopping, sign

CPU = torch.device("cpu")


def judge_all(stopping: EarlyStopping, values: list[float]) -> int | None:
    """The epoch after which it stops."""
    model = nn.Linear(1, 1)
    for epoch, value in enumerate(values, start=1):
        nn.init.constant_(model.weight, epoch)
        if stopping.judge(epoch, value, model):
            return epoch
    return None


def test_it_stops_after_patience_epochs_without_a_better_value() -> None:
    stopping = EarlyStopping("validation/loss", patience=3)
    assert judge_all(stopping, [5, 4, 3, 3.5, 3.1, 3.0, 2]) == 6
    assert (stopping.best, stopping.best_epoch) == (3, 3)
    assert stopping.best_weights["weight"].item() == 3


def test_a_better_value_by_less_than_min_delta_does_not_count() -> None:
    assert judge_all(EarlyStopping("validation/loss", patience=2, min_delta=0.5), [5, 4.9, 4.8, 4.7]) == 3


@pytest.mark.parametrize("series", ["validation/accuracy", "validation/top_3_accuracy", "train/r2", "validation/f1"])
def test_higher_is_better_where_it_is(series: str) -> None:
    assert sign(series) == -1
    assert judge_all(EarlyStopping(series, patience=2), [0.1, 0.2, 0.3, 0.2, 0.1]) == 5


@pytest.mark.parametrize("series", ["validation/loss", "train/loss", "validation/rmse", "train/mae"])
def test_lower_is_better_where_it_is(series: str) -> None:
    assert sign(series) == 1


def test_nan_is_never_better() -> None:
    assert judge_all(EarlyStopping("validation/loss", patience=3), [float("nan")] * 5) == 3
    assert judge_all(EarlyStopping("validation/loss", patience=2), [1, float("nan"), float("nan")]) == 3


def test_a_restored_state_goes_on_where_it_was() -> None:
    stopping = EarlyStopping("validation/loss", patience=3)
    judge_all(stopping, [5, 4, 4.5, 4.6])
    again = EarlyStopping("validation/loss", patience=3)
    again.restore(stopping.state(), stopping.best_weights, CPU)
    assert again.judge(5, 4.7, nn.Linear(1, 1))
    assert again.best_epoch == 2
