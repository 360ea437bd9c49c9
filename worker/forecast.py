"""How good a forecast is, by how far ahead it looks, and against the naive one, which says that nothing will change.

The naive forecast repeats the last value that a window has seen (Hyndman and Athanasopoulos, "Forecasting: Principles
and Practice", 3rd ed., 5.2). Errors are in the target's own unit.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from app.columns import spell, spell_one
from app.transforms import Target
from worker.data.series import Shown
from worker.evaluate import pieces
from worker.train.reading import numbers_of
from worker.train.windowed import Windowed

# Axes: B windows of a piece, H values predicted of each


class _Errors:
    """Sums (H,) of absolute and squared errors, by how far ahead they lie."""

    def __init__(self, horizon: int) -> None:
        self._sums = torch.zeros(2, horizon, dtype=torch.float64)
        self._count = 0

    def add(self, errors_BH: Tensor) -> None:
        """The errors of some windows."""
        self._sums += torch.stack([errors_BH.abs().sum(0), errors_BH.square().sum(0)]).cpu()
        self._count += len(errors_BH)

    def figures(self) -> dict[str, float | str] | None:
        """Of all steps together; None where nothing was added."""
        if not self._count:
            return None
        absolute, squared = (self._sums.mean(1) / self._count).tolist()
        return _spelled(absolute, squared)

    def by_step(self) -> list[dict[str, float | str]]:
        """Of each step by itself; none where nothing was added."""
        if not self._count:
            return []
        return [_spelled(absolute, squared) for absolute, squared in (self._sums / self._count).T.tolist()]


@torch.no_grad()
def report(model: nn.Module, part: Windowed, target: Target, shown: Shown, device: torch.device) -> dict[str, Any]:
    """The forecast of a part as JSON: errors whole and by step, the naive forecast's, and windows to look at.

    Of classes, only the windows.
    """
    found: dict[str, Any] = {"part": shown.part, "shown": _shown(shown)}
    if target.classes is not None:
        return found
    ours, naive = _judged(model, part, target, device)
    whole, still = ours.figures(), naive.figures()
    steps: list[dict[str, Any]] = [
        {"ahead": part.window.ahead + i, **figures} for i, figures in enumerate(ours.by_step())
    ]
    for step, figures in zip(steps, naive.by_step(), strict=False):
        step["naive"] = figures
    found |= {"whole": whole, "naive": still, "steps": steps}
    found["shown"] |= _pictured(model, part, target, shown, device)
    return found


def in_words(found: dict[str, Any]) -> str | None:
    """The line that says what there is to beat; None where there is nothing of the kind."""
    if not found.get("naive"):
        return None
    naive, ours = found["naive"]["mae"], found["whole"]["mae"]
    return f"naive forecast: MAE {_short(naive)}, the model's {_short(ours)} ({found['part']})"


def _judged(model: nn.Module, part: Windowed, target: Target, device: torch.device) -> tuple[_Errors, _Errors]:
    """The errors of the model, and those of the naive forecast where the last value seen is told and lies before."""
    ours, naive, scale = _Errors(part.window.horizon), _Errors(part.window.horizon), target.spread
    model.eval()
    for rows in pieces(part):
        inputs, targets = (one.to(device) for one in part.take(rows))
        ours.add((numbers_of(model(inputs), target.reading).double() - targets) * scale)
        last = part.last_known(rows).to(device)
        told = last.isfinite().flatten() & part.window.sees_target
        naive.add(((last.double() - targets) * scale)[told])
        part.release()
    return ours, naive


def _shown(shown: Shown) -> dict[str, Any]:
    return {
        "series": shown.series if isinstance(shown.series, bool | int | float | str) else None,
        "places": shown.places.tolist(),
        "axis": shown.axis,
        "first": spell(shown.first),
        "last": spell(shown.last),
    }


def _pictured(
    model: nn.Module, part: Windowed, target: Target, shown: Shown, device: torch.device
) -> dict[str, Sequence[float | str]]:
    """Of each window shown: what came, and what was predicted, for the first row and for the last one; (n,) each."""
    which = torch.from_numpy(shown.which).to(part.device)
    came, said = [], []
    step = max(1, next(iter(pieces(part))).stop)
    for start in range(0, len(which), step):
        inputs, targets = (one.to(device) for one in part.take(which[start : start + step]))
        came.append(targets.cpu())
        said.append(numbers_of(model(inputs), target.reading).cpu())
    actual, predicted = ((torch.cat(one).double() * target.spread + target.center).numpy() for one in (came, said))
    return {
        "actual_first": spell(actual[:, 0]),
        "actual_last": spell(actual[:, -1]),
        "predicted_first": spell(predicted[:, 0]),
        "predicted_last": spell(predicted[:, -1]),
    }


def _spelled(absolute: float, squared: float) -> dict[str, float | str]:
    return {"mae": spell_one(absolute), "rmse": spell_one(squared**0.5)}


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
