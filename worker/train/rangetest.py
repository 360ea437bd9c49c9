"""The learning-rate range test: a step at each of many rates, from low to high, before the training begins.

As Smith, 2017, "Cyclical learning rates for training neural networks", 3.3, has it, with the end and the suggestion
that fastai's `lr_find` and Lightning's made usual; but smoothed over the steps on both sides. A mean of those before
lags behind the rates: with the gallery's programs by factors of 1.6 to 4.4, close to where the loss runs away. The
training is put back to what it was.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from torch import Tensor

from app.specs.training import LrRangeTest
from worker.job import Cancelled
from worker.train.averaging import Averaging
from worker.train.findings import patches
from worker.train.learner import Learner
from worker.train.plan import Plan
from worker.train.untouched import untouched

if TYPE_CHECKING:
    from worker.train.trainer import Trainer

_STAYS = 0.9  # of the running mean at each step
_AROUND = 4  # steps on each side, in the mean that is shown
_STRETCH = 3  # steps on each side, between which it falls
_RUNS_AWAY = 4.0  # times the lowest loss
_SKIPPED = 10  # steps at the beginning, of which nothing is suggested
_LEAST_FALL = 0.05  # of the loss, from the first to the lowest, before anything is suggested


def told(trainer: "Trainer", test: LrRangeTest) -> dict[str, Any]:
    """What came of a test, as JSON, and in the log. Raises Cancelled when the run is asked to stop meanwhile."""
    plan, job = trainer.plan, trainer.job
    job.log(f"trying up to {test.num_steps:,} learning rates from {test.start_lr:g} to {test.end_lr:g}")
    losses: list[float] = []
    with untouched(plan, steps=True):
        for loss in _tried(plan, test):
            losses.append(loss)
            if runs_away(losses):
                break
            if job.requested:
                raise Cancelled
    smoothed = smooth(list(itertools.takewhile(math.isfinite, losses)))
    tried = [rate_at(test, i) for i in range(len(losses))]
    found = suggested(tried, smoothed)
    says = "the loss fell at none of them" if found is None else f"the loss fell fastest at about {found:.2g}"
    job.log(f"learning rates up to {tried[-1]:.2g} were tried: {says}")
    return {
        "lr": [float(f"{lr:.4g}") for lr in tried[: len(smoothed)]],
        "loss": [float(f"{loss:.5g}") for loss in smoothed],
        "ran_away": runs_away(losses),
        "suggestion": found,
        "patch": None if found is None else patches.tried_rate(found),
    }


def rate_at(test: LrRangeTest, step: int) -> float:
    """The rate of a step, from 0: it grows by the same factor each time."""
    return float(test.start_lr * (test.end_lr / test.start_lr) ** (step / (test.num_steps - 1)))


def _tried(plan: Plan, test: LrRangeTest) -> Iterator[float]:
    """The loss before each step."""
    learner = Learner(replace(plan, rate=lambda step: rate_at(test, step), averaging=Averaging()))
    for step, (inputs, targets) in enumerate(itertools.islice(_batches(plan), test.num_steps)):
        yield float(learner.learn(inputs, targets, step).loss)


def _batches(plan: Plan) -> Iterator[tuple[Tensor, Tensor]]:
    """Those of the run, epoch after epoch."""
    return itertools.chain.from_iterable(plan.batches.epoch(epoch) for epoch in itertools.count())


def smooth(losses: Sequence[float]) -> list[float]:
    """The mean of each and the four on either side, as far as there are so many.

    What comes after a step counts for no more than the most of what came before it: no rate is blamed for later ones.
    """
    return [fmean(_around(losses, i)) for i in range(len(losses))]


def _around(losses: Sequence[float], i: int) -> list[float]:
    before = losses[max(0, i - _AROUND) : i + 1]
    return [*before, *(min(loss, max(before)) for loss in losses[i + 1 : i + _AROUND + 1])]


def runs_away(losses: Sequence[float]) -> bool:
    """Whether the loss is no number any more, or its running mean four times the lowest and above where it began."""
    if not math.isfinite(losses[-1]):
        return True
    means = _running(losses)
    lowest = min(means)
    return means[-1] > lowest + max((_RUNS_AWAY - 1) * abs(lowest), means[0] - lowest)


def _running(losses: Sequence[float]) -> list[float]:
    """The mean so far, in which older ones count less and less; the first ones are not drawn towards 0."""
    mean, found = 0.0, []
    for i, loss in enumerate(losses, 1):
        mean = _STAYS * mean + (1 - _STAYS) * loss
        found.append(mean / (1 - _STAYS**i))
    return found


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """The rate at which the loss falls fastest, over the logarithm of the rate; None where it hardly falls.

    The first steps are left out, as Lightning does, and all that comes after the loss has risen again: a fall
    from there says nothing.
    """
    lowest = _first_low(losses)
    last = len(losses) - 1
    slopes = {i: _slope(losses, i - _STRETCH, min(i + _STRETCH, last)) for i in range(_SKIPPED, lowest)}
    if not slopes or losses[0] - losses[lowest] < _LEAST_FALL * abs(losses[0]):
        return None
    return float(f"{rates[min(slopes, key=slopes.__getitem__)]:.2g}")


def _slope(losses: Sequence[float], start: int, end: int) -> float:
    return (losses[end] - losses[start]) / (end - start)


def _first_low(losses: Sequence[float]) -> int:
    """Where the loss is lowest before half of what it has fallen by is lost again; the last is not looked at."""
    lowest = 0
    for i, loss in enumerate(losses[:-1]):
        fallen = losses[0] - losses[lowest]
        if loss < losses[lowest]:
            lowest = i
        elif loss - losses[lowest] > max(fallen / 2, _LEAST_FALL * abs(losses[0])):
            break
    return lowest
