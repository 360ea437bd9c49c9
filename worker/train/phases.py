"""What a step is at, from phase to phase: how long each takes, measured in a few steps of many.

A step that is measured is the same step: the same operations in the same order. On a GPU the marks are events of its
own stream, which are read when they have passed: neither waits for the other.
"""

from collections import deque
from itertools import pairwise
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor

from worker.train.learner import Batch, Learned, Learner
from worker.train.plan import Plan
from worker.train.team import Replicated

PHASES = ("data", "forward", "backward", "optimizer")
MAX_WAITING = 1000  # steps that were measured and that nobody has asked for


class Phases(Protocol):
    """Who is told what a step is at."""

    def enter(self, phase: str) -> None:
        """It begins with a phase; the one before is over."""

    def leave(self) -> None:
        """It is done."""


class Phased(Learner):
    """Takes the same steps, and says meanwhile what it is at. To wait for a batch is a phase that others begin."""

    def __init__(self, plan: Plan, phases: Phases, replicated: Replicated | None = None) -> None:
        super().__init__(plan, replicated)
        self.phases = phases
        forward = self.forward

        def told(inputs: Tensor) -> Tensor:
            phases.enter("forward")
            return forward(inputs)

        self.forward = told

    def learn(self, inputs: Tensor, targets: Tensor, step: int) -> Learned:
        """Take the step with this number, from 0, on a batch (N, …)."""
        learned = super().learn(inputs, targets, step)
        self.phases.leave()
        return learned

    def batch(self, inputs: Tensor, targets: Tensor, step: int) -> Batch:
        batch = super().batch(inputs, targets, step)
        self.phases.enter("optimizer")
        return batch

    def _backward(self, loss: Tensor) -> None:
        self.phases.enter("backward")
        super()._backward(loss)
        self.phases.enter("optimizer")


class Timing:
    """The times of phases in the steps that were measured."""

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._marks: list[tuple[str, Any]] = []
        self._done: deque[list[tuple[str, Any]]] = deque(maxlen=MAX_WAITING)

    def begin(self) -> None:
        """A step that is to be measured waits for its batch."""
        self._marks = []
        self.enter("data")

    def enter(self, phase: str) -> None:
        """The step begins with a phase; the one before is over."""
        self._marks.append((phase, _event() if self._on_gpu else perf_counter()))

    def leave(self) -> None:
        """The step is done."""
        self.enter("")
        self._done.append(self._marks)
        self._marks = []

    def take(self) -> dict[str, float]:
        """The mean seconds of each phase over the steps that were measured since the last call; nothing where none was.

        May be called from another thread than the steps.
        """
        steps: list[dict[str, float]] = []
        while self._done and self._has_passed(self._done[0][-1][1]):
            steps.append(self._seconds(self._done.popleft()))
        return {phase: sum(one[phase] for one in steps) / len(steps) for phase in PHASES} if steps else {}

    def _has_passed(self, mark: Any) -> bool:
        return not self._on_gpu or mark.query()

    def _seconds(self, marks: list[tuple[str, Any]]) -> dict[str, float]:
        """Of each phase in one step, which may come to it more than once."""
        found = dict.fromkeys(PHASES, 0.0)
        for (phase, begun), (_, ended) in pairwise(marks):
            found[phase] += begun.elapsed_time(ended) / 1000 if self._on_gpu else ended - begun
        return found


def _event() -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event
