"""The errors of a forecast by how far ahead, and those of saying that nothing changes, against plain numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from app.specs.window import Window
from app.transforms import Target
from worker import forecast
from worker.data.series import Shown
from worker.train.windowed import Windowed

CPU = torch.device("cpu")
TARGET = Target(name="y", center=5.0, spread=2.0)


class Last(nn.Module):
    """Says the last value that it sees, plus a little more with each step."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, -1, :1] + torch.tensor([0.1, 0.2, 0.3])


def shown(count: int) -> Shown:
    which = np.arange(count)
    places = which.astype(np.float64)
    return Shown("test", None, which, which + 3, places + 4, places + 6, "row")


@pytest.fixture
def series() -> torch.Tensor:
    return torch.randn(60, generator=torch.Generator().manual_seed(4))


def part(series: torch.Tensor, **window: int) -> Windowed:
    cut = Window(length=4, horizon=3, **window)
    return Windowed(series.unsqueeze(1), series, torch.arange(0, 60 - cut.span + 1), cut)


def test_errors_are_told_by_step_and_against_the_naive_forecast(series: torch.Tensor) -> None:
    found = forecast.report(Last(), part(series), TARGET, shown(50), CPU)
    raw = series.double().numpy() * 2 + 5
    last = raw[3:57]
    came = np.stack([raw[4 + i : 58 + i] for i in range(3)], 1)
    naive, ours = last[:, None] - came, last[:, None] + 2 * np.array([0.1, 0.2, 0.3]) - came
    assert [step["ahead"] for step in found["steps"]] == [1, 2, 3]
    for i, step in enumerate(found["steps"]):
        assert step["mae"] == pytest.approx(np.abs(ours[:, i]).mean(), rel=1e-5)
        assert step["rmse"] == pytest.approx(np.sqrt((ours[:, i] ** 2).mean()), rel=1e-5)
        assert step["naive"]["mae"] == pytest.approx(np.abs(naive[:, i]).mean(), rel=1e-5)
        assert step["naive"]["rmse"] == pytest.approx(np.sqrt((naive[:, i] ** 2).mean()), rel=1e-5)
    assert found["whole"]["mae"] == pytest.approx(np.abs(ours).mean(), rel=1e-5)
    assert found["naive"]["rmse"] == pytest.approx(np.sqrt((naive**2).mean()), rel=1e-5)
    assert forecast.in_words(found) == (
        f"naive forecast: MAE {np.abs(naive).mean():.4g}, the model's {np.abs(ours).mean():.4g} (test)"
    )
    picture = found["shown"]
    np.testing.assert_allclose(picture["actual_first"], came[:50, 0], rtol=1e-5)
    np.testing.assert_allclose(picture["actual_last"], came[:50, 2], rtol=1e-5)
    np.testing.assert_allclose(picture["predicted_first"], last[:50] + 0.2, atol=1e-5)
    np.testing.assert_allclose(picture["predicted_last"], last[:50] + 0.6, atol=1e-5)


def test_where_the_last_value_is_not_told_the_naive_forecast_says_nothing(series: torch.Tensor) -> None:
    untold = part(series)
    untold.targets_R[3] = float("nan")  # the last that the first window sees; what others predict
    kept = untold.of([untold.rows_RF, untold.targets_R, torch.tensor([0, 4])])
    found = forecast.report(Last(), kept, TARGET, shown(2), CPU)
    raw = series.double().numpy() * 2 + 5
    assert found["naive"]["mae"] == pytest.approx(np.abs(raw[7] - raw[8:11]).mean(), rel=1e-5)


def test_of_the_row_itself_there_is_no_naive_forecast(series: torch.Tensor) -> None:
    found = forecast.report(Last(), part(series, ahead=0), TARGET, shown(5), CPU)
    assert found["naive"] is None and forecast.in_words(found) is None
    assert [step.keys() for step in found["steps"]] == [{"ahead", "mae", "rmse"}] * 3


def test_what_is_no_number_is_spelled_out(series: torch.Tensor) -> None:
    broken = series.clone()
    broken[:] = float("inf")
    whole = Windowed(broken.unsqueeze(1), series, torch.arange(0, 54), Window(length=4, horizon=3))
    found = forecast.report(Last(), whole, TARGET, shown(5), CPU)
    assert found["whole"] == {"mae": "Infinity", "rmse": "Infinity"}
    assert found["shown"]["predicted_first"] == ["Infinity"] * 5
