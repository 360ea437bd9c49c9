"""Whether an optimizer can do what model, schedule and bounds ask of it."""

from collections.abc import Iterator

from app.specs.base import Problem
from app.specs.hidden import hidden_layers
from app.specs.model import ModelSpec
from app.specs.optimizers import LBFGS, AnyOptimizer, Muon, Rprop
from app.specs.schedules import ConstantSchedule, CyclicSchedule, OneCycleSchedule
from app.specs.training import TrainingSpec


def optimizing_problems(model: ModelSpec, training: TrainingSpec) -> Iterator[Problem]:
    """Everything that the optimizer of a training cannot do."""
    optimizer, schedule = training.optimizer, training.schedule
    if isinstance(optimizer, LBFGS):
        yield from _paced_problems(model)
        if optimizer.line_search_fn is not None:
            yield from _bounding_problems(training)
    if isinstance(optimizer, Rprop) and schedule != ConstantSchedule():
        message = "rprop sizes its steps itself, and its rate is only where they begin: leave the schedule out"
        yield Problem(loc=["training", "schedule", "type"], msg=message, received=schedule.type)
    if isinstance(optimizer, LBFGS | Rprop) and training.lr_range_test is not None:
        message = f"{optimizer.type} sizes its steps itself, so that rates tried one after the other say nothing"
        yield Problem(loc=["training", "lr_range_test"], msg=message, received=optimizer.type)
    if isinstance(optimizer, Muon) and not hidden_layers(model.graph):
        message = (
            "muon is for the matrices of hidden layers, and there are none between the first layer with weights and "
            "the last: adamw fits, or one more linear layer"
        )
        yield Problem(loc=["training", "optimizer", "type"], msg=message, received=optimizer.type)
    cycles = isinstance(schedule, OneCycleSchedule | CyclicSchedule) and schedule.cycle_momentum
    if cycles and not _has_momentum(optimizer):
        message = f"{optimizer.type} has no momentum to cycle: give it some, or set cycle_momentum to false"
        yield Problem(loc=["training", "schedule", "cycle_momentum"], msg=message, received=True)


def _has_momentum(optimizer: AnyOptimizer) -> bool:
    return hasattr(optimizer, "betas") or getattr(optimizer, "momentum", 0) > 0


def _paced_problems(model: ModelSpec) -> Iterator[Problem]:
    """A rate of its own: lbfgs takes all weights together."""
    node = next((node for node in model.nodes if node.pace.lr_factor != 1), None)
    if node is not None:
        message = f"{node.place} ({node.layer.type}): lbfgs moves all weights together, so none has an lr_factor"
        yield Problem(loc=["model", *node.loc], msg=message, received=node.pace.lr_factor)


def _bounding_problems(training: TrainingSpec) -> Iterator[Problem]:
    """A line search holds the loss against its gradient, which no bound may change."""
    for name in ("max_grad_norm", "max_grad_value"):
        if getattr(training, name) is not None:
            message = f"strong_wolfe holds the loss against its whole gradient: leave {name} out, or the line search"
            yield Problem(loc=["training", name], msg=message, received=getattr(training, name))
