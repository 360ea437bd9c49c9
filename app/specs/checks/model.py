"""Whether a model's input and output fit the columns and the loss."""

from collections.abc import Iterator, Sequence
from math import prod

from app.specs.augment import RandomCrop
from app.specs.base import Problem
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import is_embedded
from app.specs.layers.base import written
from app.specs.model import Inspection, ModelSpec
from app.specs.training import CLASS_LOSSES, TrainingSpec
from app.specs.window import Window

_ENDS = {  # what the last layer must be, for losses that take what it makes
    "binary_cross_entropy": ("sigmoid", "takes probabilities", "binary_cross_entropy_with_logits"),
    "nll_loss": ("log_softmax", "takes logarithms of probabilities", "cross_entropy"),
}


def output_problems(
    model: ModelSpec, inspection: Inspection, training: TrainingSpec, target: Column, window: Window | None = None
) -> Iterator[Problem]:
    """Whether what comes out is what the loss takes: K outputs for K classes, else one, or as many as a window has."""
    loss, shape = training.loss.type, tuple(inspection.output_shape)
    last = model.nodes[-1]
    place: list[str | int] = ["model", *last.loc]
    if len(shape) != 1:
        message = f"the model ends with {written(shape)}, a row's answer is one list of numbers; flatten, or pool first"
        yield Problem(loc=place, msg=message, received=list(shape))
        return
    horizon = window.horizon if window is not None else 1
    wanted = target.num_distinct if loss in CLASS_LOSSES else horizon
    if shape[0] != wanted and not (loss in CLASS_LOSSES and target.values is None):
        message = f"the model ends with {_outputs(shape[0])}, but {_asked(loss, target.name, wanted)}"
        yield Problem(loc=place, msg=message, received=shape[0])
    if loss in _ENDS and last.layer.type != _ENDS[loss][0]:
        end, takes, other = _ENDS[loss]
        message = f"{loss} {takes}: end with {end}, or use {other}"
        yield Problem(loc=["training", "loss", "type"], msg=message, received=loss)


def learning_problems(inspection: Inspection, training: TrainingSpec, num_train: int | None) -> Iterator[Problem]:
    """Whether there is something to learn, and rows enough at a time."""
    if inspection.num_parameters == 0:
        yield Problem(loc=["model", "layers"], msg="no layer has anything to learn: add a linear one", received=None)
    alone = training.batch_size == 1 or num_train == 1
    for layer in inspection.layers:
        if layer.type == "batch_norm" and prod(layer.output_shape[1:]) == 1 and alone:
            message = f"layer {layer.index} (batch_norm): needs two rows a batch at least, for it compares rows"
            yield Problem(loc=["training", "batch_size"], msg=message, received=training.batch_size)


def augment_problems(
    model: ModelSpec, inspection: Inspection, data: DataSpec, fed: Sequence[Column]
) -> Iterator[Problem]:
    """Only images can be turned and cut; anything can be mixed that is not looked up."""
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
        if message:
            yield Problem(loc=["data", "augment", i], msg=message, received=one.type)


def _asked(loss: str, name: str, wanted: int) -> str:
    """What a loss is to be given."""
    if loss in CLASS_LOSSES:
        return f"{name!r} has {wanted} classes"
    return f"{loss} takes one number a row" if wanted == 1 else f"{wanted} values of {name!r} are predicted"


def _outputs(count: int) -> str:
    return "one output" if count == 1 else f"{count} outputs"
