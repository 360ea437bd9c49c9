"""Losses: what the optimizer lowers, and what a model that ignores its inputs would reach at best.

Outputs and targets come as the model and `worker.data` shape them: `(N, K)` with class indices `(N,)`, or
`(N, 1)` with numbers of the same shape, `(N, H)` where H values are predicted.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

Loss = Callable[[Tensor, Tensor], Tensor]

_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "nll_loss": F.nll_loss,
}


def build(type: str, **arguments: Any) -> Loss:
    """The mean loss over a batch, a 0-d tensor. `arguments` are torch's own."""
    function = _FUNCTIONS[type]
    if not arguments:
        return function
    return lambda outputs, targets: function(outputs, targets, **arguments)


def constant_outputs(type: str, targets: Tensor, num_outputs: int) -> Tensor:
    """The outputs `(num_outputs,)` with the lowest loss among those that do not look at the inputs.

    The mean for squares, the median for absolute values, the shares of the classes for the entropies.
    """
    match type:
        case "mse_loss":
            return targets.mean(dim=0)
        case "l1_loss":
            return targets.median(dim=0).values
        case "binary_cross_entropy":
            return targets.mean(dim=0)
        case "binary_cross_entropy_with_logits":
            return torch.logit(targets.mean(dim=0), eps=1e-6)
    shares = torch.bincount(targets.flatten(), minlength=num_outputs) / targets.numel()
    return shares.clamp_min(1e-6).log()


def chance(type: str, loss: Loss, targets: Tensor, num_outputs: int) -> float:
    """The lowest loss on `targets` that needs no inputs: what a model has to beat to have learned anything."""
    outputs = constant_outputs(type, targets, num_outputs)
    return float(loss(outputs.expand(len(targets), *outputs.shape), targets))
