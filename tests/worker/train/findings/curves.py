"""Curves made by hand, and the case that they belong to."""

import math
from typing import Any

from worker.train.findings.finding import Case, Chance
from worker.train.history import History

SQUARES = Chance.of(0.25, "mse_loss")
CLASSES = Chance.of(math.log(10), "cross_entropy")


def case(chance: Chance, num_steps: int = 1000, **more: Any) -> Case:
    """A training of so many steps, of 100 in an epoch, on a thousand rows."""
    known: dict[str, Any] = {"steps_per_epoch": 100, "num_rows": {"train": 1000, "validation": 200}}
    return Case(chance, num_steps, **(known | more))


def steps(losses: list[float], rates: list[float] | None = None, norms: list[float] | None = None) -> History:
    """The losses of single steps."""
    history = History()
    for i, loss in enumerate(losses):
        history.add_step(i + 1, loss, rates[i] if rates else 0.1, norms[i] if norms else 1.0)
    return history


def epochs(train: list[float], validation: list[float] | None = None) -> History:
    """The losses of epochs of one step."""
    history = steps(train)
    for loss in train:
        history.add_epoch("train/epoch_loss", loss)
    for loss in validation or []:
        history.add_epoch("validation/loss", loss)
    return history


def decayed(num_steps: int) -> list[float]:
    """The rates of the digits program."""
    return [0.1 * 0.096 ** (step / 100) for step in range(num_steps)]
