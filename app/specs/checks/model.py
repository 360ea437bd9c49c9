"""Whether a model's input and output fit the columns and the loss."""

from collections.abc import Iterator, Sequence
from itertools import islice
from math import prod

from app.specs.augment import RandomCrop
from app.specs.base import Problem
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import steps_of
from app.specs.layers.base import written
from app.specs.layers.embedding import Embedding
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
    last = len(model.layers) - 1
    place: list[str | int] = ["model", "layers", last]
    if len(shape) != 1:
        message = f"the model ends with {written(shape)}, a row's answer is one list of numbers; flatten, or pool first"
        yield Problem(loc=place, msg=message, received=list(shape))
        return
    horizon = window.horizon if window is not None else 1
    wanted = target.num_distinct if loss in CLASS_LOSSES else horizon
    if shape[0] != wanted and not (loss in CLASS_LOSSES and target.values is None):
        message = f"the model ends with {_outputs(shape[0])}, but {_asked(loss, target.name, wanted)}"
        yield Problem(loc=place, msg=message, received=shape[0])
    if loss in _ENDS and model.layers[last].type != _ENDS[loss][0]:
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


def augment_problems(model: ModelSpec, inspection: Inspection, data: DataSpec) -> Iterator[Problem]:
    """Only images can be turned and cut; anything can be mixed that is not looked up."""
    shape = tuple(inspection.input_shape)
    for i, one in enumerate(data.augment):
        message = None
        if model.takes_integers:
            message = f"{one.type} computes with its input, and these are whole numbers to look up"
        elif len(shape) != 3 and one.type != "mixup":
            message = f"{one.type} is for images (channels×height×width), and the input is {written(shape)}"
        elif isinstance(one, RandomCrop) and one.padding >= min(shape[1:]):
            message = f"a border of {one.padding} pixels may push the whole image of {written(shape)} out of sight"
        if message:
            yield Problem(loc=["data", "augment", i], msg=message, received=one.type)


def token_problems(model: ModelSpec, data: DataSpec, features: Sequence[Column]) -> Iterator[Problem]:
    """An embedding looks its inputs up, so they must be whole numbers within its vocabulary."""
    if not model.takes_integers:
        return
    for column in features:
        message, field = _not_whole(data, column)
        if message:
            yield Problem(loc=["data", field], msg=message, received=column.name)
            return  # of a thousand columns of one kind, one is told
    for i, layer in enumerate(model.layers):
        if isinstance(layer, Embedding):
            found = _vocabulary_problems(layer.num_embeddings, data, features)
            yield from (one.under("model", "layers", i) for one in islice(found, 1))


def _vocabulary_problems(num_embeddings: int, data: DataSpec, features: Sequence[Column]) -> Iterator[Problem]:
    for column in features:
        low, high = _range(data, column)
        if low < 0 or high >= num_embeddings:
            places = f"the embedding has places for 0 to {num_embeddings - 1}"
            message = f"{column.name!r} goes from {low:g} to {high:g}: {places}"
            yield Problem(loc=["num_embeddings"], msg=message, received=num_embeddings)


def _range(data: DataSpec, column: Column) -> tuple[float, float]:
    """The least and the greatest number that a column is fed as, gaps that are filled included."""
    steps = steps_of(data, column.name)
    if steps.tokens is not None:
        return 0, steps.tokens.vocabulary_size - 1
    numeric = column.is_numeric
    ends = (column.min or 0, column.max or 0) if numeric else (0, max(0, len(column.values or ()) - 1))
    if not column.num_missing or steps.missing is None or steps.missing.type != "constant":
        return ends
    filled = steps.missing.value if numeric else -1  # a category of its own
    return min(ends[0], filled), max(ends[1], filled)


def _not_whole(data: DataSpec, column: Column) -> tuple[str | None, str]:
    """Why a column's inputs are not the whole numbers that it holds, and the field of `data` to change."""
    steps = steps_of(data, column.name)
    if column.type == "text" and steps.tokens is not None:
        return None, ""
    if column.type in ("image", "array"):
        return f"an embedding needs whole numbers, but {column.name!r} holds {column.type} values", "features"
    if column.is_numeric and column.type not in ("integer", "boolean"):
        return f"an embedding needs whole numbers, but {column.name!r} holds {column.type} values", "features"
    if not column.is_numeric and steps.categories != "ordinal":
        return f"an embedding needs whole numbers, but {column.name!r} becomes a column for each category", "categories"
    if (steps.scale != "none" or steps.log) and column.type == "integer":
        return f"an embedding needs whole numbers, but {column.name!r} is scaled", "scale"
    filling = steps.missing.type if steps.missing else "error"
    if column.num_missing and filling in ("mean", "median"):
        return f"an embedding needs whole numbers, but gaps of {column.name!r} become a {filling}", "missing"
    return None, ""


def _asked(loss: str, name: str, wanted: int) -> str:
    """What a loss is to be given."""
    if loss in CLASS_LOSSES:
        return f"{name!r} has {wanted} classes"
    return f"{loss} takes one number a row" if wanted == 1 else f"{wanted} values of {name!r} are predicted"


def _outputs(count: int) -> str:
    return "one output" if count == 1 else f"{count} outputs"
