"""Fitted preprocessing: how rows become a model's inputs, and its outputs answers.

Written once, used twice: the worker encodes the training data with it, the server the rows to predict, so both see the
same numbers. What is fitted is fitted by `app.preparing`, on training rows alone; here it is only applied. A module for
each kind of column; all need numpy, texts the tokenizers library, images Pillow, and none torch.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from app.specs.base import Fed, Problem, SpecError
from app.specs.columns import word
from app.transforms.answers import Head, Target, answers
from app.transforms.arrays import ArrayStep
from app.transforms.images import ImageStep
from app.transforms.reading import numbers, read_time
from app.transforms.steps import MAX_PROBLEMS, UNKNOWN, Numbers, Step, apply, problem
from app.transforms.text import TextStep
from app.transforms.windows import Windows, windows_of

__all__ = [
    "UNKNOWN",
    "AnyStep",
    "ArrayStep",
    "Head",
    "ImageStep",
    "InputPart",
    "Preprocessing",
    "Step",
    "Target",
    "TextStep",
    "Windows",
    "check_names",
    "columns_of",
    "decode",
    "encode",
    "encode_rows",
    "read_time",
    "windows_of",
    "word",
]

AnyStep = Annotated[Step | TextStep | ImageStep | ArrayStep, Field(discriminator="type")]

_NAMED = 5


class InputPart(BaseModel):
    """One of several inputs, which lie in a row one after the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    columns: list[str]
    shape: list[int]  # without the batch
    num_embeddings: int | None = None  # of one that is looked up: it is whole numbers from 0 to this − 1


class Preprocessing(BaseModel):
    """Everything between a row and a tensor, as `preprocessing.json` keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: list[AnyStep]
    input_shape: list[int]  # without the batch
    parts: list[InputPart] | None = None  # of several inputs, of which the input is all, one after the other
    window: Windows | None = None  # of a time series
    input_dtype: Literal["float32", "int64"]
    num_embeddings: int | None = None  # of a model that looks whole numbers up: it has places for 0 to this − 1
    target: Target
    loss: str  # decides how outputs are read

    @property
    def columns(self) -> list[str]:
        """The columns that are read, each once."""
        return list(dict.fromkeys(step.name for step in self.steps))

    @property
    def fed(self) -> Fed:
        """The shape of the input, or of each of several."""
        if self.parts is None:
            return tuple(self.input_shape)
        return {part.name: tuple(part.shape) for part in self.parts}

    @property
    def known(self) -> set[str]:
        """The columns that mean something: those that are read, the target, and what orders rows in series."""
        window = self.window
        about = [window.series, window.time.name if window.time else None] if window else []
        return {*self.columns, *self.target.names, *(name for name in about if name is not None)}

    @property
    def pixels(self) -> ImageStep | None:
        """The step of a model that is fed images and nothing else: training keeps them as bytes."""
        alone = self.steps[0] if len(self.steps) == 1 else None
        return alone if isinstance(alone, ImageStep) else None


def encode(preprocessing: Preprocessing, rows: Mapping[str, Sequence[Any]]) -> NDArray[Any]:
    """Columns of N plain values as inputs (N, *input_shape). Raises SpecError with loc ["rows", i, column].

    Of a time series, whose rows are in order, N is the number of windows that they hold.
    """
    found = encode_rows(preprocessing, rows)
    if preprocessing.window is not None:
        return windows_of(found, preprocessing.window.length)
    return found.reshape(len(found), *preprocessing.input_shape)


def encode_rows(preprocessing: Preprocessing, rows: Mapping[str, Sequence[Any]]) -> NDArray[Any]:
    """Columns of N plain values as (N, width), each row by itself. Raises SpecError as `encode` does."""
    num_rows = len(next(iter(rows.values()), ()))
    parts: list[NDArray[Any]] = []
    errors: list[Problem] = []
    places = _places(preprocessing)
    for step in preprocessing.steps:
        try:
            parts.append(_inputs(step, rows.get(step.name, [None] * num_rows), places.get(step.name)))
        except SpecError as error:
            errors += [one for one in error.errors if one not in errors]
    if errors:
        raise SpecError(errors[:MAX_PROBLEMS])
    return np.concatenate(parts, axis=1).astype(preprocessing.input_dtype)


def _places(preprocessing: Preprocessing) -> dict[str, float]:
    """Of each column that is looked up, below which number it must be."""
    if preprocessing.parts is not None:
        looked_up = [part for part in preprocessing.parts if part.num_embeddings is not None]
        return {column: part.num_embeddings or 0 for part in looked_up for column in part.columns}
    if preprocessing.input_dtype != "int64":
        return {}
    most = preprocessing.num_embeddings
    return dict.fromkeys(preprocessing.columns, math.inf if most is None else most)


def _inputs(step: AnyStep, values: Sequence[Any], num_embeddings: float | None) -> NDArray[Any]:
    """What one step makes of plain values: (N, width), of whole numbers where embeddings look them up."""
    if not isinstance(step, Step):
        return step.inputs(values)
    found = apply(step, numbers(step, values))
    if num_embeddings is not None:
        _check_whole(step, found[:, 0], num_embeddings)
    return found


def check_names(preprocessing: Preprocessing, names: Sequence[str]) -> None:
    """Refuse what is probably a slip: a column that is not there while one is that nobody knows. Raises SpecError.

    Else the value that fills gaps would silently stand in for it.
    """
    read = preprocessing.columns
    lacking = [name for name in read if name not in names]
    unknown = [name for name in names if name not in preprocessing.known]
    if not lacking or not unknown:
        return
    given = ", ".join(map(repr, unknown[:_NAMED]))
    reason = f"which is not there; {given} is nothing that it knows"
    raise SpecError(
        [Problem(loc=["rows", 0, name], msg=f"the model reads {name!r}, {reason}") for name in lacking[:_NAMED]]
    )


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows, each a mapping of names to values, as columns; what a row lacks is missing."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _check_whole(step: Step, found: Numbers, num_embeddings: float) -> None:
    """Whole numbers, and such as the embedding has places for: beyond them a runtime fails, or wraps around."""
    expected = "a whole number is expected"
    odd = found != np.trunc(found)
    if num_embeddings < math.inf:
        expected += f", from 0 to {num_embeddings - 1:,}"
        odd |= (found < 0) | (found >= num_embeddings)
    rows = np.flatnonzero(odd)[:MAX_PROBLEMS]
    if len(rows):
        raise SpecError([problem(int(i), step.name, expected, float(found[i])) for i in rows])


def decode(
    preprocessing: Preprocessing, outputs: ArrayLike, inputs: NDArray[Any] | None = None
) -> list[dict[str, Any]]:
    """Outputs (N, …) as answers: {"label", "probabilities"} for classes, {"value"} for numbers.

    Of a model that predicts the next token, `inputs` say which places of a text are filled.
    """
    return answers(np.asarray(outputs, np.float64), preprocessing.target, preprocessing.loss, inputs)
