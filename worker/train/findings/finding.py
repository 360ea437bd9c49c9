"""What a rule says, and what it knows of a training beside its curves."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.specs.run import RunSpec

# A model counts as not learning while its loss is above this share of what needs no inputs: a quarter of the variance
# explained for squares, the same for absolute values, a tenth of the entropy for classes.
_UNLEARNED = {"mse_loss": 0.75, "l1_loss": 0.87}
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
    loss_type: str

    def reached_by(self, loss: float) -> bool:
        """Whether a loss is hardly better."""
        return loss >= self.unlearned * self.loss

    @property
    def unlearned(self) -> float:
        """The share of it above which a loss is hardly better."""
        return _UNLEARNED.get(self.loss_type, _UNLEARNED_ENTROPY)


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
