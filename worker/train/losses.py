"""Losses: what the optimizer lowers, and what a model that ignores its inputs would reach at best.

Outputs and targets come as the model and `worker.data` shape them: `(N, K)` with class indices `(N,)`, or
`(N, 1)` with numbers of the same shape, `(N, H)` where H values are predicted; answers of many places as
`worker.train.places` has them.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.train.places import ROWS, Places
from worker.train.sampling import Some

Loss = Callable[[Tensor, Tensor], Tensor]

_MOST = 1 << 22  # numbers that a median is of

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


def constant_outputs(type: str, targets: Iterable[Tensor], num_outputs: int) -> Tensor:
    """The outputs `(num_outputs,)` with the lowest loss among those that do not look at the inputs; of each place.

    The mean for squares, the median for absolute values, the shares of the classes for the entropies. Targets come
    some at a time; of more than four million numbers the median is that of two to four million, chosen at random.
    """
    match type:
        case "mse_loss" | "binary_cross_entropy":
            return _mean(targets)
        case "l1_loss":
            return _median(targets)
        case "binary_cross_entropy_with_logits":
            return torch.logit(_mean(targets), eps=1e-6)
    counts = torch.zeros(num_outputs, dtype=torch.int64)
    for some in targets:
        counts = counts.to(some.device) + torch.bincount(some.flatten(), minlength=num_outputs)
    return (counts / counts.sum().clamp_min(1)).clamp_min(1e-6).log()


def chance(loss: Loss, outputs: Tensor, targets: Iterable[Tensor], places: Places = ROWS) -> float:
    """The loss of the same `outputs` for every target: what a model has to beat to have learned anything."""
    total, num_rows = 0.0, 0
    for some in targets:
        count = int(places.count(some))
        total += float(loss(outputs.expand(len(some), *outputs.shape), some)) * count
        num_rows += count
    return total / max(1, num_rows)


def _mean(targets: Iterable[Tensor]) -> Tensor:
    total, num_rows = torch.zeros(()), 0
    for some in targets:
        total = total.to(some.device) + some.sum(dim=0, dtype=torch.float64)
        num_rows += len(some)
    return (total / num_rows).float()


def _median(targets: Iterable[Tensor]) -> Tensor:
    some: Some | None = None
    for piece in targets:
        some = some or Some(max(1, _MOST // max(1, piece[:1].numel())))
        some.add(piece)
    assert some is not None, "a part has rows"
    return some.rows().median(dim=0).values
