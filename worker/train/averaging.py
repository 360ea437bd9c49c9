"""Means of weights over the steps of a training: what a run leaves in place of its last ones, where it is asked to.

Which steps count, and how much, follows from their numbers alone, so that there is nothing to restore but the means.
As torch.optim.swa_utils has it, whose AveragedModel would wait for the device at each step.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from app.specs.averages import EMA, SWA

Rate = Callable[[int], float]


class Averaging:
    """None: what a training leaves are its last weights."""

    def add(self, step: int) -> None:
        """Count in the weights after so many steps."""

    @contextmanager
    def in_place(self, step: int) -> Iterator[None]:
        """Give the model, for a while, the weights that it would be left with after so many steps."""
        yield

    def take(self, step: int) -> str | None:
        """Give the model those weights for good. Returns what they are, in words, where they are not its last."""
        return None

    def tensors(self) -> dict[str, Tensor]:
        """What changes while training."""
        return {}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave."""


class Mean(Averaging):
    """A mean of weights, in which those after a step count by its `share`: 0 not at all, 1 alone.

    It begins with the weights after step `first`. `finish` is called when they were given to the model, with the step.
    """

    def __init__(
        self,
        model: nn.Module,
        first: int,
        share: Callable[[int], float],
        words: str,
        finish: Callable[[int], None] = lambda step: None,
    ) -> None:
        self._model, self._first, self._share, self._words, self._finish = model, first, share, words, finish
        self._parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
        self._means = {name: parameter.clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def add(self, step: int) -> None:
        """Count in the weights after so many steps."""
        share = self._share(step) if step >= self._first else 0.0
        if share:
            means, weights = list(self._means.values()), list(self._parameters.values())
            torch._foreach_copy_(means, weights) if share == 1 else torch._foreach_lerp_(means, weights, share)

    @contextmanager
    def in_place(self, step: int) -> Iterator[None]:
        """Give the model its means for a while, once there are any. Buffers are the model's own."""
        if step < self._first:
            yield
            return
        own = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        self.take(step)
        try:
            yield
        finally:
            self._model.load_state_dict(own)

    @torch.no_grad()
    def take(self, step: int) -> str | None:
        """Give the model its means for good, once there are any."""
        if step < self._first:
            return None
        torch._foreach_copy_(list(self._parameters.values()), list(self._means.values()))
        self._finish(step)
        return self._words

    def tensors(self) -> dict[str, Tensor]:
        """The means, by the names of parameters."""
        return self._means

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        for name, mean in self._means.items():
            mean.copy_(tensors[name])


def moving(model: nn.Module, ema: EMA) -> Averaging:
    """The mean of the weights after each step, in which older ones count less and less."""
    first = ema.start_step + 1
    share = 1 - ema.decay
    return Mean(model, first, lambda step: 1 if step == first else share, "the moving average of the weights")


def of_epochs(model: nn.Module, swa: SWA, steps_per_epoch: int, finish: Callable[[int], None]) -> Averaging:
    """The plain mean of the weights after each epoch from `swa.start_epoch` on."""

    def share(step: int) -> float:
        epoch, within = divmod(step, steps_per_epoch)
        return 0 if within else 1 / (epoch - swa.start_epoch)

    words = f"the mean of the weights after each epoch from {swa.start_epoch + 1:,} on"
    return Mean(model, (swa.start_epoch + 1) * steps_per_epoch, share, words, finish)


def annealed(rate: Rate, swa: SWA, steps_per_epoch: int) -> Rate:
    """The learning rate of a run that averages: `rate` until it begins, then an epoch at a time towards its own.

    As torch's SWALR that begins with epoch `swa.start_epoch`.
    """
    first = swa.start_epoch * steps_per_epoch

    def annealing(step: int) -> float:
        if step < first:
            return rate(step)
        return swa.rate(rate(first), step // steps_per_epoch - swa.start_epoch)

    return annealing
