"""Means of weights over the steps of a training, which a run leaves in place of its last ones.

As torch.optim.swa_utils has them: AveragedModel with get_ema_multi_avg_fn, and by itself with SWALR and update_bn. From
where a mean begins, each epoch is validated with it.
"""

import math
from typing import Literal

from pydantic import Field

from app.specs.base import Spec


class EMA(Spec):
    """The mean of the weights after each step, in which older ones count less and less (Polyak, Juditsky, 1992)."""

    decay: float = Field(default=0.999, ge=0, lt=1)
    """how much of the mean stays at each step; 0.999 looks back on about a thousand"""
    start_step: int = Field(default=0, ge=0)
    """how many steps are taken before it begins"""


class SWA(Spec):
    """The plain mean of the weights after each late epoch, at a rate that stays (Izmailov et al., 2018)."""

    start_epoch: int = Field(ge=0)
    """how many epochs are trained before it begins; three quarters of them is usual"""
    lr: float | None = Field(default=None, gt=0, le=1000)
    """the rate that stays from then on; the one reached by then if empty"""
    anneal_epochs: int = Field(default=10, ge=0)
    """over how many epochs the rate goes there"""
    anneal_strategy: Literal["cos", "linear"] = "cos"
    """along half a cosine, or straight"""

    def rate(self, begun: float, num_epochs: int) -> float:
        """The rate so many epochs after it began at `begun`: that of torch's SWALR."""
        way = min(1.0, num_epochs / self.anneal_epochs) if self.anneal_epochs else 1.0
        share = way if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * way)) / 2
        return (begun if self.lr is None else self.lr) * share + begun * (1 - share)
