"""The outputs of a model that ignores its inputs: of all that are the same for every row, those with the lowest loss.

They are what a model has to beat. Most follow from means, medians or counts; the rest is found by bisection.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from app.specs.losses import (
    AnyLoss,
    BinaryCrossEntropy,
    BinaryCrossEntropyWithLogits,
    CrossEntropy,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from worker.train.sampling import Some

_MOST = 1 << 22  # numbers that a median is of
_LEAST_SHARE = 1e-6  # of a class: its logarithm stays finite
_HALVINGS = 60  # of an interval, until no number of eight bytes lies within


def constant_outputs(loss: AnyLoss, targets: Iterable[Tensor], num_outputs: int) -> Tensor:
    """The outputs `(num_outputs,)` with the lowest loss among those that do not look at the inputs; of each place.

    The mean for squares, the median for absolute values, the shares of the classes for the entropies. Targets come
    some at a time; of more than four million numbers the median is that of two to four million, chosen at random.
    """
    match loss:
        case MSELoss() | BinaryCrossEntropy():
            return _mean(targets)
        case L1Loss():
            return _some(targets).median(dim=0).values
        case SmoothL1Loss(beta=width) | HuberLoss(delta=width):
            return _centre(_some(targets), width)
        case BinaryCrossEntropyWithLogits():
            return torch.logit(_mean(targets), eps=_LEAST_SHARE)
        case CrossEntropy(label_smoothing=spread):
            return _shares(_counts(targets, num_outputs), spread).log()
        case NLLLoss():
            return _shares(_counts(targets, num_outputs)).log()


def _mean(targets: Iterable[Tensor]) -> Tensor:
    total, num_rows = torch.zeros(()), 0
    for some in targets:
        total = total.to(some.device) + some.sum(dim=0, dtype=torch.float64)
        num_rows += len(some)
    return (total / num_rows).float()


def _some(targets: Iterable[Tensor]) -> Tensor:
    """All rows, or of very many some."""
    some: Some | None = None
    for piece in targets:
        some = some or Some(max(1, _MOST // max(1, piece[:1].numel())))
        some.add(piece)
    assert some is not None, "a part has rows"
    return some.rows()


def _centre(rows: Tensor, width: float) -> Tensor:
    """Of each place the number from which the differences, each cut off at `width`, add up to 0 (Huber, 1964)."""
    low, high = rows.amin(0).double(), rows.amax(0).double()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_above = (middle - rows).clamp(-width, width).sum(0) > 0
        low, high = torch.where(is_above, low, middle), torch.where(is_above, middle, high)
    return ((low + high) / 2).float()


def _counts(targets: Iterable[Tensor], num_classes: int) -> Tensor:
    counts = torch.zeros(num_classes, dtype=torch.int64)
    for some in targets:
        counts = counts.to(some.device) + torch.bincount(some.flatten(), minlength=num_classes)
    return counts


def _shares(counts: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Of each class; where a part of the certainty is spread over all, with that part."""
    shares = counts / counts.sum().clamp_min(1)
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / len(counts)
    return shares.clamp_min(_LEAST_SHARE)
