"""Answers of many places, read as rows of one: for the loss, the metrics, and what a constant answer reaches.

Outputs and targets of plain answers are rows already, and pass as they are. Of numbers every row has as many places,
so that the mean over rows is that over places. Classes are counted place by place: at each pixel of a mask,
(N, K, H, W) and (N, H, W), which torch's losses take so; at each token of a text, (N, L, K) and (N, L), but for those
of no token.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

IGNORED = -100  # the target of a place that has none: what torch's losses leave out

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Places:
    """What the places of an answer are: `numbers` of plain rows too, `pixels` and `tokens` that are classes.

    `shape` is that of the places of a row, where they are classes, and `binary` says that each is yes or no. A
    `sequence` is tokens of which a row has fewer than places: it is one answer.
    """

    kind: Literal["rows", "pixels", "tokens", "binary", "sequence"] = "rows"
    shape: tuple[int, ...] = ()

    def count(self, targets: Tensor) -> int | Tensor:
        """How many answers there are, each counted for itself."""
        if self.kind in ("rows", "sequence"):
            return len(targets)
        return (targets != IGNORED).sum() if self.kind == "tokens" else targets.numel()

    def rows(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs whose classes lie along dimension 1, and the targets beside them: views, nothing is copied."""
        if self.kind != "tokens":
            return outputs, targets
        return outputs.flatten(0, 1), targets.flatten()

    def loss(self, loss: Loss) -> Loss:
        """The same loss, of answers as they come."""
        if self.kind != "tokens":
            return loss

        def of_tokens(outputs: Tensor, targets: Tensor) -> Tensor:
            found = loss(*self.rows(outputs, targets))
            return torch.where((targets != IGNORED).any(), found, 0.0)  # of empty texts alone there is nothing to say

        return of_tokens

    def spread(self, outputs: Tensor) -> Tensor:
        """The outputs of one place (K,) as those of all places of a row."""
        match self.kind:
            case "pixels":
                return outputs.reshape(-1, *[1] * len(self.shape)).expand(-1, *self.shape)
            case "tokens" | "sequence":
                return outputs.expand(*self.shape, -1)
        return outputs

    def told(self, targets: Iterable[Tensor]) -> Iterable[Tensor]:
        """The targets that there are, one after the other, for whoever counts classes."""
        if self.kind != "tokens":
            return targets
        return (some[some != IGNORED] for some in targets)


ROWS = Places()


def as_shares(pixels: Tensor) -> Tensor:
    """The bytes of images as numbers from 0 to 1."""
    return pixels.float() / 255


def as_tokens(numbers: Tensor) -> Tensor:
    """Tokens as classes: what fills a text up is none."""
    return torch.where(numbers == 0, IGNORED, numbers)
