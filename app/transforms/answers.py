"""A model's outputs, read as answers: a class with its probabilities, a number in its own unit, or many of either."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from app.columns import spell_one
from app.specs.columns import Value, word
from app.specs.losses import BINARY_LOSSES, LOSSES, Reading
from app.transforms.arrays import ArrayStep
from app.transforms.images import ImageStep
from app.transforms.text import FILLER, TextStep

Numbers = NDArray[np.float64]

_LIKELIEST = 10  # words that are told of the next one


class Scaled(BaseModel):
    """One of several numbers that are predicted: how its column was moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    center: float = 0.0
    spread: float = 1.0


class Head(BaseModel):
    """One of several outputs, which lie in a row one after the other, and what it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    shape: list[int]  # of the output, without the batch
    loss: str
    target: "Target"


class Target(BaseModel):
    """What the model answers: one of `classes`, a number that was moved and scaled, or an answer of many places."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: list[Value] | None = None
    center: float = 0.0
    spread: float = 1.0
    numbers: list[Scaled] | None = None  # of several columns: each by itself
    step: Annotated[TextStep | ImageStep | ArrayStep, Field(discriminator="type")] | None = None  # of many places
    num_classes: int | None = None  # of each pixel or each token
    next_token: bool = False  # the answer is the text itself, one token ahead
    reading: Reading | None = Field(default=None, exclude_if=lambda one: one is None)  # of outputs that are no numbers
    heads: list[Head] | None = None  # of several outputs: each by itself
    # Of a text whose tokens come in order, at places that nobody knows: at how many the model answers.
    num_places: int | None = Field(default=None, exclude_if=lambda one: one is None)

    @property
    def names(self) -> list[str]:
        """The columns that are predicted."""
        if self.heads is not None:
            return list(dict.fromkeys(name for head in self.heads for name in head.target.names))
        return [self.name] if self.numbers is None else [one.name for one in self.numbers]

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The places of an answer that has many; None of one number, of one class and of a window's numbers.

        Of several outputs those of all, one after the other.
        """
        if self.heads is not None:
            return (sum(math.prod(head.target.shape or (1,)) for head in self.heads),)
        if self.numbers is not None:
            return (len(self.numbers),)
        if isinstance(self.step, ImageStep):
            return self.step.shape if self.num_classes is None else self.step.shape[1:]
        if isinstance(self.step, TextStep):
            return (self.step.length,)
        return None if self.step is None else tuple(self.step.shape)

    @property
    def unit(self) -> tuple[float | Numbers, float | Numbers]:
        """What is added to outputs that were multiplied, and what they are multiplied by: numbers, or (n,) each."""
        if self.numbers is not None:
            return np.array([one.center for one in self.numbers]), np.array([one.spread for one in self.numbers])
        if isinstance(self.step, ArrayStep):
            return self.step.center, self.step.spread
        return self.center, self.spread


def answers(outputs: Numbers, target: Target, loss: str, inputs: NDArray[Any] | None = None) -> list[dict[str, Any]]:
    """Outputs (N, …) as {"label", "probabilities"} for classes, {"value"} for numbers; `loss` decides how they read.

    Of a loss that knows no probabilities, classes are {"label", "scores"}: of yes and no the score, and its opposite.
    Of one that knows how sure it is of numbers, these are {"value", "std"}.
    A mask is {"label"}: the class of each pixel. Tokens are {"tokens"}: the likeliest at each place; of a model that
    predicts the next one, those of the places that `inputs` (N, L) fill, with what follows the last of them. Of several
    outputs: {"outputs"}, the answer of each by name.
    """
    if target.heads is not None:
        return _of_heads(outputs, target.heads)
    if isinstance(target.step, TextStep) and target.num_places is not None:
        return [{"tokens": _in_order(row, target.step)} for row in outputs]
    if isinstance(target.step, TextStep):
        return [_words(row, target, loss, seen) for row, seen in zip(outputs, _seen(inputs, outputs), strict=True)]
    if target.num_classes is not None:
        return [{"label": row.argmax(axis=0).tolist()} for row in outputs]
    if target.classes is None:
        return _of_numbers(outputs, target, loss)
    flat, said = outputs.reshape(len(outputs), -1), "probabilities"
    if LOSSES[loss].outputs == "scores":
        said = "scores"
    return [_class(row, target.classes, said) for row in _of_classes(flat, loss)]


def _of_numbers(outputs: Numbers, target: Target, loss: str) -> list[dict[str, Any]]:
    center, spread = target.unit
    match target.reading:
        case "normal":  # means, then logarithms of variances (N, 2n, …)
            means, logs = np.split(outputs, 2, axis=1)
            with np.errstate(over="ignore"):
                deviations = np.exp(logs / 2) * spread
            each = zip(means * spread + center, deviations, strict=True)
            return [{"value": _number(mean, target), "std": _number(std, target)} for mean, std in each]
        case "logarithms":
            with np.errstate(over="ignore"):
                outputs = np.exp(outputs)
    if loss in BINARY_LOSSES:
        found = _sigmoid(outputs) if LOSSES[loss].outputs == "logits" else outputs
    else:
        found = outputs * spread + center
    return [{"value": _number(row, target)} for row in found]


def _of_heads(outputs: Numbers, heads: Sequence[Head]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{} for _ in outputs]
    at = 0
    for head in heads:
        own = outputs[:, at : at + math.prod(head.shape)].reshape(-1, *head.shape)
        at += math.prod(head.shape)
        for row, answer in zip(found, answers(own, head.target, head.loss), strict=True):
            row[head.name] = answer
    return [{"outputs": row} for row in found]


def _number(row: Numbers, target: Target) -> Any:
    """The numbers of a row: by name those of several columns, else nested as their shape is; the only one alone."""
    if target.numbers is not None:
        return {one.name: spell_one(value) for one, value in zip(target.numbers, row.tolist(), strict=True)}
    if target.shape is not None:
        return _nested(row)
    values = [spell_one(value) for value in row.ravel().tolist()]
    return values[0] if len(values) == 1 else values


def _nested(values: Numbers) -> list[Any]:
    return [_nested(one) for one in values] if values.ndim > 1 else [spell_one(one) for one in values.tolist()]


def _seen(inputs: NDArray[Any] | None, outputs: Numbers) -> Sequence[NDArray[Any] | None]:
    return [None] * len(outputs) if inputs is None else list(inputs)


def _in_order(row: Numbers, step: TextStep) -> list[str]:
    """What is said at the places of a row (T, V), without what is repeated and the nothing between."""
    best = row.argmax(axis=1)
    said = best[(best != FILLER) & (best != np.concatenate([[FILLER], best[:-1]]))]
    words = step.words(row.shape[1])
    return [words[i] for i in said.tolist()]


def _words(row: Numbers, target: Target, loss: str, seen: NDArray[Any] | None) -> dict[str, Any]:
    """Tokens (L, V) of a row; of the last place that is filled, what may follow it."""
    assert isinstance(target.step, TextStep)
    words = target.step.words(row.shape[1])
    places = np.arange(len(row))
    if target.next_token and seen is not None and (seen != FILLER).any():
        places = np.flatnonzero(seen != FILLER)
    found: dict[str, Any] = {"tokens": [words[i] for i in row[places].argmax(axis=1).tolist()]}
    if not target.next_token:
        return found
    (shares,) = _of_classes(row[places[-1:]], loss)
    likeliest = np.argsort(-shares, kind="stable")[:_LIKELIEST].tolist()
    sound = bool(np.isfinite(shares).all())
    told = {words[i]: spell_one(float(shares[i])) for i in likeliest}
    return found | {"label": words[likeliest[0]] if sound else None, "probabilities": told}


def _class(figures: Numbers, classes: Sequence[Value], said: str) -> dict[str, Any]:
    sound = bool(np.isfinite(figures).all())
    return {
        "label": classes[int(figures.argmax())] if sound else None,
        said: {word(value): spell_one(figure) for value, figure in zip(classes, figures.tolist(), strict=True)},
    }


def _of_classes(outputs: Numbers, loss: str) -> Numbers:
    """Outputs (N, K), or (N, 1) of yes or no, as what each class has: probabilities, or scores."""
    kind, is_binary = LOSSES[loss].outputs, loss in BINARY_LOSSES
    match kind:
        case "log_probabilities":
            return np.exp(outputs)
        case "logits":
            return _of_positive(_sigmoid(outputs)) if is_binary else _softmax(outputs)
        case "probabilities":
            return _of_positive(outputs)
    return np.concatenate([-outputs, outputs], axis=1) if is_binary else outputs


def _softmax(logits: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _of_positive(positive: Numbers) -> Numbers:
    return np.concatenate([1 - positive, positive], axis=1)


def _sigmoid(logits: Numbers) -> Numbers:
    powers = np.exp(-np.abs(logits))  # never overflows
    found: Numbers = np.where(logits >= 0, 1 / (1 + powers), powers / (1 + powers))
    return found
