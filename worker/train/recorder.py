"""Values on their way from the device to the event log.

A step leaves its loss and gradient norm where they were computed; they come to the CPU a batch at a time, so that no
step waits for the device. What is judged by its value (is the loss finite, what was its mean) is judged then.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from app.errors import JobFailure
from worker.job import Job
from worker.train.history import History
from worker.train.layerstats import Look
from worker.train.looks import Looks

MAX_PENDING = 4096
EPOCH_LOSS = "train/epoch_loss"

Value = float | Tensor


@dataclass
class _Pending:
    steps: list[int] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)


class Recorder:
    """Collects the points of a training, hands them on in batches, and keeps what the training itself needs of them."""

    def __init__(
        self,
        job: Job,
        history: History,
        steps_per_epoch: int,
        told: Callable[[int], None] = lambda step: None,
        *,
        sums_losses: bool = True,
    ) -> None:
        self.job = job
        self.sums_losses = sums_losses  # of an epoch, as the mean of those of its steps
        self.history = history
        self.steps_per_epoch = steps_per_epoch
        self.told = told  # is called when the history holds everything up to a step, in their order
        self._loss_sum = 0.0  # over the answers of the epoch so far, in the order of the steps
        self._num_answers = 0.0
        self._steps: list[int] = []
        self._counts: list[Value] = []
        self._losses: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._rates: list[float] = []
        self._epochs: dict[str, _Pending] = {}
        self._looks = Looks(job)

    def add_step(self, step: int, count: int | Tensor, loss: Tensor, grad_norm: Tensor, lr: float) -> None:
        """Record one training step, whose loss is divided by `count`: rows, tokens that there are, what they count.

        Tensors are 0-d and stay on their device for now.
        """
        if len(self._steps) >= MAX_PENDING:  # not after this one: what else there is of it may follow
            self.flush()
        self._steps.append(step)
        self._counts.append(count)
        self._losses.append(loss)
        self._norms.append(grad_norm)
        self._rates.append(lr)

    @property
    def pending(self) -> tuple[list[Value], list[Tensor]]:
        """The counts and losses of steps that have not left yet."""
        return self._counts, self._losses

    def complete(self, losses: Tensor, counts: Tensor) -> None:
        """Let the losses and counts of all processes, (N,) each, be those of the steps that have not left yet."""
        self._losses, self._counts = list(losses.unbind()), list(counts.unbind())

    def add_look(self, step: int, look: Look) -> None:
        """Record what was seen of the layers in a step that was added."""
        self._looks.add(step, look)

    def add_epoch(self, name: str, step: int, value: Value) -> None:
        """Record the value of a series after an epoch."""
        pending = self._epochs.setdefault(name, _Pending())
        pending.steps.append(step)
        pending.values.append(value)

    def flush(self, *, whole: bool = False) -> None:
        """Hand on what has gathered; of layers only every second, unless all of it is asked for.

        Raises JobFailure `non_finite_loss`, with everything up to that step recorded.
        """
        steps, self._steps = self._steps, []
        rates, self._rates = self._rates, []
        counts, losses, norms = _on_host(self._counts), _on_host(self._losses), _on_host(self._norms)
        self._counts, self._losses, self._norms = [], [], []
        bad = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), None)
        upto = len(steps) if bad is None else bad + 1
        if steps:
            for name, values in (("train/loss", losses), ("optimizer/grad_norm", norms), ("optimizer/lr", rates)):
                self.job.metrics(name, steps[:upto], values[:upto])
        before = math.inf if bad is None else steps[bad]
        epochs, looks = self._flush_epochs(before), self._looks.arrive()
        self._looks.leave(before, whole=whole or bad is not None)
        for step, count, loss, norm, lr in zip(steps[:bad], counts, losses, norms, rates, strict=False):
            self._add_to_epoch(step, count, loss)
            self.history.add_step(step, loss, lr, norm)
            self.history.add_look(looks.get(step, {}))
            for name, value in epochs.pop(step, ()):
                self.history.add_epoch(name, value)
            self.told(step)
        for name, value in itertools.chain.from_iterable(epochs.values()):
            self.history.add_epoch(name, value)
        if bad is not None:
            raise _non_finite(steps[bad], losses[bad], rates[bad])

    def _flush_epochs(self, before: float) -> dict[int, list[tuple[str, float]]]:
        """Hand on what is known of epochs that ended before a step. Returns it by its step."""
        pending, self._epochs = self._epochs, {}
        found: dict[int, list[tuple[str, float]]] = {}
        for name, points in pending.items():
            values = _on_host(points.values)
            kept = [(step, value) for step, value in zip(points.steps, values, strict=True) if step < before]
            if kept:
                self.job.metrics(name, *map(list, zip(*kept, strict=True)))
            for step, value in kept:
                found.setdefault(step, []).append((name, value))
        return found

    def _add_to_epoch(self, step: int, count: float, loss: float) -> None:
        self._loss_sum += loss * count
        self._num_answers += count
        if step % self.steps_per_epoch:
            return
        mean = self._loss_sum / (self._num_answers or 1)  # texts without a token have nothing to say
        self._loss_sum, self._num_answers = 0.0, 0.0
        if not self.sums_losses:
            return
        self.history.add_epoch(EPOCH_LOSS, mean)
        if self.steps_per_epoch > 1:  # otherwise train/loss is that series already
            self.job.metrics(EPOCH_LOSS, [step], [mean])

    def state(self) -> dict[str, float]:
        """What is needed to go on inside an epoch."""
        return {"loss_sum": self._loss_sum, "num_rows": self._num_answers}

    def restore(self, state: dict[str, float]) -> None:
        """Take up what `state` gave."""
        self._loss_sum, self._num_answers = state["loss_sum"], state["num_rows"]


def _on_host(values: Sequence[Value]) -> list[float]:
    """The values as numbers; all tensors among them come in one transfer."""
    tensors = [value for value in values if isinstance(value, Tensor)]
    if not tensors:
        return [float(value) for value in values]
    numbers = iter(torch.stack(tensors).tolist())
    return [next(numbers) if isinstance(value, Tensor) else float(value) for value in values]


def _non_finite(step: int, loss: float, lr: float) -> JobFailure:
    became = "NaN" if math.isnan(loss) else "infinite"
    return JobFailure(
        "non_finite_loss",
        f"The loss became {became} at step {step:,}, with a learning rate of {lr:.3g}.",
        hint=f"Try a learning rate of {lr / 10:.1g}, scaled inputs (standardize), or max_grad_norm 1.",
        details={"step": step},
    )


class Pace:
    """How fast a training is, and how long it will take."""

    def __init__(self, first_step: int, num_steps: int, before_s: float = 0.0) -> None:
        self._began_at = self._said_at = time.monotonic()
        self._first_step = first_step
        self.before_s = before_s  # in earlier attempts
        self.num_steps = num_steps
        self.num_samples = self._said_samples = 0  # of this attempt

    def begin(self) -> None:
        """The first step is taken now."""
        self._began_at = self._said_at = time.monotonic()

    @property
    def trained_s(self) -> float:
        """How long the training has taken so far, with the attempts before this one."""
        return self.before_s + time.monotonic() - self._began_at

    def add(self, num_samples: int) -> None:
        """Count samples of a step that is done."""
        self.num_samples += num_samples

    def figures(self, step: int) -> dict[str, float]:
        """`samples_per_s` since the last call, `left_s` at the mean pace so far, validation included, `trained_s`.

        After the last step it is the pace of the whole training, which stays to be read.
        """
        now = time.monotonic()
        since, counted = (self._said_at, self._said_samples) if step < self.num_steps else (self._began_at, 0)
        samples_per_s = (self.num_samples - counted) / max(now - since, 1e-9)
        self._said_at, self._said_samples = now, self.num_samples
        step_s = (now - self._began_at) / max(step - self._first_step, 1)
        left_s, trained_s = step_s * (self.num_steps - step), self.before_s + now - self._began_at
        return {"samples_per_s": round(samples_per_s, 1), "left_s": round(left_s, 2), "trained_s": round(trained_s, 2)}
