"""The figures of normalization layers that were given none: measured on the training rows, before the first step."""

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from worker.nn.modules import Normalization
from worker.train.batches import AnyPart

ROWS_AT_ONCE = 1024


class _Moments:
    """Count, mean and sum of squared differences (C,), batch by batch (Chan, Golub, LeVeque, 1983)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean_C: Tensor | float = 0.0
        self.squares_C: Tensor | float = 0.0

    def add(self, x: Tensor, dim: int) -> None:
        rows_NC = x.movedim(dim, -1).flatten(0, -2).double()
        count, mean_C = len(rows_NC), rows_NC.mean(0)
        total = self.count + count
        apart_C = mean_C - self.mean_C
        self.squares_C = self.squares_C + ((rows_NC - mean_C) ** 2).sum(0) + apart_C**2 * self.count * count / total
        self.mean_C = self.mean_C + apart_C * count / total
        self.count = total


class _SeenError(Exception):
    """Every layer has seen the batch: what comes after them need not be computed."""


@torch.no_grad()
def measure(module: nn.Module, part: AnyPart, device: torch.device) -> None:
    """Set mean and deviation of every normalization layer of `module` that asks for it to those of all rows of `part`.

    What does not vary is divided by 1, as scikit-learn's StandardScaler does.
    """
    layers = [one for one in module.modules() if isinstance(one, Normalization) and one.asks]
    if not layers:
        return
    moments = {id(one): _Moments() for one in layers}
    waiting: set[int] = set()

    def look(layer: nn.Module, inputs: Any) -> None:
        assert isinstance(layer, Normalization)
        moments[id(layer)].add(inputs[0], layer.dim)
        waiting.discard(id(layer))
        if not waiting:
            raise _SeenError

    hooks = [one.register_forward_pre_hook(look) for one in layers]
    was_training = module.training
    module.eval()
    for start in range(0, len(part), ROWS_AT_ONCE):
        waiting.update(moments)
        inputs, _ = part.take(slice(start, start + ROWS_AT_ONCE))
        with suppress(_SeenError):
            module(part.ready(inputs.to(device)))
        part.release()
    module.train(was_training)
    for hook in hooks:
        hook.remove()
    for one in layers:
        found = moments[id(one)]
        std_C = torch.as_tensor(found.squares_C / found.count).sqrt()
        one.mean.copy_(torch.as_tensor(found.mean_C))
        one.std.copy_(torch.where(std_C > 0, std_C, torch.ones_like(std_C)))
