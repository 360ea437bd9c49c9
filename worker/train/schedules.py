"""Learning rates: a pure function of the step, so that a run which goes on has nothing to restore."""

import math
from typing import Any


def rate(schedule: Any, lr: float, step: int, steps_per_epoch: int, num_steps: int) -> float:
    """The learning rate of the step with number `step`, from 0, of `num_steps`.

    `step` is torch's StepLR, `cosine` its CosineAnnealingLR over the whole run, `exponential` is
    lr · gamma^(step / every), continuous. The first `warmup_steps` steps climb to it linearly.
    """
    epoch = step // steps_per_epoch
    warmup = min(1.0, (step + 1) / schedule.warmup_steps) if schedule.warmup_steps else 1.0
    match schedule.type:
        case "step":
            count = step if schedule.unit == "step" else epoch
            lr *= schedule.gamma ** (count // schedule.step_size)
        case "exponential":
            count = step if schedule.unit == "step" else epoch
            lr *= schedule.gamma ** (count / schedule.every)
        case "cosine":
            lr = schedule.eta_min + (lr - schedule.eta_min) * (1 + math.cos(math.pi * step / num_steps)) / 2
    return lr * warmup
