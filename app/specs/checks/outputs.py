"""Whether each of several outputs has a target and a loss."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.specs.base import Problem
from app.specs.checks.training import curves_of
from app.specs.checks.words import listed
from app.specs.data import DataSpec
from app.specs.heads import Head
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec

_EXAMPLES = {"data": '{"target": "a column"}', "training": '{"loss": {"type": "mse_loss"}}'}


def heading_problems(model: ModelSpec, data: DataSpec, training: TrainingSpec) -> Iterator[Problem]:
    """Whether `data` and `training` say what each output of the model is held to, exactly where it has several."""
    outputs = model.outputs or ()
    if len(outputs) < 2:
        for part, said in (("data", data.outputs), ("training", training.outputs)):
            if said is not None:
                message = "the model has one output: name those of several in its own outputs, or say what this one is"
                yield Problem(loc=[part, "outputs"], msg=message, received=list(said))
        return
    alone: dict[str, dict[str, Any]] = {
        "data": {
            "target": data.target,
            "window": data.window,
            "next_token": data.next_token or None,
            "scale_target": None if data.scale_target == "none" else data.scale_target,
        },
        "training": {"loss": training.loss, "metrics": training.metrics or None},
    }
    for part, told in (("data", data.outputs), ("training", training.outputs)):
        yield from _name_problems(part, outputs, told)
        for field in [field for field, value in alone[part].items() if value is not None and told is not None]:
            message = f"{field} is for a model with one output: outputs say it of each, so leave it out"
            yield Problem(loc=[part, field], msg=message, received=None)


def _name_problems(part: str, outputs: Sequence[str], told: dict[str, Any] | None) -> Iterator[Problem]:
    if told is None:
        example = ", ".join(f'"{name}": {_EXAMPLES[part]}' for name in outputs)
        what = "target" if part == "data" else "loss"
        message = f"the model has the outputs {listed(outputs)}: say the {what} of each, as {{{example}}}"
        yield Problem(loc=[part, "outputs"], msg=message, received=None)
        return
    for name in told:
        if name not in outputs:
            message = f"the model has no output {name!r}; it has {listed(outputs)}"
            yield Problem(loc=[part, "outputs", name], msg=message, received=name)
    for name in outputs:
        if name not in told:
            message = f"nothing is said of the output {name!r}"
            yield Problem(loc=[part, "outputs", name], msg=message, received=None)


def curve_problems(heads: Sequence[Head]) -> Iterator[Problem]:
    """Whether the figures of several outputs have names of their own."""
    seen: set[str] = {"loss"}
    for head in heads:
        for curve in curves_of([head]) if head.name is not None else ():
            if curve in seen:
                message = f"two curves would be called {curve!r}: give the layer another name"
                yield Problem(loc=["training", "outputs", str(head.name)], msg=message, received=head.name)
            seen.add(curve)
