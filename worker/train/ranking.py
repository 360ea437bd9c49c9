"""How well scores rank the positive rows above the negative ones, in bounded memory."""

import torch
from torch import Tensor

from worker.train.sampling import Some

RANKED = 1 << 21  # rows of each kind


class Ranking:
    """Scores of rows as they pass. Of up to `limit` positive and as many negative rows the ROC AUC is exact.

    Where there are more of a kind it is that of some of them, chosen at random: with a million of each, off by less
    than a thousandth. Rare rows are kept all of them, and a score may be of any scale.
    """

    def __init__(self, limit: int = RANKED) -> None:
        self._negative, self._positive = Some(limit), Some(limit)

    def add(self, scores: Tensor, positive: Tensor) -> None:
        """The scores of more rows, and whether each is positive; of any shape, the same both."""
        scores, positive = scores.flatten().cpu(), positive.flatten().cpu()
        self._negative.add(scores[~positive])
        self._positive.add(scores[positive])

    def roc_auc(self) -> float | None:
        """The chance that a positive row scores above a negative one, ties counting half; None with one class alone.

        Source: Hanley and McNeil (1982), the Mann–Whitney form.
        """
        kinds = [self._negative.rows(), self._positive.rows()]
        num_negative, num_positive = map(len, kinds)
        if not num_negative or not num_positive:
            return None
        _, places = torch.unique(torch.cat(kinds), return_inverse=True)
        num_places = int(places.max()) + 1
        negative, positive = (
            torch.bincount(some, minlength=num_places) for some in places.split([num_negative, num_positive])
        )
        below = negative.cumsum(0) - negative
        return float(((below.double() + negative.double() / 2) * positive.double()).sum() / num_negative / num_positive)
