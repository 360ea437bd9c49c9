"""What is changed of a plan while it is carried out."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """What orders have changed of a plan: a pure function of the step, so nothing of it has to be restored."""

    def __init__(self) -> None:
        self._lr: list[tuple[int, float]] = []
        self._num_epochs: list[tuple[int, int]] = []

    def set_lr(self, step: int, lr: float) -> None:
        """The steps after the first `step` have this rate, where their schedule makes nothing else of it."""
        self._lr.append((step, lr))

    @property
    def rates(self) -> Sequence[tuple[int, float]]:
        """The rates that were set, each with the step from which on it holds, in order."""
        return self._lr

    def set_num_epochs(self, step: int, num_epochs: int) -> None:
        """The same of the length, which schedules go by."""
        self._num_epochs.append((step, num_epochs))

    def lr(self, step: int, planned: float) -> float:
        """Of the step with this number, from 0."""
        return _at(self._lr, step, planned)

    def sets_lr(self, first: int, step: int) -> bool:
        """Whether the rate of that step was set at step `first` or later."""
        return any(first <= at <= step for at, _ in self._lr)

    def num_epochs(self, step: int, planned: int) -> int:
        """The same."""
        return _at(self._num_epochs, step, planned)


def _at(changes: Sequence[tuple[int, T]], step: int, planned: T) -> T:
    return next((value for first, value in reversed(changes) if first <= step), planned)
