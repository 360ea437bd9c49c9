"""What is to be trained: everything that follows from a run's specification and its data, ready to use."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from pydantic import BaseModel
from torch import Tensor, nn
from torch.optim import Optimizer

from app.specs.run import RunSpec
from worker.data.series import Shown
from worker.evaluate import Judge
from worker.train.augment import Augment
from worker.train.averaging import Averaging
from worker.train.batches import AnyPart, Batches
from worker.train.beginning import Beginning
from worker.train.changes import Changes
from worker.train.doctor import Chance
from worker.train.freezing import Freezing
from worker.train.gradients import Gradients, Limit
from worker.train.layerstats import Watch
from worker.train.precision import Forward, Precision
from worker.train.recorder import EPOCH_LOSS
from worker.train.schedules import Watched
from worker.train.stopping import EarlyStopping
from worker.train.team import Team


@dataclass
class Plan:
    """One training, before its first step. The parts are `train`, and `validation` and `test` where there are any."""

    run_id: str
    device: torch.device
    model: nn.Module
    judge: Judge
    gradients: Gradients
    optimizer: Optimizer
    freezing: Freezing
    limits: list[Limit]  # on weights, after each step
    rate: Callable[[int], float]  # the learning rate of the step with this number, from 0
    parts: dict[str, AnyPart]
    batches: Batches
    augment: Augment | None
    preprocessing: BaseModel
    constant: Tensor  # (K,) the best outputs that ignore the inputs
    constant_name: str  # what they say, in words
    chance: Chance
    shown: Shown | None  # of a time series: the windows that people look at
    stopping: EarlyStopping | None
    num_epochs: int
    checkpoint_every_s: float
    keep_checkpoints: int
    log_every_epochs: int
    micro_batch_size: int | None = None  # rows that go through the model at once, where that is not the batch
    precision: Precision = field(default_factory=Precision)
    averaging: Averaging = field(default_factory=Averaging)
    forward: Forward | None = None  # the model as a step calls it, where that is compiled
    layers: list[str] = field(default_factory=list)  # the names of the modules that are layers
    watch: Watch = field(default_factory=Watch.none)  # on the layers
    spec: RunSpec | None = None  # as it was submitted
    beginning: Beginning | None = None  # where the weights begin, where that is not chance
    momentum: Callable[[int], float] | None = None  # that of the step with this number, where it changes
    watched: Watched | None = None  # what the rate follows, where that is a curve
    time_limit_s: float | None = None  # of the training, with all its attempts
    changes: Changes = field(default_factory=Changes)  # that `rate` goes by
    team: Team | None = None  # the processes that share each batch, where there are several

    @cached_property
    def steps_per_epoch(self) -> int:
        """The number of batches."""
        return len(self.batches)

    @property
    def num_steps(self) -> int:
        """The number of steps if nothing stops it early."""
        return self.num_epochs * self.steps_per_epoch

    def lengthen(self, step: int, num_epochs: int) -> None:
        """Train for so many epochs from that step on, or fewer: those that had begun are finished."""
        self.num_epochs = max(num_epochs, 1, -(-step // self.steps_per_epoch))
        self.changes.set_num_epochs(step, self.num_epochs)

    def fit_into(self, rows_at_once: int | None, judged_at_once: int | None = None) -> None:
        """Let no more rows go through the model at once, to learn from and to be judged; None bounds nothing."""
        if rows_at_once is not None:
            self.micro_batch_size = min(rows_at_once, self.micro_batch_size or rows_at_once)
        if judged_at_once is not None:
            bound = min(judged_at_once, self.judged_at_once or judged_at_once)
            self.parts = {name: replace(part, judged_at_once=bound) for name, part in self.parts.items()}

    @property
    def judged_at_once(self) -> int | None:
        """The rows that are judged together at most, where memory has run out."""
        return self.parts["train"].judged_at_once

    @property
    def num_parameters(self) -> int:
        """The numbers that training changes or could change."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def monitored(self) -> str:
        """The series of epochs by which one is better than another."""
        if self.stopping is None:
            return "validation/loss" if "validation" in self.parts else EPOCH_LOSS
        return EPOCH_LOSS if self.stopping.series == "train/loss" else self.stopping.series

    @property
    def restores_best(self) -> bool:
        """Whether the weights of the best epoch are the ones that are kept."""
        return self.stopping is not None and self.stopping.restore_best
