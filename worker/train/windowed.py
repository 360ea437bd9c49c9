"""The windows of a time series as rows of a part: gathered when they are asked for, and never all at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from app.specs.window import Window
from worker.data.shelf import release

# Axes: N windows of a part, B of a batch, R rows of the table in order, L rows seen, F features, H values predicted


@dataclass(frozen=True)
class Windowed:
    """The windows of one part: where each begins (N,), among rows (R, F) and targets (R,) that all parts share.

    Does what `Part` does. `mapped` are the arrays behind rows and targets where they lie in files.
    """

    rows_RF: Tensor
    targets_R: Tensor
    starts_N: Tensor
    window: Window
    mapped: tuple[NDArray[Any], ...] = ()
    judged_at_once: int | None = None  # windows at most, where memory has run out

    def __len__(self) -> int:
        return len(self.starts_N)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What it is made of."""
        return (self.rows_RF, self.targets_R, self.starts_N)

    def of(self, tensors: Sequence[Tensor]) -> "Windowed":
        """The same, made of others, as they lie on another device."""
        rows, targets, starts = tensors
        return replace(self, rows_RF=rows, targets_R=targets, starts_N=starts, mapped=())

    @property
    def device(self) -> torch.device:
        """Where the rows lie."""
        return self.rows_RF.device

    @property
    def row_bytes(self) -> int:
        """What one window takes, once it is made."""
        row = self.rows_RF[:1].nbytes * self.window.length
        return row + self.targets_R[:1].nbytes * self.window.horizon

    def targets_at(self, places: slice) -> Tensor:
        """What is to be predicted of some windows: (B, H) numbers, or class indices (B,)."""
        return self._predicted(self.starts_N[places])

    def take(self, places: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Inputs (B, L, F) and targets (B, H) of some windows, or (B,) of class indices."""
        starts_B = self.starts_N[places]
        return self.rows_RF[self._spread(starts_B, self.window.length)], self._predicted(starts_B)

    def last_known(self, places: Tensor | slice) -> Tensor:
        """The target (B, 1) in the last row that is seen, NaN where it is not told."""
        return self.targets_R[self.starts_N[places] + self.window.length - 1].unsqueeze(1)

    def ready(self, inputs: Tensor) -> Tensor:
        """Inputs as a model is fed."""
        return inputs

    def ready_targets(self, targets: Tensor) -> Tensor:
        """Targets as outputs are held to."""
        return targets

    def release(self) -> None:
        """Let go what was read of a file."""
        for array in self.mapped:
            release(array)

    def _predicted(self, starts_B: Tensor) -> Tensor:
        first_B = starts_B + self.window.length - 1 + self.window.ahead
        targets_BH = self.targets_R[self._spread(first_B, self.window.horizon)]
        return targets_BH if targets_BH.is_floating_point() else targets_BH[:, 0]

    def _spread(self, first_B: Tensor, count: int) -> Tensor:
        """So many places from each on, (B, count)."""
        return first_B.unsqueeze(1) + torch.arange(count, device=first_B.device)
