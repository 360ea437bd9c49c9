"""Learning rates: a pure function of the step and of what was set, and where a curve decides also of the epochs so far.

So a run which goes on has nothing to restore: the epochs are in its history.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.specs.rates import Plateau
from app.specs.schedules import AnySchedule, At, PlateauSchedule
from worker.train.changes import Changes
from worker.train.history import History
from worker.train.recorder import EPOCH_LOSS
from worker.train.stopping import sign


class Watched(Plateau):
    """A rate that follows a series of epochs, so many of them at most, from whatever it was set to while it trained."""

    def __init__(
        self,
        lr: float,
        series: str,
        steps_per_epoch: int,
        changes: Changes,
        num_epochs: int | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(lr, falls=sign(series) == 1, **arguments)
        self.series = EPOCH_LOSS if series == "train/loss" else series
        self._steps_per_epoch, self._changes = steps_per_epoch, changes
        self._num_epochs, self._num_seen, self._num_set = num_epochs, 0, 0

    def look(self, history: History) -> None:
        """Take in the epochs that are new; of a run that goes on those are all."""
        for value in history.epochs.get(self.series, [])[self._num_seen : self._num_epochs]:
            self._set((self._num_seen + 1) * self._steps_per_epoch - 1)
            self.see(value)
            self._num_seen += 1

    def rate(self, step: int) -> float:
        """That of the step with this number; they are asked for in order."""
        self._set(step)
        return self.lr

    def _set(self, step: int) -> None:
        for first, lr in self._changes.rates[self._num_set :]:
            if first > step:
                return
            self.lr, self._num_set = lr, self._num_set + 1


@dataclass(frozen=True)
class Rates:
    """The rates of a run, step by step. `lr` is its optimizer's own."""

    schedule: AnySchedule
    lr: float
    steps_per_epoch: int
    num_steps: int
    changes: Changes
    watched: Watched | None = None

    @classmethod
    def of(
        cls,
        schedule: AnySchedule,
        lr: float,
        steps_per_epoch: int,
        num_steps: int,
        changes: Changes | None = None,
        num_watched: int | None = None,
    ) -> "Rates":
        """Those of a schedule. A curve is followed for `num_watched` epochs, all of them if that is None."""
        changes, watched = changes or Changes(), None
        if isinstance(schedule, PlateauSchedule):
            own = schedule.model_dump(exclude={"type", "warmup_steps", "warmup_start_factor"})
            watched = Watched(lr, steps_per_epoch=steps_per_epoch, changes=changes, num_epochs=num_watched, **own)
        return cls(schedule, lr, steps_per_epoch, num_steps, changes, watched)

    def rate(self, step: int) -> float:
        """The learning rate of the step with this number, from 0."""
        lr = self.changes.lr(step, self.lr) if self.watched is None else self.watched.rate(step)
        return self.schedule.rate(lr, self._at(step))

    @property
    def momentum(self) -> Callable[[int], float] | None:
        """The momentum of a step, if it changes."""
        if self.schedule.momentum(self._at(0)) is None:
            return None
        return lambda step: self.schedule.momentum(self._at(step)) or 0.0

    def _at(self, step: int) -> At:
        set_to = self.changes.num_epochs(step, 0) * self.steps_per_epoch
        return At(step, self.steps_per_epoch, set_to or self.num_steps)
