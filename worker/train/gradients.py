"""What happens to gradients between backward and the optimizer: penalties come in, and what is too large is bounded."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Penalty:
    """l1·Σ|w| + l2·Σw² on one weight. It pulls through the gradient; the loss that is shown stays the data's."""

    weight: Tensor
    l1: float
    l2: float

    @torch.no_grad()
    def value(self) -> Tensor:
        """The penalty itself, 0-d."""
        return self.l1 * self.weight.abs().sum() + self.l2 * self.weight.square().sum()

    def add_gradient(self) -> None:
        """Add the penalty's gradient to the weight's; |w| counts as flat at 0."""
        gradient = self.weight.grad
        if gradient is None:
            return
        if self.l2:
            gradient.add_(self.weight.detach(), alpha=2 * self.l2)
        if self.l1:
            gradient.add_(self.weight.detach().sign(), alpha=self.l1)


@dataclass(frozen=True)
class Limit:
    """The weights of each place along `dim` are, as a vector, no longer than `max_norm` (Srivastava et al., 2014)."""

    weight: Tensor  # all of `parameter`, or a part
    dim: int
    max_norm: float
    parameter: nn.Parameter

    @torch.no_grad()
    def keep(self) -> None:
        """Shorten what is longer, unless it is frozen."""
        if self.parameter.requires_grad:
            self.weight.renorm_(2, self.dim, self.max_norm)


class Gradients:
    """The gradients of a model's parameters."""

    def __init__(
        self,
        model: nn.Module,
        penalties: Iterable[Penalty],
        max_norm: float | None = None,
        max_value: float | None = None,
    ) -> None:
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.penalties = list(penalties)
        self.max_norm, self.max_value = max_norm, max_value

    def clear(self) -> None:
        """Forget them. Optimizer.zero_grad does the same in 30 times the time."""
        for parameter in self.parameters:
            parameter.grad = None

    def penalty(self) -> Tensor | float:
        """What the penalties that pull are together, 0-d: for whoever compares losses of different weights."""
        return sum(one.value() for one in self.penalties)

    def finish(self) -> Tensor:
        """Add the penalties, then bound norm and values if they are to be.

        Returns the norm before that, 0-d, on the device.
        """
        for penalty in self.penalties:
            penalty.add_gradient()
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if self.max_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.max_norm, norm)
        if self.max_value is not None:
            torch.nn.utils.clip_grad_value_(self.parameters, self.max_value)
        return norm
