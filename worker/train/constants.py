"""The outputs of a model that ignores its inputs: of all that are the same for every row, those with the lowest loss.

They are what a model has to beat. Most follow from means, medians or counts; the rest is found by bisection.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from app.specs.losses import (
    AnyLoss,
    BinaryCrossEntropy,
    ClassLoss,
    CrossEntropy,
    CTCLoss,
    FocalLoss,
    GaussianNLLLoss,
    HingeLoss,
    HuberLoss,
    KLDiv,
    L1Loss,
    MultilabelMarginLoss,
    MultiMarginLoss,
    PoissonNLLLoss,
    SigmoidFocalLoss,
    SmoothL1Loss,
)
from worker.train import solving
from worker.train.balance import counts_of, mean_of
from worker.train.sampling import Some
from worker.train.sequences import in_order

_MOST = 1 << 22  # numbers that a median is of
_MOST_TEXTS = 256  # of which tokens are aligned
_LEAST_SHARE = 1e-6  # of a class: its logarithm stays finite
_LEANING = 1e-5


def constant_outputs(
    loss: AnyLoss, targets: Iterable[Tensor], num_outputs: int, weight: Tensor | None = None, num_places: int = 1
) -> Tensor:
    """The outputs `(num_outputs,)` with the lowest loss among those that do not look at the inputs; of each place.

    `weight` is what each class counts (K,), or a yes; `num_places` at how many a model answers, of tokens in order.

    The mean for squares, the median for absolute values, the shares of the classes for the entropies. Targets come
    some at a time; of more than four million numbers the median is that of two to four million, chosen at random.
    """
    if isinstance(loss, ClassLoss):
        return _scores(loss, counts_of(targets, num_outputs), weight).float()
    if isinstance(loss, CTCLoss):
        return _in_order(targets, num_outputs, num_places).float()
    return _numbers(loss, targets) if loss.group == "numbers" else _yes(loss, targets, weight)


def _scores(loss: ClassLoss, counts: Tensor, weight: Tensor | None) -> Tensor:
    """Of one class of several (K,), by how often each occurs."""
    match loss:
        case CrossEntropy(label_smoothing=spread):
            return _shares(counts, weight, spread).log()
        case FocalLoss(gamma=gamma):
            return solving.focal_shares(_shares(counts, weight), gamma).clamp_min(_LEAST_SHARE).log()
        case MultiMarginLoss(p=p, margin=margin):
            shares = _shares(counts, weight).cpu()
            return solving.apart(shares.unsqueeze(1) * (1 - torch.eye(len(counts))), margin, p)
    return _shares(counts, weight).log()


def _in_order(targets: Iterable[Tensor], num_tokens: int, num_places: int) -> Tensor:
    """Of each token and of nothing (K,), at each place the same; tokens that few texts have, by how often they are."""
    kept, counts = Some(_MOST_TEXTS), torch.zeros(num_tokens)
    for some in targets:
        tokens = in_order(some)
        kept.add(tokens)
        counts = counts.to(some.device) + tokens.flatten().bincount(minlength=num_tokens)
    texts, counts = kept.rows().cpu(), counts.double().cpu()
    counts[0] = 0
    is_there = texts.flatten().bincount(minlength=num_tokens) > 0
    is_there[0] = True  # nothing
    there, own = is_there.nonzero().flatten(), is_there.cumsum(0)[texts] - 1
    found = torch.zeros(num_tokens, dtype=torch.float64)
    found[there] = solving.aligned_shares(own, len(there), num_places)
    lacking = counts.index_fill(0, there, 0)
    found += lacking * found[1:].sum() / counts[there].sum().clamp_min(1)
    return (found / found.sum()).clamp_min(_LEAST_SHARE).log()


def _numbers(loss: AnyLoss, targets: Iterable[Tensor]) -> Tensor:
    match loss:
        case L1Loss():
            return _some(targets).median(dim=0).values
        case SmoothL1Loss(beta=width) | HuberLoss(delta=width):
            return solving.centre(_some(targets), width).float()
        case PoissonNLLLoss(log_input=True):
            return mean_of(targets).clamp_min(_LEAST_SHARE).log()
        case GaussianNLLLoss(eps=eps):
            return _normal(targets, eps)
        case KLDiv(log_target=is_log):
            shares = mean_of(some.exp() if is_log else some for some in targets)
            return (shares / shares.sum()).clamp_min(_LEAST_SHARE).log()
    return mean_of(targets)


def perfect_rates(loss: PoissonNLLLoss, targets: Tensor) -> Tensor:
    """The outputs that say each target exactly: even these have a loss."""
    return targets.clamp_min(_LEAST_SHARE).log() if loss.log_input else targets


def _normal(targets: Iterable[Tensor], least: float) -> Tensor:
    """Of each place the mean, and then of each the logarithm of the variance."""
    sums, num_rows = torch.zeros(2), 0
    for some in targets:
        own = torch.stack([some.sum(0, dtype=torch.float64), some.double().square().sum(0)])
        sums, num_rows = (own if not num_rows else sums + own), num_rows + len(some)
    mean, squares = sums / num_rows
    return torch.cat([mean, (squares - mean.square()).clamp_min(least).log()]).float()


def _yes(loss: AnyLoss, targets: Iterable[Tensor], weight: Tensor | None) -> Tensor:
    """Of yes or no, by how often it is yes."""
    if isinstance(loss, MultilabelMarginLoss):
        return solving.apart(_beside(targets), 1.0, 1).float()
    share = mean_of(targets)
    match loss:
        case BinaryCrossEntropy():
            return share
        case SigmoidFocalLoss(alpha=alpha, gamma=gamma):
            return _focal_logit(share, 0.5 if alpha is None else alpha, gamma)
        case HingeLoss(p=p, margin=margin):
            lean = 2 * share - 1
            return margin * (lean if p == 2 else lean.sign())
    return torch.logit(_weighed_yes(share, weight), eps=_LEAST_SHARE)


def _some(targets: Iterable[Tensor]) -> Tensor:
    """All rows, or of very many some."""
    some: Some | None = None
    for piece in targets:
        some = some or Some(max(1, _MOST // max(1, piece[:1].numel())))
        some.add(piece)
    assert some is not None, "a part has rows"
    return some.rows()


def _focal_logit(share: Tensor, alpha: float, gamma: float) -> Tensor:
    parts = torch.stack([alpha * share, (1 - alpha) * (1 - share)]).clamp_min(_LEAST_SHARE)
    return torch.logit(solving.focal_shares(parts, gamma)[0], eps=_LEAST_SHARE).float()


def _beside(targets: Iterable[Tensor]) -> Tensor:
    """How often each label (K, K) is there where another is not."""
    return sum((some.double().T @ (1 - some.double()) for some in targets), torch.zeros(()))


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
