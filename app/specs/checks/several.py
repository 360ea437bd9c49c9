"""Whether a training can be shared by several processes."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec


def sharing_problems(model: ModelSpec, training: TrainingSpec, num_train: int | None) -> Iterator[Problem]:
    """Everything that several processes cannot do together; `num_train` rows are trained on, where that is known."""
    count = training.num_processes
    if count == 1:
        return
    sizes = [size for size in (training.batch_size, num_train) if size is not None]
    if sizes and min(sizes) < count:
        message = f"each of {count} processes needs a row of a batch, and it has {min(sizes):,}"
        yield Problem(loc=["training", "num_processes"], msg=message, received=count)
    if training.compile:
        message = "what is compiled is for one process: leave it out, or set num_processes to 1"
        yield Problem(loc=["training", "compile"], msg=message, received=True)
    for name in ("fit_memory", "lr_range_test"):
        if asked := getattr(training, name):
            message = "before the first step nothing is tried by several processes: leave it out"
            received = asked if isinstance(asked, bool) else asked.model_dump(mode="json")
            yield Problem(loc=["training", name], msg=message, received=received)
    if model.normalises_by_batch:
        yield from _norm_problems(training)


def _norm_problems(training: TrainingSpec) -> Iterator[Problem]:
    if training.device == "cpu":
        message = (
            "batch_norm needs all rows of a batch, and torch has none for several processes on a CPU: take layer_norm"
        )
        yield Problem(loc=["training", "num_processes"], msg=message, received=training.num_processes)
    if training.micro_batch_size is not None:
        message = "pieces of a batch are not of the same number in all processes, and batch_norm needs all of them"
        yield Problem(loc=["training", "micro_batch_size"], msg=message, received=training.micro_batch_size)
    if training.swa is not None:
        message = "the figures of batch_norm are taken anew for these weights, by one process: take ema"
        yield Problem(loc=["training", "swa"], msg=message, received=training.swa.model_dump(mode="json"))
