"""Whether an answer of many places fits its columns, the loss, the model that ends with it and what moves pixels."""

from collections.abc import Iterator
from typing import Any

from app.specs.answers import Answer
from app.specs.augment import AnyAugmentation, RandomCrop
from app.specs.base import Problem, Shape
from app.specs.checks.words import Columns
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.graph import Node
from app.specs.layers.base import written
from app.specs.losses import (
    BINARY_LOSSES,
    CLASS_LOSSES,
    MULTILABEL_LOSSES,
    ORDERED_LOSSES,
    SIGN_LOSSES,
    UNSCALED_LOSSES,
    KLDiv,
)
from app.specs.training import TrainingSpec

MAX_MASK_CLASSES = 256  # a byte tells no more apart

_UNSCALABLE = {
    "image": "pixels are numbers from 0 to 1",
    "mask": "classes cannot be scaled",
    "tokens": "classes cannot be scaled",
    "sequence": "classes cannot be scaled",
}
_ALONG = frozenset({"nll_loss", "ctc_loss"})  # which take log_softmax along the classes
_OF_PIXELS = frozenset({"random_horizontal_flip", "random_vertical_flip", "random_crop"})  # which move a target too
_OF_PLACES = _OF_PIXELS | {"random_rotation", "mixup", "cutmix"}  # which change where things are


def place_problems(training: TrainingSpec, data: DataSpec, columns: Columns, answer: Answer) -> Iterator[Problem]:
    """Everything about an answer of many places that does not fit the columns it is of, or the loss."""
    place: list[str | int] = ["data", "target"]
    loss = training.loss_type
    if data.window is not None:
        message = "windows predict the numbers, or the class, of one column"
        yield Problem(loc=place, msg=message, received=_received(data))
    for i, name in enumerate(data.targets):
        if misfit := _misfit(answer, columns[name]):
            yield Problem(loc=place if isinstance(data.target, str) else [*place, i], msg=misfit, received=name)
    if unfit := _unfit_loss(training, answer, [columns[name] for name in data.targets]):
        yield Problem(loc=["training", "loss", "type"], msg=unfit, received=loss)
    if data.scale_target != "none" and (answer.kind in _UNSCALABLE or loss in BINARY_LOSSES | UNSCALED_LOSSES):
        as_they_are = "numbers as they are" if loss in UNSCALED_LOSSES else "numbers from 0 to 1"
        message = _UNSCALABLE.get(answer.kind, f"{loss} takes {as_they_are}")
        yield unscalable(data, f"{message}: leave it out")


def unscalable(data: DataSpec, message: str) -> Problem:
    """That a target cannot be scaled."""
    return Problem(loc=["data", "scale_target"], msg=message, received=data.scale_target)


def next_problems(data: DataSpec, answer: Answer | None) -> Iterator[Problem]:
    """Whether there is a text whose next tokens can be predicted, and that it is what is fed."""
    if not data.next_token:
        return
    message = None
    if answer is not None and answer.kind == "sequence":
        message = "ctc_loss is for tokens whose places nobody knows, and the next one comes next; cross_entropy fits"
    elif answer is None or answer.kind != "tokens":
        message = "of a text that is cut into tokens the next one is predicted: let target be one, with tokens"
    elif data.features != data.targets:
        message = f"the next token follows from those before it: let features be [{data.first_target!r}]"
    if message:
        yield Problem(loc=["data", "next_token"], msg=message, received=True)


def _received(data: DataSpec) -> Any:
    return data.target if isinstance(data.target, str) else list(data.targets)


def _misfit(answer: Answer, column: Column) -> str | None:
    """Why a column cannot be answered so."""
    if answer.kind == "numbers" and not column.is_numeric:
        return f"of several targets each is a number, but {column.name!r} holds {column.type} values"
    if answer.kind in ("image", "mask") and 0 in answer.shape:
        return f"the images of {column.name!r} have different sizes: say which height and width they are made"
    return None


def _unfit_loss(training: TrainingSpec, answer: Answer, columns: list[Column]) -> str | None:
    loss = training.loss_type
    if answer.kind == "sequence":
        return None
    if loss in ORDERED_LOSSES:
        return f"{loss} needs a text that is cut into tokens"
    if answer.kind in ("tokens", "mask"):
        if loss == "multi_margin_loss":
            return f"{loss} is for one class a row, and these are many; cross_entropy fits"
        return None if loss in CLASS_LOSSES else f"{loss} needs numbers, and these are tokens; cross_entropy fits"
    if answer.kind in ("numbers", "array") and loss in CLASS_LOSSES:
        what = "several targets are" if answer.kind == "numbers" else "an array is"
        return f"{loss} needs one column of classes, and {what} numbers; mse_loss fits"
    if loss in BINARY_LOSSES:
        return _unfit_yes(loss, answer, columns)
    below = [one.name for one in columns if one.min is not None and one.min < 0]
    if loss == "poisson_nll_loss" and below:
        return f"{loss} needs counts, or other numbers from 0 up, but {below[0]!r} has others; mse_loss fits"
    return _unfit_shares(training.only_loss, answer, columns) if isinstance(training.only_loss, KLDiv) else None


