"""How a rate follows from the number of a step: torch's formulas, each a function of its own.

Scripts quote them word for word. `n` counts steps or epochs from 0, as the schedule does.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence


def stairs(lr: float, n: int, milestones: Sequence[int], gamma: float) -> float:
    """`lr` times gamma for each milestone that is reached: torch's MultiStepLR."""
    return lr * gamma ** bisect_right(sorted(milestones), n)


def reduced(lr: float, n: int, total: int, factor: float) -> float:
    """`lr` times a factor at first, then as it is: torch's ConstantLR."""
    return lr * (factor + (n >= total) * (1 - factor))


def linear(lr: float, n: int, total: int, start_factor: float, end_factor: float) -> float:
    """A straight way from one share of `lr` to another: torch's LinearLR."""
    return lr * (start_factor + (end_factor - start_factor) * min(total, n) / total)


def polynomial(lr: float, n: int, total: int, power: float) -> float:
    """Down to 0 along a power of what is left: torch's PolynomialLR."""
    share: float = (1.0 - min(total, n) / total) ** power
    return lr * share


def cosine(lr: float, n: int, total: int, eta_min: float) -> float:
    """Half a cosine down to eta_min, and up again after it: torch's CosineAnnealingLR."""
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * n / total)) / 2


def cosine_warm_restarts(lr: float, n: int, length: int, times: int, eta_min: float) -> float:
    """Half a cosine again and again, each `times` as long as the one before: torch's CosineAnnealingWarmRestarts."""
    while times > 1 and n >= length:
        n, length = n - length, length * times
    return eta_min + (lr - eta_min) * (1 + math.cos(math.pi * (n % length) / length)) / 2


def inverse_sqrt(lr: float, step: int, warmup_steps: int, timescale: int) -> float:
    """One over the square root of the steps so far, from the end of the warm-up on (Vaswani et al., 2017)."""
    return lr * (1.0 / math.sqrt((max(step, warmup_steps) + timescale - warmup_steps) / timescale))


def one_cycle(
    step: int,
    num_steps: int,
    ends: tuple[float, float, float],
    pct_start: float,
    anneal_strategy: str,
    three_phase: bool,
) -> float:
    """From the first of `ends` to the second and on to the third: torch's OneCycleLR.

    Three phases go back to the first between. One that is no step long is over at once, where torch divides by 0.
    """
    first, second, third = ends
    phases = [(pct_start * num_steps - 1, first, second), (num_steps - 1, second, third)]
    if three_phase:
        phases[1:] = [(2 * pct_start * num_steps - 2, second, first), (num_steps - 1, first, third)]
    begin, (end, low, high) = 0.0, phases[0]
    for following in phases[1:]:
        if step <= end:
            break
        begin, (end, low, high) = end, following
    share = (step - begin) / (end - begin) if end != begin else 1.0
    if anneal_strategy == "cos":
        return high + (low - high) / 2.0 * (math.cos(math.pi * share) + 1)
    return (high - low) * share + low


def cyclic(step: int, ends: tuple[float, float], size_up: int, size_down: int, mode: str, gamma: float) -> float:
    """From the first of `ends` to the second and back, in straight lines, again and again: torch's CyclicLR."""
    total = float(size_up + size_down)
    cycle = math.floor(1 + step / total)
    x, top = 1.0 + step / total - cycle, size_up / total
    share = x / top if x <= top else (x - 1) / (top - 1)
    scale = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": gamma**step}[mode]
    return ends[0] + (ends[1] - ends[0]) * share * scale


def climb(step: int, warmup_steps: int, start_factor: float) -> float:
    """The share of the rate in a warm-up: from start_factor on, all of it with the last of those steps."""
    return start_factor + (1 - start_factor) * min(1.0, (step + 1) / warmup_steps)


class Plateau:
    """A rate that is lowered when a series of epochs gets no better: torch's ReduceLROnPlateau."""

    def __init__(
        self,
        lr: float,
        *,
        falls: bool,
        factor: float,
        patience: int,
        threshold: float,
        threshold_mode: str,
        cooldown: int,
        min_lr: float,
        eps: float,
    ) -> None:
        self.lr, self.factor, self.patience, self.cooldown = lr, factor, patience, cooldown
        self.min_lr, self.eps = min_lr, eps
        self.sign = 1 if falls else -1  # by which the series becomes one that should fall
        self.threshold, self.is_relative = threshold, threshold_mode == "rel"
        self.best = math.inf * self.sign
        self.num_bad = self.num_resting = 0

    def see(self, value: float) -> None:
        """Take in the value of one more epoch."""
        if self.is_better(value):
            self.best, self.num_bad = value, 0
        else:
            self.num_bad += 1
        if self.num_resting > 0:
            self.num_resting, self.num_bad = self.num_resting - 1, 0
        if self.num_bad > self.patience:
            lower = max(self.lr * self.factor, self.min_lr)
            self.lr = lower if self.lr - lower > self.eps else self.lr
            self.num_resting, self.num_bad = self.cooldown, 0

    def is_better(self, value: float) -> bool:
        """Whether it is, by more than the threshold. What is no number never is."""
        margin = self.threshold * self.sign
        bar = self.best * (1.0 - margin) if self.is_relative else self.best - margin
        return value * self.sign < bar * self.sign
