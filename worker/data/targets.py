"""What is to be predicted, as arrays: a class or a number of each row, or an answer of many places.

An answer of many places lies as it came: images as bytes, which training brings to 0…1, masks as bytes that are
classes, tokens as their numbers, 0 where there is none; numbers moved and scaled as `scale_target` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app import transforms
from app.errors import JobFailure
from app.moments import Moments
from app.preparing import fit_steps, fit_with
from app.preparing.fitting import ArrayFitter, Sample, array_numbers, fitters, scaling
from app.preparing.table import Table, codes, plain_numbers
from app.specs.answers import OF_WORDS, Answer, answer_of
from app.specs.base import Shape
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import image_shape, steps_of
from app.specs.heads import Head
from app.specs.losses import BINARY_LOSSES, REGRESSION_LOSSES, AnyLoss
from app.specs.steps import ColumnSteps, Pixels
from app.splitting import BITS, Parts, Rows
from app.transforms import AnyStep, ArrayStep, ImageStep, Preprocessing, Target, TextStep
from app.transforms.answers import Scaled
from app.transforms.steps import Numbers

_NAMED_ROWS = 5


def fitted_target(table: Table, data: DataSpec, loss: str, dealt: Parts) -> Target:
    """The class or the number that is predicted; a number's scale is that of the training rows."""
    name = data.first_target
    classes = None if loss in REGRESSION_LOSSES else table.known[name].values
    if classes is not None or data.scale_target == "none":
        return Target(name=name, classes=classes)
    scaled = _fitted_number(table, data, name, dealt)
    return Target(name=name, center=scaled.center, spread=scaled.spread)


def _fitted_number(table: Table, data: DataSpec, name: str, dealt: Parts) -> Scaled:
    if data.scale_target == "none":
        return Scaled(name=name)
    moments, sample = Moments(), Sample()
    for place, batch in table.batches([name], 8):
        found = plain_numbers(batch.column(0))[dealt[place] & BITS["train"] > 0]
        moments.add(found)
        sample.add(found)
    center, spread = scaling(data.scale_target, moments, sample)
    return Scaled(name=name, center=center, spread=spread)


@dataclass(frozen=True)
class Output:
    """One of several outputs: what it is held to, and the shape that it has."""

    head: Head
    shape: Shape


def fit_outputs(table: Table, outputs: Sequence[Output], dealt: Parts) -> Target:
    """What each of several outputs answers. Texts have the words of their own column."""
    found = []
    for output in outputs:
        data, loss = output.head.data, output.head.training.loss_type
        answer = answer_of(data, loss, table.known)
        assert answer is not None and output.head.name is not None, "a run names columns that there are"
        if answer.is_plain:
            target = fitted_target(table, data, loss, dealt)
        else:
            _, target = fit_places(table, data, [], dealt, answer, num_told(answer, output.shape))
        target = target.model_copy(update=read_as(output.head.training.only_loss, answer, output.shape))
        found.append(transforms.Head(name=output.head.name, shape=list(output.shape), loss=loss, target=target))
    return Target(name=", ".join(head.name for head in found), heads=found)


def read_as(loss: AnyLoss, answer: Answer, shape: Shape) -> dict[str, Any]:
    """What a target says of outputs of this shape, beside what it says of its column."""
    return {"reading": loss.reading, "num_places": shape[0] if answer.kind == "sequence" else None}


def num_told(answer: Answer, shape: Shape) -> int | None:
    """How many classes an output of this shape tells apart at each place of an answer that has many."""
    return {"mask": shape[0], "tokens": shape[-1], "sequence": shape[-1]}.get(answer.kind)


def fit_places(
    table: Table, data: DataSpec, fed: Sequence[Column], dealt: Parts, answer: Answer, num_classes: int | None
) -> tuple[list[AnyStep], Target]:
    """The fitted steps of what is fed, and an answer of many places."""
    name, column = data.first_target, table.known[data.first_target]
    if answer.kind in OF_WORDS:
        return _fit_tokens(table, data, fed, dealt, num_classes)
    steps = fit_steps(table, data, fed, dealt)
    if answer.kind == "numbers":
        numbers = [_fitted_number(table, data, one, dealt) for one in data.targets]
        return steps, Target(name=", ".join(data.targets), numbers=numbers)
    if answer.kind == "array":
        fitter = ArrayFitter(column, ColumnSteps(scale=data.scale_target))
        (step,) = fit_with([fitter], table, dealt)
        assert isinstance(step, ArrayStep)
        return steps, Target(name=name, step=step)
    return steps, Target(name=name, step=_pixels(data, column, answer), num_classes=num_classes)


def _pixels(data: DataSpec, column: Column, answer: Answer) -> ImageStep:
    pixels, is_mask = steps_of(data, column.name).pixels or Pixels(), answer.kind == "mask"
    channels, height, width = image_shape(pixels, column)
    return ImageStep(
        name=column.name,
        channels="gray" if is_mask or channels == 1 else "rgb",
        height=height,
        width_px=width,
        fit=pixels.fit,
        is_mask=is_mask,
    )


