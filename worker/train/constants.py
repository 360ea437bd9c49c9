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
from worker.train.balance import counts_of, mean_of
from worker.train.sampling import Some

_MOST = 1 << 22  # numbers that a median is of
_LEAST_SHARE = 1e-6  # of a class: its logarithm stays finite
_LEANING = 1e-5
_HALVINGS = 60  # of an interval, until no number of eight bytes lies within


def constant_outputs(
    loss: AnyLoss, targets: Iterable[Tensor], num_outputs: int, weight: Tensor | None = None
) -> Tensor:
    """The outputs `(num_outputs,)` with the lowest loss among those that do not look at the inputs; of each place.

    `weight` is what each class counts (K,), or a yes.

    The mean for squares, the median for absolute values, the shares of the classes for the entropies. Targets come
    some at a time; of more than four million numbers the median is that of two to four million, chosen at random.
    """
    match loss:
        case MSELoss() | BinaryCrossEntropy():
            return mean_of(targets)
        case L1Loss():
            return _some(targets).median(dim=0).values
        case SmoothL1Loss(beta=width) | HuberLoss(delta=width):
            return _centre(_some(targets), width)
        case BinaryCrossEntropyWithLogits():
            return torch.logit(_weighed_yes(mean_of(targets), weight), eps=_LEAST_SHARE)
        case CrossEntropy(label_smoothing=spread):
            return _shares(counts_of(targets, num_outputs), weight, spread).log()
        case NLLLoss():
            return _shares(counts_of(targets, num_outputs), weight).log()


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


def _shares(counts: Tensor, weight: Tensor | None, label_smoothing: float = 0.0) -> Tensor:
    """Of each class (K,), as it counts; where a part of the certainty is spread over all, with that part."""
    shares = counts / counts.sum().clamp_min(1)
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / len(counts)
    if weight is not None:
        shares = _leaning(weight * shares / (weight * shares).sum(), shares)
    return shares.clamp_min(_LEAST_SHARE)


def _weighed_yes(share: Tensor, weight: Tensor | None) -> Tensor:
    return share if weight is None else _leaning(weight * share / (weight * share + 1 - share), share)


def _leaning(weighed: Tensor, shares: Tensor) -> Tensor:
    """Hardly another number, but where all count the same the most frequent is ahead."""
    return (weighed + _LEANING * shares) / (1 + _LEANING)
