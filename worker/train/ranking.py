"""How well scores rank the positive rows above the negative ones: kept row by row while they are few, else counted."""

import torch
from torch import Tensor

RANKED = 1 << 22  # rows that are kept as they are
_BITS = 22  # of a float32 that tell scores apart where they are counted: its sign, its exponent, 13 of its fraction


class Ranking:
    """Scores of rows as they pass. Of up to `limit` the ROC AUC is exact.

    Of more, scores that agree in sign, exponent and the first 13 bits of the fraction count as ties, so that memory
    is bounded; two such scores differ by less than an eight-thousandth.
    """

    def __init__(self, limit: int = RANKED) -> None:
        self._limit = limit
        self._kept: list[tuple[Tensor, Tensor]] = []  # scores and whether they are positive, (N,) each, on the CPU
        self._num_kept = 0
        self._counts: Tensor | None = None  # (2, 2 ** _BITS): of negative and positive rows

    def add(self, scores: Tensor, positive: Tensor) -> None:
        """The scores of more rows, and whether each is positive; of any shape, the same both."""
        self._kept.append((scores.flatten().float().cpu(), positive.flatten().cpu()))
        self._num_kept += scores.numel()
        if self._num_kept > self._limit:
            self._count_kept()

    def roc_auc(self) -> float | None:
        """The chance that a positive row scores above a negative one, ties counting half; None with one class alone.

        Source: Hanley and McNeil (1982), the Mann–Whitney form.
        """
        if not self._kept and self._counts is None:
            return None
        if self._counts is None:
            return _auc(*(torch.cat(column) for column in zip(*self._kept, strict=True)))
        self._count_kept()
        return _auc_of_counts(self._counts)

    def _count_kept(self) -> None:
        if self._counts is None:
            self._counts = torch.zeros(2, 1 << _BITS, dtype=torch.int64)
        for scores, positive in self._kept:
            bits = scores.view(torch.int32)
            ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # whole numbers in the order of the scores
            places = (ordered >> (32 - _BITS)) + (1 << (_BITS - 1))
            self._counts.view(-1).index_add_(
                0, positive.long() * (1 << _BITS) + places, torch.ones(len(places), dtype=torch.int64)
            )
        self._kept, self._num_kept = [], 0


def _auc(scores: Tensor, positive: Tensor) -> float | None:
    _, places = torch.unique(scores, return_inverse=True)
    counts = [torch.bincount(places[chosen], minlength=int(places.max()) + 1) for chosen in (~positive, positive)]
    return _auc_of_counts(torch.stack(counts))


def _auc_of_counts(counts: Tensor) -> float | None:
    """Of how many negative and positive rows (2, K) have each score, ascending."""
    negative, positive = counts
    num_pairs = int(negative.sum()) * int(positive.sum())
    if not num_pairs:
        return None
    below = negative.cumsum(0) - negative
    # Whole numbers of pairs could pass 2 ** 63, and a sum of halves is exact long before that matters.
    return float(((below.double() + negative.double() / 2) * positive.double()).sum() / num_pairs)
