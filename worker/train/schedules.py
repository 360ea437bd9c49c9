"""Learning rates: a pure function of the step, and where a curve decides also of the epochs so far.

So a run which goes on has nothing to restore: the epochs are in its history.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.specs.rates import Plateau
from app.specs.schedules import AnySchedule, At, PlateauSchedule
from worker.train.history import History
from worker.train.recorder import EPOCH_LOSS
from worker.train.stopping import sign


class Watched(Plateau):
    """A rate that follows a series of epochs, so many of them at most."""

    def __init__(self, lr: float, series: str, num_epochs: int | None = None, **arguments: Any) -> None:
        super().__init__(lr, falls=sign(series) == 1, **arguments)
        self.series = EPOCH_LOSS if series == "train/loss" else series
        self._num_epochs, self._num_seen = num_epochs, 0

    def look(self, history: History) -> None:
        """Take in the epochs that are new; of a run that goes on those are all."""
        for value in history.epochs.get(self.series, [])[self._num_seen : self._num_epochs]:
            self.see(value)
            self._num_seen += 1


@dataclass(frozen=True)
class Rates:
    """The rates of a run, step by step. `lr` is its optimizer's own."""

    schedule: AnySchedule
    lr: float
    steps_per_epoch: int
    num_steps: int
    watched: Watched | None = None

    @classmethod
    def of(
        cls, schedule: AnySchedule, lr: float, steps_per_epoch: int, num_steps: int, num_watched: int | None = None
    ) -> "Rates":
        """Those of a schedule. A curve is followed for `num_watched` epochs, all of them if that is None."""
        watched = None
        if isinstance(schedule, PlateauSchedule):
            own = schedule.model_dump(exclude={"type", "warmup_steps", "warmup_start_factor"})
            watched = Watched(lr, num_epochs=num_watched, **own)
        return cls(schedule, lr, steps_per_epoch, num_steps, watched)

    def rate(self, step: int) -> float:
        """The learning rate of the step with this number, from 0."""
        return self.schedule.rate(self.watched.lr if self.watched else self.lr, self._at(step))

    @property
    def momentum(self) -> Callable[[int], float] | None:
        """The momentum of a step, if it changes."""
        if self.schedule.momentum(self._at(0)) is None:
            return None
        return lambda step: self.schedule.momentum(self._at(step)) or 0.0

    def _at(self, step: int) -> At:
        return At(step, self.steps_per_epoch, self.num_steps)
