"""Steps that are looked at closely: now and then one is measured, and some are profiled where that was asked."""

import math
from collections.abc import Callable

from worker.job import Job
from worker.train import profiling
from worker.train.learner import Learner
from worker.train.phases import Phased, Timing

TIMED_AFTER = 2  # steps after that: the first find the device idle


class Closely:
    """Which learner takes the next step: the plain one, or one that takes the same and says what it is at."""

    def __init__(self, job: Job, plain: Learner) -> None:
        self.job, self.plain = job, plain
        self.learner = plain  # takes the next step
        self.timing = Timing(plain.plan.device)
        self.profile: profiling.Profile | None = None  # as long as it goes on
        self._timed = Phased(plain.plan, self.timing, plain.replicated)
        self._after = math.inf  # so many steps the next one is measured

    def ask(self, step: int) -> None:
        """Measure a step that comes soon, unless one is waited for."""
        if self._after == math.inf:
            self._after = step + TIMED_AFTER

    def begin(self, step: int) -> None:
        """After so many steps, before the batch of the next is waited for."""
        if step >= self._after:
            self._after = math.inf
            if self.profile is None:
                self.learner = self._timed
                self.timing.begin()

    def close(self) -> None:
        """A step is taken. The next is as any other, unless a profile goes on."""
        if self.learner is self.plain:
            return
        self.learner = self.plain
        if self.profile is not None:
            self._go_on(self.profile.advance)
            self.learner = self.profile.learner if self.profile else self.plain

    def take_profile(self, step: int, num_steps: int) -> None:
        """Of the steps that come after this one."""
        self.end()
        try:
            self.profile = profiling.Profile(self.job, self.plain, step, num_steps)
        except RuntimeError as error:  # as a driver may say, and the training has no part in it
            self.job.log(f"no profile could be taken: {error}", "warning")
        else:
            self.learner = self.profile.learner

    def end(self) -> None:
        """Leave what there is of a profile."""
        if self.profile is not None:
            self._go_on(self.profile.end)
        self.learner = self.plain

    def drop(self) -> None:
        """Leave nothing of it: the training did not come to the end of its steps."""
        if self.profile is not None:
            self.profile.drop()
            self.profile = None

    def _go_on(self, advance: Callable[[], None]) -> None:
        """With the profile; what goes wrong there ends it, and not the training."""
        try:
            advance()
        except (OSError, RuntimeError) as error:
            self.job.log(f"the profile could not be kept: {error}", "warning")
            self.drop()
        if self.profile is not None and self.profile.is_over:
            self.profile = None
