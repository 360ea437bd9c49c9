"""What a rule says, and what it knows of a training beside its curves."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.specs.run import RunSpec

# A model counts as not learning while its loss is above this share of what needs no inputs: a quarter of the variance
# explained for squares, the same for absolute values and what lies between, a tenth of the entropy for classes, of what
# is lacking to a margin the same. Where a tenth of the entropy is gone, a sixth or more of a focal loss is.
_UNLEARNED = {"mse_loss": 0.75, "l1_loss": 0.87, "smooth_l1_loss": 0.87, "huber_loss": 0.87}
_UNLEARNED |= {"focal_loss": 0.85, "sigmoid_focal_loss": 0.85, "poisson_nll_loss": 0.75}
_UNLEARNED_NATS = 0.144  # log(4 / 3) / 2: by so much the loss of a normal law falls with a quarter of the variance
_UNLEARNED_ENTROPY = 0.9


@dataclass(frozen=True)
class Finding:
    """Something worth knowing about a run, where it showed, and what to do."""

    kind: str
    title: str
    text: str
    step: int
    fix: str
    series: tuple[str, ...] = ()  # the curves to look at
    layers: tuple[str, ...] = ()  # those that it is about
    patch: dict[str, Any] | None = None  # of the run's specification, a JSON merge patch that may mend it
    found_at: int | None = None  # the step up to which the curves had to be known


@dataclass(frozen=True)
class Chance:
    """The loss that needs no inputs: what always giving the same best answer reaches on the training rows."""

    loss: float
    unlearned: float  # a loss from here up is hardly better
    least: float | None = 0.0  # no loss is below this; None: there is no such bound
    loss_type: str = "several"

    @classmethod
    def of(cls, loss: float, loss_type: str, least: float = 0.0) -> "Chance":
        """What such a loss of that type means, where none is below the `least`."""
        if loss_type == "gaussian_nll_loss":
            return cls(loss, loss - _UNLEARNED_NATS, None, loss_type)
        return cls(loss, least + (loss - least) * _UNLEARNED.get(loss_type, _UNLEARNED_ENTROPY), least, loss_type)

    def reached_by(self, loss: float) -> bool:
        """Whether a loss is hardly better."""
        return loss >= self.unlearned

    def share(self, loss: float) -> float:
        """How much of what it lacks a loss lacks: 1 is no better, 0 the best there is; NaN where nothing is lacking.

        The loss of a normal law has no least value: of it, it is the share of the variance.
        """
        if self.least is None:
            return math.exp(min(2 * (loss - self.loss), 700.0))
        return (loss - self.least) / (self.loss - self.least) if self.loss > self.least else math.nan


@dataclass(frozen=True)
class Case:
    """A training as its rules know it, beside its curves."""

    chance: Chance
    num_steps: int = 0  # if nothing stops it early
    steps_per_epoch: int = 1
    rate: Callable[[int], float] | None = None  # the learning rate of the step with this number, from 0
    num_rows: Mapping[str, int] = field(default_factory=dict)  # of each part
    num_parameters: int = 0
    num_outputs: int = 1  # numbers that answer a row
    spec: RunSpec | None = None  # what patches are for
    layers: Mapping[str, str] = field(default_factory=dict)  # the type of each, by its name
    outputs: Collection[str] = ()  # the layers that give the answers
    restores_best: bool = False  # the weights of the best epoch are the ones that are kept
    is_clipped: bool = False  # gradients have a greatest norm
