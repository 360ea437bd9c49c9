"""Early stopping, and the weights of the best epoch."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

_LOWER_IS_BETTER = ("loss", "mae", "mse", "error")  # rmse with them


def sign(series: str) -> int:
    """1 where lower values of the series are better, -1 where higher ones are: the sign that makes it fall."""
    return 1 if series.endswith(_LOWER_IS_BETTER) else -1


@dataclass
class EarlyStopping:
    """Stops when `patience` epochs in a row brought no value better by more than `min_delta` than the best."""

    series: str
    patience: int
    min_delta: float = 0.0
    restore_best: bool = True
    best: float | None = None
    best_epoch: int = 0
    num_bad_epochs: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def judge(self, epoch: int, value: float, model: nn.Module) -> bool:
        """Take in the value after `epoch`, from 1. Returns whether to stop. What is not finite is never better."""
        better = math.isfinite(value)
        if better and self.best is not None:
            better = sign(self.series) * (self.best - value) > self.min_delta
        if not better:
            self.num_bad_epochs += 1
            return self.num_bad_epochs >= self.patience
        self.best, self.best_epoch, self.num_bad_epochs = value, epoch, 0
        if self.restore_best:
            self.best_weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        return False

    def state(self) -> dict[str, Any]:
        """What changes while training, but for the weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "num_bad_epochs": self.num_bad_epochs}

    def restore(self, state: dict[str, Any], best_weights: dict[str, Tensor], device: torch.device) -> None:
        """Take up what `state` gave, and the weights."""
        self.best, self.best_epoch, self.num_bad_epochs = state["best"], state["best_epoch"], state["num_bad_epochs"]
        self.best_weights = {name: tensor.to(device) for name, tensor in best_weights.items()}
