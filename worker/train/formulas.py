"""Losses that torch lacks, or takes in another form than targets come in. Each is a function as torch's are: the mean.

Scripts quote them word for word.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.train.sequences import in_order

_LEAST = 1e-12  # what is raised to a power: of 0, powers below 1 have no gradient


def gaussian_nll_loss(outputs: Tensor, targets: Tensor, full: bool = False, eps: float = 1e-6) -> Tensor:
    """torch's, of outputs (N, 2n, …) that are n means and then n logarithms of variances (Nix and Weigend, 1994).

    torch's own waits for the device to tell whether a variance is negative, which none is here.
    """
    means, logs = outputs.chunk(2, dim=1)
    variances = logs.exp()
    with torch.no_grad():
        lacking = variances.clamp_min(eps) - variances
    variances = variances + lacking
    loss = 0.5 * (variances.log() + (means - targets) ** 2 / variances)
    return loss.mean() + 0.5 * math.log(2 * math.pi) if full else loss.mean()


def hinge_loss(outputs: Tensor, targets: Tensor, p: int = 1, margin: float = 1.0) -> Tensor:
    """What scores lack to be a margin above 0 where the target is 1, and below where it is 0 (Cortes, Vapnik, 1995)."""
    lacking = (margin - (2 * targets - 1) * outputs).clamp_min(0)
    return lacking.mean() if p == 1 else lacking.square().mean()


def soft_margin_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """torch's, of targets that are 0 and 1."""
    return F.soft_margin_loss(outputs, 2 * targets - 1)


def focal_loss(outputs: Tensor, targets: Tensor, gamma: float = 2.0, weight: Tensor | None = None) -> Tensor:
    """Cross entropy of scores (N, K, …), times (1 - p) ** gamma, where p is what the class has (Lin et al., 2017)."""
    logs = outputs.log_softmax(dim=1)
    others = (-torch.expm1(logs)).clamp_min(_LEAST)
    return F.nll_loss(others**gamma * logs, targets, weight=weight)


def sigmoid_focal_loss(outputs: Tensor, targets: Tensor, alpha: float | None = 0.25, gamma: float = 2.0) -> Tensor:
    """The same of one score, where a yes counts alpha and a no the rest to 1 (torchvision's sigmoid_focal_loss)."""
    yes, no = F.logsigmoid(outputs), F.logsigmoid(-outputs)
    yes, no = yes * torch.exp(gamma * no), no * torch.exp(gamma * yes)
    if alpha is not None:
        yes, no = alpha * yes, (1 - alpha) * no
    return -(targets * yes + (1 - targets) * no).mean()


def ctc_loss(outputs: Tensor, targets: Tensor, zero_infinity: bool = False) -> Tensor:
    """torch's, of outputs (N, T, K) and tokens (N, S), which may be filled up at either end; 0 is the blank."""
    tokens = in_order(targets)
    lengths = (tokens != 0).sum(1)
    places = torch.full_like(lengths, outputs.shape[1])
    return F.ctc_loss(outputs.transpose(0, 1), tokens, places, lengths, zero_infinity=zero_infinity)


def multilabel_margin_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """torch's, of a column of 0 and 1 for each label; torch takes the numbers of those that are 1, and then -1."""
    ordered, columns = targets.sort(dim=1, descending=True, stable=True)
    return F.multilabel_margin_loss(outputs, torch.where(ordered > 0.5, columns, -1))
