"""Whether a model's input and output fit the columns and the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from app.specs.answers import Answer
from app.specs.augment import RandomCrop
from app.specs.base import Problem, Shape
from app.specs.checks.ends import end_problems
from app.specs.checks.losses import weight_problems
from app.specs.checks.places import ending_problem, moving_problem
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import is_embedded
from app.specs.graph import Node
from app.specs.layers.backbone import Backbone
from app.specs.layers.base import written
from app.specs.losses import CLASS_LOSSES
from app.specs.model import Inspection, LayerReport, ModelSpec
from app.specs.training import TrainingSpec


@dataclass(frozen=True)
class Ending:
    """Where an output leaves a model: its layer, and the shape of what that makes."""

    node: Node
    shape: Shape


def output_problems(ending: Ending, training: TrainingSpec, target: Column, answer: Answer) -> Iterator[Problem]:
    """Whether what comes out is what the loss takes: K outputs for K classes, else one, or as many as there are places.

    `target` is the column, or the first of several.
    """
    loss, shape, last = training.loss_type, ending.shape, ending.node
    if answer.is_plain:
        problem = _plain_problem(last, shape, loss, target, answer)
    else:
        problem = ending_problem(last, shape, loss, target.name, answer)
    if problem is not None:
        yield problem
        if answer.is_plain and len(shape) != 1:
            return
    if answer.kind == "mask" and problem is None:
        yield from weight_problems(training.only_loss, shape[0], range(shape[0]))
    yield from end_problems(training.only_loss, last)


def _plain_problem(node: Node, shape: Shape, loss: str, target: Column, answer: Answer) -> Problem | None:
    """Why a model that ends with `shape` does not give one class, or the numbers of one column."""
    place: list[str | int] = ["model", *node.loc]
    if len(shape) != 1:
        message = f"the model ends with {written(shape)}, a row's answer is one list of numbers; flatten, or pool first"
        return Problem(loc=place, msg=message, received=list(shape))
    (wanted,) = answer.output_shape
    if shape[0] == wanted or (loss in CLASS_LOSSES and target.values is None):
        return None
    asked = _asked(loss, target.name, wanted or 0)
    if answer.num_each > 1:
        asked = f"{loss} takes a mean and the logarithm of a variance for each number, so {wanted}, all means first"
    message = f"the model ends with {_outputs(shape[0])}, but {asked}"
    return Problem(loc=place, msg=message, received=shape[0])


def learning_problems(
    model: ModelSpec, inspection: Inspection, training: TrainingSpec, num_train: int | None
) -> Iterator[Problem]:
    """Whether there is something to learn from the start, and rows enough at a time."""
    if inspection.num_parameters == 0:
        yield Problem(loc=["model", "layers"], msg="no layer has anything to learn: add a linear one", received=None)
    elif not any(_learns_at_once(*each) for each in zip(model.nodes, inspection.layers, strict=True)):
        message = "every layer that could learn is frozen in the first epoch: leave one unfrozen"
        yield Problem(loc=["model", "layers"], msg=message, received=None)
    if 1 in (training.batch_size, training.micro_batch_size, num_train):
        size = "micro_batch_size" if training.micro_batch_size == 1 else "batch_size"
        for node, report in zip(model.nodes, inspection.layers, strict=True):
            if node.pace.learns and _compares_rows(node, report, inspection):
                message = f"layer {report.index} ({report.type}): needs two rows a batch at least, for it compares rows"
                yield Problem(loc=["training", size], msg=message, received=getattr(training, size))


def _compares_rows(node: Node, report: LayerReport, inspection: Inspection) -> bool:
    """Whether of a row alone nothing is left: what is normalised is one number a channel."""
    if isinstance(node.layer, Backbone):
        given = [one.output_shape for one in inspection.layers if one.name == node.inputs[0]]
        return node.layer.compares_rows(tuple(given[0] if given else inspection.input_shape))
    return report.type == "batch_norm" and prod(report.output_shape[1:]) == 1


def beginning_problems(model: ModelSpec, training: TrainingSpec) -> Iterator[Problem]:
    """Whether the layer is there up to which weights are taken."""
    up_to = training.start_from.up_to if training.start_from else None
    if up_to is not None and not model.layers_up_to(up_to):
        message = f"no layer is called {up_to!r}"
        yield Problem(loc=["training", "start_from", "up_to"], msg=message, received=up_to)


def _learns_at_once(node: Node, report: LayerReport) -> bool:
    return report.num_parameters > 0 and node.pace.frozen_epochs == 0


def augment_problems(
    model: ModelSpec, inspection: Inspection, data: DataSpec, fed: Sequence[Column], answers: Sequence[Answer] = ()
) -> Iterator[Problem]:
    """Only images can be turned and cut, and their targets with them; anything can be mixed that is not looked up."""
    shape = tuple(inspection.input_shape)
    has_embedded = any(is_embedded(data, column) for column in fed)
    for i, one in enumerate(data.augment):
        message = None
        if model.takes_integers or has_embedded:
            message = f"{one.type} computes with its input, and these are whole numbers to look up"
        elif len(shape) != 3 and one.type != "mixup":
            message = f"{one.type} is for images (channels×height×width), and the input is {written(shape)}"
        elif isinstance(one, RandomCrop) and one.padding >= min(shape[1:]):
            message = f"a border of {one.padding} pixels may push the whole image of {written(shape)} out of sight"
        else:
            alone = len(answers) == 1
            message = next(filter(None, (moving_problem(one, shape, answer, alone=alone) for answer in answers)), None)
        if message:
            yield Problem(loc=["data", "augment", i], msg=message, received=one.type)


def _asked(loss: str, name: str, wanted: int) -> str:
    """What a loss is to be given."""
    if loss in CLASS_LOSSES:
        return f"{name!r} has {wanted} classes"
    return f"{loss} takes one number a row" if wanted == 1 else f"{wanted} values of {name!r} are predicted"


def _outputs(count: int) -> str:
    return "one output" if count == 1 else f"{count} outputs"
