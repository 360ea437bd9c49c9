"""Several outputs of a model: each is held to a target of its own, by a loss of its own.

A head is a run as it would be if its output were the only one, so that whatever is checked, prepared and judged of one
output is so of each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.specs.base import Problem
from app.specs.data import DataSpec
from app.specs.training import TrainingSpec

_OF_DATA = frozenset({"target", "scale_target"})
_OF_TRAINING = frozenset({"loss", "metrics"})


@dataclass(frozen=True)
class Head:
    """What one output is held to. `name` is None of the only one."""

    name: str | None
    data: DataSpec
    training: TrainingSpec
    weight: float = 1.0

    def series(self, metric: str) -> str:
        """What a figure of it is called beside those of others."""
        return metric if self.name is None else f"{self.name}_{metric}"

    def placed(self, problem: Problem) -> Problem:
        """A problem where the user's own words are."""
        return placed(self.name, problem)


def placed(name: str | None, problem: Problem) -> Problem:
    """What is wrong with the output of that name, at its place among several."""
    if name is None or len(problem.loc) < 2:
        return problem
    part, field, *rest = problem.loc
    own = {"data": _OF_DATA, "training": _OF_TRAINING}.get(str(part), frozenset())
    return problem.model_copy(update={"loc": [part, "outputs", name, field, *rest]}) if field in own else problem


def data_of_heads(data: DataSpec) -> Iterator[tuple[str | None, DataSpec]]:
    """How each output's target is read."""
    if data.outputs is None:
        yield None, data
        return
    for name, one in data.outputs.items():
        said = {"target": one.target, "scale_target": one.scale_target, "outputs": None, "next_token": False}
        yield name, data.model_copy(update=said)


def heads_of(data: DataSpec, training: TrainingSpec) -> list[Head]:
    """Each output with its target and its loss, in the order of `data`; those that lack either are left out."""
    if data.outputs is None or training.outputs is None:
        both = data.outputs is None and training.outputs is None
        return [Head(None, data, training)] if both and data.target is not None and training.loss is not None else []
    both_said = [(name, own) for name, own in data_of_heads(data) if name in training.outputs]
    return [Head(name, own, *training_of(training, str(name))) for name, own in both_said]


def training_of(training: TrainingSpec, name: str) -> tuple[TrainingSpec, float]:
    """How one of several outputs is trained, and how much it counts."""
    assert training.outputs is not None
    one = training.outputs[name]
    said = {"loss": one.loss, "metrics": one.metrics, "outputs": None, "early_stopping": None}
    return training.model_copy(update=said), one.weight