def _fit_tokens(
    table: Table, data: DataSpec, fed: Sequence[Column], dealt: Parts, num_classes: int | None
) -> tuple[list[AnyStep], Target]:
    """Texts that are cut alike share a vocabulary, whether they are fed or predicted."""
    name = data.first_target
    learned = [*fed, *([] if any(one.name == name for one in fed) else [table.known[name]])]
    found = fit_with(fitters(data, learned), table, dealt)
    step = next(one for one in found if one.name == name)
    assert isinstance(step, TextStep)
    names = {column.name for column in fed}
    target = Target(name=name, step=step, num_classes=num_classes, next_token=data.next_token)
    return [one for one in found if one.name in names], target


def target_dtype(how: Preprocessing) -> np.dtype[Any]:
    """Of class indices, of bytes, or of numbers, as all are of several outputs."""
    target = how.target
    if target.heads is not None:
        return np.dtype(np.float32)
    if isinstance(target.step, ImageStep):
        return np.dtype(np.uint8)
    of_classes = target.classes is not None and how.loss not in BINARY_LOSSES
    return np.dtype(np.int64 if of_classes or isinstance(target.step, TextStep) else np.float32)


def target_shape(how: Preprocessing) -> tuple[int, ...]:
    """Of the targets of a row."""
    if how.target.shape is not None:
        return how.target.shape
    return () if target_dtype(how) == np.int64 else (1,)


def batch_answers(target: Target, batch: pa.RecordBatch, rows: Rows) -> NDArray[Any]:
    """The targets (N, …) of N rows, whose places in the table are `rows`; of several outputs, those of all in a row.

    Raises JobFailure where one is missing or infinite, or names a class that there is not.
    """
    if target.heads is not None:
        each = [batch_answers(head.target, batch, rows) for head in target.heads]
        return np.concatenate([one.reshape(len(one), -1) for one in each], axis=1)
    if target.shape is None:
        return batch_targets(target, batch.column(target.name))
    return batch_places(target, batch, rows)


def batch_targets(target: Target, column: pa.Array) -> Numbers:
    """The targets (N,) of rows as they are trained on. Raises JobFailure where one is missing or infinite."""
    found = plain_numbers(column) if target.classes is None else codes(column, target.classes)
    _check_finite(target.name, found)
    return (found - target.center) / target.spread


def _check_finite(name: str, found: Numbers) -> None:
    if not np.isfinite(found).all():
        message = f"The target {name} is missing or infinite in some rows."
        raise JobFailure("data", message, 'Set missing to "drop".')


def batch_places(target: Target, batch: pa.RecordBatch, rows: Rows) -> NDArray[Any]:
    """Answers of many places (N, *shape). `rows` are the places of the N rows in the table.

    Raises JobFailure where one is missing or infinite, or names a class that there is not.
    """
    if target.numbers is not None:
        found = [(one, plain_numbers(batch.column(one.name))) for one in target.numbers]
        for one, numbers in found:
            _check_finite(one.name, numbers)
        return np.stack([(numbers - one.center) / one.spread for one, numbers in found], axis=1)
    step, column = target.step, batch.column(target.name)
    if isinstance(step, ArrayStep):
        numbers = array_numbers(column)
        _check_finite(target.name, numbers)
        return step.scaled(numbers)
    if isinstance(step, TextStep):
        return _tokens(target, step, column)
    assert isinstance(step, ImageStep)
    pixels = step.pixels(column.to_pylist())
    if target.num_classes is None:
        return pixels
    _check_classes(target, pixels, target.num_classes, rows)
    return pixels[:, 0]


def _tokens(target: Target, step: TextStep, column: pa.Array) -> NDArray[np.int64]:
    texts = column.cast(pa.string()).to_pylist()
    return step.following(texts) if target.next_token else step.inputs(texts)


def _check_classes(target: Target, pixels: NDArray[np.uint8], num_classes: int, rows: Rows) -> None:
    """Raises JobFailure where a mask holds a class that the model does not know."""
    highest = pixels.reshape(len(pixels), -1).max(axis=1, initial=0)
    if not (wrong := np.flatnonzero(highest >= num_classes)).size:
        return
    named = ", ".join(f"{rows[i] + 1:,}" for i in wrong[:_NAMED_ROWS])
    raise JobFailure(
        "data",
        f"The column {target.name!r} has the value {highest[wrong[0]]} in row {named}, and the model tells "
        f"{num_classes} classes apart, 0 to {num_classes - 1}.",
        "The gray value of a pixel is the number of its class: write masks so, as PNG, or let the model end with more "
        "channels.",
        details={"rows": rows[wrong[:_NAMED_ROWS]].tolist()},
    )
