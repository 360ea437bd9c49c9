"""What a training looks back on: its epochs one by one, and its steps in a bounded number of windows."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.columns import spell, unspell

_MAX_WINDOWS = 128
_LOOKS = 8


@dataclass
class Window:
    """Consecutive training steps: the last one's number, the mean of their losses, the last and the highest rate.

    Also the mean and the highest norm of their gradients; one that is not finite counts as none.
    """

    last_step: int
    num_steps: int
    loss: float
    lr: float
    peak_lr: float
    grad_norm: float = 0.0
    peak_grad_norm: float = 0.0

    def joined(self, later: "Window") -> "Window":
        """This window and the one after it as one."""
        num_steps = self.num_steps + later.num_steps
        loss = (self.loss * self.num_steps + later.loss * later.num_steps) / num_steps
        norm = (self.grad_norm * self.num_steps + later.grad_norm * later.num_steps) / num_steps
        peaks = max(self.peak_lr, later.peak_lr), max(self.peak_grad_norm, later.peak_grad_norm)
        return Window(later.last_step, num_steps, loss, later.lr, peaks[0], norm, peaks[1])


@dataclass
class History:
    """The losses of a training so far. `epochs[name][i]` is the value of a series after epoch i.

    `layers[name]` are the last eight values of a series of the layers. Windows double their width whenever there are
    too many of them, so a run of any length keeps at most 128.
    """

    windows: list[Window] = field(default_factory=list)
    width: int = 1
    epochs: dict[str, list[float]] = field(default_factory=dict)
    layers: dict[str, list[float]] = field(default_factory=dict)

    def add_step(self, step: int, loss: float, lr: float, grad_norm: float = 0.0) -> None:
        """Take in the training loss of one step, its rate and the norm of its gradient."""
        norm = grad_norm if math.isfinite(grad_norm) else 0.0
        window = Window(step, 1, loss, lr, lr, norm, norm)
        if self.windows and self.windows[-1].num_steps < self.width:
            self.windows[-1] = self.windows[-1].joined(window)
            return
        self.windows.append(window)
        if len(self.windows) > _MAX_WINDOWS:
            self._widen()

    def _widen(self) -> None:
        # The window just opened has no partner yet, and stays as it is.
        pairs = zip(self.windows[0:-1:2], self.windows[1:-1:2], strict=True)
        self.windows = [first.joined(second) for first, second in pairs] + self.windows[-1:]
        self.width *= 2

    def add_epoch(self, name: str, value: float) -> None:
        """Take in the value of a series after an epoch."""
        self.epochs.setdefault(name, []).append(value)

    def add_look(self, values: Mapping[str, float]) -> None:
        """Take in what was seen of layers at one step, by series."""
        for name, value in values.items():
            known = self.layers.setdefault(name, [])
            known.append(value)
            del known[:-_LOOKS]

    def last(self, name: str) -> float:
        """The newest value of a series of epochs, NaN when there is none."""
        return self.epochs[name][-1] if self.epochs.get(name) else math.nan

    def copy(self) -> "History":
        """The history so far, for as long as it is wanted. (A window is replaced, never changed.)"""
        epochs, layers = ({name: list(one) for name, one in own.items()} for own in (self.epochs, self.layers))
        return History(list(self.windows), self.width, epochs, layers)

    def state(self) -> dict[str, Any]:
        """The history as JSON has it; what is not finite is spelled out."""
        spelled = {"epochs": _spelled(self.epochs), "layers": _spelled(self.layers)}
        return {"windows": [asdict(window) for window in self.windows], "width": self.width, **spelled}

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> "History":
        """The history that `state` gave."""
        windows = [Window(**window) for window in state["windows"]]
        return cls(windows, state["width"], _unspelled(state["epochs"]), _unspelled(state.get("layers", {})))


def _spelled(series: Mapping[str, list[float]]) -> dict[str, Any]:
    return {name: spell(np.array(values)) for name, values in series.items()}


def _unspelled(series: Mapping[str, Any]) -> dict[str, list[float]]:
    return {name: unspell(values).tolist() for name, values in series.items()}
