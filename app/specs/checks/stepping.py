"""Whether a step can be taken as it is said, and there will be something to average."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.optimizers import LBFGS
from app.specs.training import TrainingSpec


def stepping_problems(training: TrainingSpec, num_train: int | None) -> Iterator[Problem]:
    """Everything about a step that does not fit the rest; `num_train` rows are trained on, where that is known."""
    yield from _precision_problems(training)
    yield from _averaging_problems(training, num_train)


def _precision_problems(training: TrainingSpec) -> Iterator[Problem]:
    place: list[str | int] = ["training", "precision"]
    if training.precision != "float16":
        return
    if training.device == "cpu":
        message = "float16 is for GPUs, and the device is cpu: bfloat16 is computed on both"
        yield Problem(loc=place, msg=message, received="float16")
    if isinstance(training.optimizer, LBFGS):
        message = "lbfgs tries several weights in a step, and float16 may skip one: take bfloat16"
        yield Problem(loc=place, msg=message, received="float16")


def _averaging_problems(training: TrainingSpec, num_train: int | None) -> Iterator[Problem]:
    ema, swa = training.ema, training.swa
    if ema is not None and swa is not None:
        message = "weights are averaged in one way: ema or swa"
        yield Problem(loc=["training", "swa"], msg=message, received=swa.model_dump(mode="json"))
    if swa is not None and swa.start_epoch >= training.num_epochs:
        message = f"it would begin after {swa.start_epoch:,} epochs, and there are {training.num_epochs:,}"
        yield Problem(loc=["training", "swa", "start_epoch"], msg=message, received=swa.start_epoch)
    if ema is not None and num_train is not None:
        num_steps = training.num_epochs * -(-num_train // (training.batch_size or num_train))
        if ema.start_step >= num_steps:
            message = f"it would begin after {ema.start_step:,} steps, and there are {num_steps:,}"
            yield Problem(loc=["training", "ema", "start_step"], msg=message, received=ema.start_step)
