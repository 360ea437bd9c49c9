"""Best constant answers that no formula gives: minima of convex functions of a few numbers, found surely.

Everything is computed in numbers of eight bytes, on the CPU.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

_HALVINGS = 40  # of an interval
_LEAST = 1e-12  # a share
_SOFTENINGS = (0.3, 0.1, 0.03, 0.01)  # of an edge, as shares of the margin
_MAX_ROUNDINGS = 16
_MOST_ALIGNED = 1 << 19  # numbers, at once
_ALIGNMENTS, _ALIGNED = 200, 1e-6


def centre(rows: Tensor, width: float) -> Tensor:
    """Of each place of rows (N, …) the number from which the differences, each cut off at `width`, add up to 0."""
    low, high = rows.amin(0).double(), rows.amax(0).double()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_above = (middle - rows).clamp(-width, width).sum(0) > 0
        low, high = torch.where(is_above, low, middle), torch.where(is_above, middle, high)
    return (low + high) / 2


def focal_shares(parts: Tensor, gamma: float) -> Tensor:
    """The shares q (K, …) that make the sum of -a (1 - q)^gamma log q small, of parts a (K, …).

    At the minimum the slopes of all classes are the same, so it is found by halving: of the slope, and of each share.
    """
    parts = parts.double().cpu()
    high = _steepness(torch.full_like(parts[0], 1 / len(parts)), gamma) * parts.amax(0)
    low = high * 1e-30
    for _ in range(_HALVINGS):
        middle = (low * high).sqrt()
        is_much = _shares_at(middle / parts.clamp_min(1e-300), gamma).sum(0) > 1
        low, high = torch.where(is_much, middle, low), torch.where(is_much, high, middle)
    shares = _shares_at((low * high).sqrt() / parts.clamp_min(1e-300), gamma)
    return shares / shares.sum(0)


def _shares_at(steepness: Tensor, gamma: float) -> Tensor:
    """Where a term falls so steeply, from 0 to 1: in their logarithms, for they may be very small."""
    low, high = torch.full_like(steepness, _LEAST), torch.ones_like(steepness)
    for _ in range(_HALVINGS):
        middle = (low * high).sqrt()
        is_steeper = _steepness(middle, gamma) > steepness
        low, high = torch.where(is_steeper, middle, low), torch.where(is_steeper, high, middle)
    return high


def _steepness(share: Tensor, gamma: float) -> Tensor:
    """How fast -(1 - q)^gamma log q falls."""
    rest = (1 - share).clamp_min(_LEAST)
    return rest**gamma / share - gamma * rest ** (gamma - 1) * share.log()


def apart(pairs: Tensor, margin: float, p: int) -> Tensor:
    """The scores x (K,) that make the sum of a_jk max(0, margin - x_j + x_k)^p small, of pairs a (K, K).

    Of p = 1 the edges are made soft, less and less, and then the scores are rounded to whole margins: some such scores
    are always among the best, and of a few ways to round one is as good as what was rounded.
    """
    pairs = pairs.double().cpu()
    scores = torch.zeros(len(pairs), dtype=torch.float64)
    if p == 2:
        return margin * _descended(scores, pairs, lambda gaps: gaps.clamp_min(0).square())
    for width in _SOFTENINGS:
        scores = _descended(scores, pairs, partial(F.softplus, beta=1 / width))
    return margin * _rounded(scores, pairs)


def _gaps(scores: Tensor) -> Tensor:
    """What each score lacks (K, K) to be 1 above each other."""
    return 1 - scores.unsqueeze(1) + scores


def _descended(scores: Tensor, pairs: Tensor, of_gaps: Callable[[Tensor], Tensor]) -> Tensor:
    scores = scores.clone().requires_grad_()
    steps = torch.optim.LBFGS([scores], max_iter=100, tolerance_change=1e-12, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        steps.zero_grad()
        found = (pairs * of_gaps(_gaps(scores))).sum()
        torch.autograd.backward(found)
        return found

    steps.step(loss)  # type: ignore[no-untyped-call]
    return scores.detach()


def _rounded(scores: Tensor, pairs: Tensor) -> Tensor:
    """The best of whole numbers near to these, of which those that are rounded up begin somewhere else."""
    parts = (1 - scores + scores.floor()).sort().values + 1e-6
    some = parts[:: max(1, len(parts) // _MAX_ROUNDINGS)]
    ways = [torch.floor(scores + part) for part in some.tolist()]
    return min(ways, key=lambda one: float((pairs * _gaps(one).clamp_min(0)).sum()))


def aligned_shares(texts: Tensor, num_tokens: int, num_places: int) -> Tensor:
    """The shares q (K,) of tokens and of nothing, 0, the same at each place, that make texts (N, S) likeliest.

    Found by expectation and maximisation (Dempster et al., 1977), which no step makes worse: how often each is said
    where the texts are what they are, as the gradient of torch's ctc_loss has it, is its next share.
    """
    texts = texts[: max(1, _MOST_ALIGNED // (num_places * num_tokens))]
    repeated = ((texts[:, 1:] == texts[:, :-1]) & (texts[:, 1:] != 0)).sum(1)  # between these nothing is said
    texts = texts[(texts != 0).sum(1) + repeated <= num_places]
    lengths, places = (texts != 0).sum(1), torch.full((len(texts),), num_places)
    counts = (num_places / lengths.clamp_min(1)).mean()  # of places, as the mean of the losses weighs them
    shares = torch.full((num_tokens,), 1 / num_tokens, dtype=torch.float64)
    for _ in range(_ALIGNMENTS if len(texts) else 0):
        logs = shares.log().expand(num_places, len(texts), -1).clone().requires_grad_()
        (slope,) = torch.autograd.grad(F.ctc_loss(logs, texts, places, lengths), logs)
        before, shares = shares, (counts * shares - slope.sum((0, 1))).clamp_min(_LEAST)
        shares = shares / shares.sum()
        if float((shares - before).abs().max()) < _ALIGNED:
            break
    return shares
