"""Losses: what the optimizer lowers, and what always giving the same outputs would reach.

Outputs and targets come as the model and `worker.data` shape them: `(N, K)` with class indices `(N,)`, or
`(N, 1)` with numbers of the same shape, `(N, H)` where H values are predicted; answers of many places as
`worker.train.places` has them.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.train import formulas

Loss = Callable[[Tensor, Tensor], Tensor]

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "huber_loss": F.huber_loss,
    "poisson_nll_loss": F.poisson_nll_loss,
    "gaussian_nll_loss": formulas.gaussian_nll_loss,
    "kl_div": partial(F.kl_div, reduction="batchmean"),
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
    "nll_loss": F.nll_loss,
    "focal_loss": formulas.focal_loss,
    "multi_margin_loss": F.multi_margin_loss,
    "ctc_loss": formulas.ctc_loss,
    "sigmoid_focal_loss": formulas.sigmoid_focal_loss,
    "hinge_loss": formulas.hinge_loss,
    "soft_margin_loss": formulas.soft_margin_loss,
    "multilabel_soft_margin_loss": F.multilabel_soft_margin_loss,
    "multilabel_margin_loss": formulas.multilabel_margin_loss,
}


def build(type: str, **arguments: Any) -> Loss:
    """The mean loss over a batch, a 0-d tensor. `arguments` are torch's own."""
    function = FUNCTIONS[type]
    if not arguments:
        return function
    return lambda outputs, targets: function(outputs, targets, **arguments)


def chance(
    loss: Loss, outputs: Tensor, targets: Iterable[Tensor], count: Callable[[Tensor], int | Tensor] = len
) -> float:
    """The loss of the same `outputs` for every target: what a model has to beat to have learned anything.

    `count` says by what the loss of some targets is divided.
    """
    return mean(loss, ((outputs.expand(len(some), *outputs.shape), some) for some in targets), count)


def mean(loss: Loss, batches: Iterable[tuple[Tensor, Tensor]], count: Callable[[Tensor], int | Tensor] = len) -> float:
    """The loss of all outputs and targets, which come some at a time."""
    total, weighed = 0.0, 0.0
    for outputs, targets in batches:
        own = float(count(targets))
        total += float(loss(outputs, targets)) * own
        weighed += own
    return total / weighed if weighed else 0.0