def _unfit_shares(loss: KLDiv, answer: Answer, columns: list[Column]) -> str | None:
    """Why columns are no shares of a whole."""
    if answer.kind != "numbers" or len(columns) < 2:
        return f"{loss.type} is for shares of a whole: let target be a list of their columns"
    if loss.log_target:
        above = [one.name for one in columns if one.max is not None and one.max > 0]
        return f"{above[0]!r} has numbers above 0, which are no logarithms of shares" if above else None
    outside = [one.name for one in columns if one.is_numeric and not _is_share(one)]
    return f"{loss.type} needs shares, from 0 to 1, but {outside[0]!r} has others" if outside else None


def _unfit_yes(loss: str, answer: Answer, columns: list[Column]) -> str | None:
    """Why a loss of yes or no does not fit several columns, an array or an image."""
    if loss in SIGN_LOSSES and not (answer.kind == "numbers" and all(map(_is_yes_or_no, columns))):
        return f"{loss} needs columns that are 0 or 1, and nothing else; binary_cross_entropy_with_logits takes shares"
    if loss in MULTILABEL_LOSSES and len(columns) == 1:
        return f"{loss} is for several columns; of one, hinge_loss fits"
    outside = [one.name for one in columns if (one.is_numeric or one.type == "array") and not _is_share(one)]
    return f"{loss} needs numbers from 0 to 1, but {outside[0]!r} has others; mse_loss fits" if outside else None


def _is_yes_or_no(column: Column) -> bool:
    if column.type == "boolean":
        return True
    return column.is_numeric and column.num_distinct <= 2 and {column.min, column.max} <= {0, 1}


def _is_share(column: Column) -> bool:
    if column.type == "boolean":
        return True
    return column.min is not None and column.max is not None and column.min >= 0 and column.max <= 1


def ending_problem(node: Node, shape: Shape, loss: str, name: str, answer: Answer) -> Problem | None:
    """Why a model that ends with `shape` does not give an answer of many places."""
    wanted, place = answer.output_shape, ["model", *node.loc]
    fits = len(shape) == len(wanted) and all(one in (size, None) for size, one in zip(shape, wanted, strict=True))
    if not fits:
        message = f"the model ends with {written(shape)}, but {_asked(answer, name)}"
        return Problem(loc=place, msg=message, received=list(shape))
    if answer.kind == "mask" and not 2 <= shape[0] <= MAX_MASK_CLASSES:
        of_pixels = f"its channels are the classes of a pixel, 2 to {MAX_MASK_CLASSES}"
        message = f"the model ends with {written(shape)}: {of_pixels}"
        return Problem(loc=place, msg=message, received=list(shape))
    if answer.kind == "sequence" and shape[0] < answer.num_places:
        message = f"the model answers at {shape[0]:,} places, and a text has up to {answer.num_places:,} tokens"
        return Problem(loc=place, msg=f"{message}: end with more, twice as many or more as a rule", received=shape[0])
    last = node.layer
    axis = 1 if answer.kind == "mask" else len(wanted)
    dim = getattr(last, "dim", axis)
    if loss in _ALONG and last.type == "log_softmax" and dim % (len(wanted) + 1) != axis:
        message = f"the classes lie along axis {axis}, counted with the batch as 0: take log_softmax over that one"
        return Problem(loc=[*place, "dim"], msg=message, received=dim)
    return None


def _asked(answer: Answer, name: str) -> str:
    """What a model is to end with."""
    sizes = written(tuple(size for size in answer.output_shape if size is not None))
    if answer.num_each > 1:
        places = f"{answer.num_places:,} numbers are predicted"
        return f"{places}, each with a mean and the logarithm of a variance: end with {sizes}, all means first"
    match answer.kind:
        case "numbers":
            return f"{answer.num_places} columns are predicted: a list of as many numbers"
        case "array":
            return f"{name!r} is an array of {sizes}"
        case "image":
            return f"{name!r} is an image of {sizes}"
        case "mask":
            return f"the mask {name!r} has {sizes} pixels: end with as many channels as it has classes, of that size"
        case "sequence":
            tokens = f"{answer.num_classes:,} tokens"
            return f"{name!r} is {tokens} in order: end with a list of {tokens} for each of as many places as you like"
    length, num_tokens = answer.output_shape
    return f"{name!r} has {length} tokens, each one of {num_tokens:,}: end with {sizes}, a list for each token"


def moving_problem(one: AnyAugmentation, shape: Shape, answer: Answer, *, alone: bool = True) -> str | None:
    """Why an augmentation would not leave an answer of pixels where it belongs. Those of colours do, and of flips.

    `alone` says that there is no other answer beside it.
    """
    if answer.kind not in ("image", "mask") or one.type not in _OF_PLACES:
        return None
    if not alone:
        return f"{one.type} moves what is seen, and of several outputs none is moved with it"
    if one.type not in _OF_PIXELS:
        return f"{one.type} would tear the image from its target: flips and random_crop move both alike"
    if isinstance(one, RandomCrop) and tuple(shape[1:]) != answer.shape[-2:]:
        sizes = f"{written(tuple(shape[1:]))} and {written(answer.shape[-2:])}"
        return f"{one.type} moves both alike, so the image and its target need one size; they have {sizes}"
    return None
