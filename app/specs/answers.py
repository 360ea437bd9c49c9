"""What a row's answer is: how many places it has, and what stands at each.

Most have one place: a number, or a class. An autoencoder, a U-Net and a decoder answer at many: numbers of any shape,
or a class at each pixel of an image or each token of a text. Classes lie first in what a model makes of pixels,
(K, H, W) as PyTorch has them, and last in what it makes of tokens, (L, K) as layers of sequences have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from app.specs.base import Shape
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import image_shape, steps_of
from app.specs.losses import BINARY_LOSSES, CLASS_LOSSES, ORDERED_LOSSES, REGRESSION_LOSSES
from app.specs.steps import Pixels

Kind = Literal["number", "binary", "classes", "numbers", "array", "image", "mask", "tokens", "sequence"]
OF_WORDS = frozenset({"tokens", "sequence"})


@dataclass(frozen=True)
class Answer:
    """What a row's answer is, without the classes of each place."""

    kind: Kind
    # () of one class, (n,) of numbers, (C, H, W) of an image, (H, W) of a mask, (L,) of tokens. A sequence is tokens of
    # which the model does not say where they stand: it answers at more places, as many as it likes.
    shape: Shape
    num_classes: int | None = None  # of each place; None of numbers, and of a mask, whose model says it
    num_each: int = 1  # outputs for each number: first those of all numbers for the one, then for the other

    @property
    def is_plain(self) -> bool:
        """Whether it is one class, or numbers of one column."""
        return self.kind in ("number", "binary", "classes")

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """What a model makes of a row; None for a size that is the model's to say."""
        match self.kind:
            case "classes" | "mask":
                return (self.num_classes, *self.shape)
            case "tokens":
                return (*self.shape, self.num_classes)
            case "sequence":
                return (None, self.num_classes)
        return (self.num_each * self.shape[0], *self.shape[1:])

    @property
    def num_places(self) -> int:
        """How many places it has."""
        return prod(self.shape)


def answer_of(data: DataSpec, loss: str, columns: Mapping[str, Column]) -> Answer | None:
    """The answer that `data` and the type of the loss ask for; None where there is no such column."""
    if any(name not in columns for name in data.targets):
        return None
    found = _answer(data, loss, columns)
    return replace(found, num_each=2) if loss == "gaussian_nll_loss" else found


def _answer(data: DataSpec, loss: str, columns: Mapping[str, Column]) -> Answer:
    if not isinstance(data.target, str):
        return Answer("numbers", (len(data.targets),))
    column = columns[data.target]
    steps = steps_of(data, column.name)
    if column.type == "image":
        shape = image_shape(steps.pixels or Pixels(), column)
        return Answer("mask", shape[1:]) if loss in CLASS_LOSSES else Answer("image", shape)
    if column.type == "array":
        return Answer("array", tuple(column.shape or ()))
    is_in_order = loss in ORDERED_LOSSES
    if steps.tokens is not None and (column.type == "text" or (is_in_order and column.type == "category")):
        kind: Kind = "sequence" if is_in_order else "tokens"
        return Answer(kind, (steps.tokens.length,), steps.tokens.vocabulary_size)
    return _plain(data, loss, column)


def _plain(data: DataSpec, loss: str, column: Column) -> Answer:
    if loss in CLASS_LOSSES | ORDERED_LOSSES:
        return Answer("classes", (), column.num_distinct)
    shape = (data.window.horizon if data.window is not None else 1,)
    assert loss in REGRESSION_LOSSES | BINARY_LOSSES
    return Answer("binary" if loss in BINARY_LOSSES else "number", shape)
