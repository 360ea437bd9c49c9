"""What people change of a training while it goes on: heard of between two steps, and done after a step of the curve.

An order that was done after a step is part of the plan from then on, whoever goes on: what lies before the checkpoint
holds from the beginning, what lies beyond it is done again at its step. So a training that dies ends in the same bits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session
from torch import Tensor

from app import events, queue
from app.db.tables import Control
from app.errors import Conflict
from app.specs.controls import Asked, Profile, SetLr, SetNumEpochs, Stop, TimeLimit, control_of
from worker.job import Job


@dataclass(frozen=True)
class Order:
    """Something that was asked, the step after which it is to be done if that is known, and what came of it."""

    number: int
    said: Asked
    step: int | None
    outcome: dict[str, Any]

    @classmethod
    def of(cls, row: Control) -> "Order":
        """As the queue has it."""
        return cls(row.number, control_of(row.said), row.step, row.outcome or {})

    @property
    def at(self) -> int:
        """The step after which it is done, of one of which that is known."""
        assert self.step is not None
        return self.step

    def done(self, step: int, outcome: dict[str, Any]) -> "Order":
        """The same, after it was done."""
        return replace(self, step=step, outcome=outcome)

    def in_words(self) -> str:
        """What was done, for the log."""
        match self.said:
            case SetLr(lr=lr):
                return f"as was asked: a learning rate of {lr:g} from step {self.at + 1:,} on"
            case SetNumEpochs():
                return f"as was asked: {self.outcome['num_epochs']:,} epochs"
            case Profile(num_steps=num_steps):
                return f"as was asked: a profile of {num_steps} steps, after step {self.at:,}"
            case Stop():
                return f"as was asked: stopped after step {self.at:,}"
            case TimeLimit():
                return f"stopped after step {self.at:,}: it has trained for as long as it may"
        return f"as was asked: a checkpoint at step {self.at:,}"

    def event(self, epoch: int) -> events.New:
        """Tells that it was done."""
        said = self.said.model_dump(mode="json")
        return queue.control_event(self.number, said, step=self.step, epoch=epoch, **self.outcome)


@dataclass(frozen=True)
class Kept:
    """The weights after the best epoch so far, with the steps and epochs that were done then."""

    weights: dict[str, Tensor]
    averages: dict[str, Tensor]  # beside the weights; none where these are means themselves
    step: int
    epoch: int


class Steering:
    """The orders of one training: those that are still to be done, and what those that were done have changed."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._num_read = 0
        self._new: list[Order] = []
        self._own: set[Asked] = set()
        self._coming: list[Order] = []  # done by an earlier attempt, beyond where this one began: each has its step

    def take_up(self, step: int) -> list[Order]:
        """The orders that were done by that step, as they were done; later ones will be due again."""
        self._read()
        known, self._new = self._new, [one for one in self._new if one.step is None]
        done = sorted((one for one in known if one.step is not None), key=lambda one: (one.at, one.number))
        self._coming = [one for one in done if one.at > step]
        return [one for one in done if one.at <= step]

    def is_due(self, step: int) -> bool:
        """Whether an earlier attempt has done something after that step. Asked after each: it costs a comparison."""
        return bool(self._coming) and self._coming[0].at <= step

    @property
    def next_step(self) -> float:
        """The next after which an earlier attempt has done something."""
        return self._coming[0].at if self._coming else math.inf

    @property
    def has_news(self) -> bool:
        """Whether there is something that was not done yet by anyone."""
        return bool(self._new) or self.job.num_controls > self._num_read

    def due(self, step: int) -> list[Order]:
        """What is to be done after that step: what was done there before, and what is new, which it counts as done.

        What is new takes the place of its like that would come again: it was asked later.
        """
        self._read()
        new, self._new = self._new, []
        kinds = {type(one.said) for one in new}
        now = [one for one in self._coming if one.at <= step or type(one.said) in kinds]
        self._coming = [one for one in self._coming if one not in now]
        return sorted(now + new, key=lambda one: one.number)

    def forget_news(self) -> None:
        """Do again what was done, and nothing that was asked since."""
        self._new = []

    @property
    def best_step(self) -> int | None:
        """After how many steps the weights were best by which a stop went that comes again; None where none does."""
        return next((one.outcome["best_step"] for one in self._coming if "best_step" in one.outcome), None)

    def ask_once(self, said: Asked) -> None:
        """Ask for something from within, unless it was asked before."""
        if said in self._own:
            return
        self._own.add(said)

        def ask(session: Session) -> int:
            known = queue.list_controls(session, self.job.claim.job_id)
            if any(control_of(row.said) == said for row in known):
                return len(known)
            try:
                return queue.control(session, self.job.claim.job_id, said.model_dump(mode="json"))
            except Conflict:  # it was cancelled a moment ago
                return len(known)

        self.job.num_controls = self.job.commit(ask)

    def settle(self, session: Session, done: Sequence[Order]) -> None:
        """Write down after which step orders were done, and what came of them."""
        for one in done:
            queue.settle_control(session, self.job.claim, one.number, one.at, one.outcome)

    def _read(self) -> None:
        if self.job.num_controls > self._num_read:
            with self.job.db.read() as session:
                self._new += [
                    Order.of(row) for row in queue.list_controls(session, self.job.claim.job_id, self._num_read)
                ]
            self._num_read = max((one.number for one in self._new), default=self._num_read)
