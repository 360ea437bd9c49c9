"""A table becomes the arrays that a model is trained, validated and tested with.

Whatever is fitted is fitted on training rows alone (`app.preparing`). How many categories there are,
and which classes, the whole table says, for the model's shape was checked against it; a category that no training row
has is unknown all the same. The table is gone through in batches, and the arrays lie in files where memory would not
hold them, so a table may be larger than memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.errors import JobFailure
from app.preparing import deal_rows, finite, fit_steps
from app.preparing.making import inputs_of, made, missing, unfilled
from app.preparing.table import Table
from app.specs.answers import answer_of
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import features, fed_shape, input_shape
from app.splitting import BITS, Parts, Rows, rows_of
from app.stored.table import open_table
from app.transforms import AnyStep, InputPart, Preprocessing, Target
from worker.data.shelf import Shelf, release
from worker.data.targets import (
    Output,
    batch_answers,
    fit_outputs,
    fit_places,
    fitted_target,
    target_dtype,
    target_shape,
)

Arrays = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Prepared:
    """Inputs (N, *input_shape) and targets of each part, and what made them of rows. A part without rows is None.

    Targets are class indices (N,) int64, or float32 (N, 1): 0 and 1 for a binary loss, else the scaled number; of an
    answer of many places (N, *shape), as `worker.data.targets` has them. Inputs of images are uint8, for
    `preprocessing.pixels` to scale.
    """

    train: Arrays
    validation: Arrays | None
    test: Arrays | None
    preprocessing: Preprocessing
    dealt: Parts

    @cached_property
    def rows(self) -> dict[str, Rows]:
        """The places of each part's rows in the table."""
        return {part: rows_of(self.dealt, part) for part in BITS}


def prepare(
    place: Path,
    data: DataSpec,
    loss: str,
    columns: Sequence[Column],
    input_dtype: Literal["float32", "int64"] = "float32",
    vocabularies: Mapping[str, int] = MappingProxyType({}),
    shelf: Shelf = Shelf(),  # noqa: B008, it never changes
    num_classes: int | None = None,
    outputs: Sequence[Output] = (),
) -> Prepared:
    """Read what `data` names of the table in `place`, whose columns are `columns`. Raises JobFailure.

    `vocabularies` says of each input that is looked up how many whole numbers the model knows, `num_classes` of each
    pixel or token of an answer of many places how many the model tells apart. `outputs` are several, if there are.
    """
    known = {column.name: column for column in columns}
    table = Table(open_table(place), known)
    fed = features(data, columns)
    dealt = deal_rows(table, data, fed)
    if outputs:
        steps, target = fit_steps(table, data, fed, dealt), fit_outputs(table, outputs, dealt)
    else:
        steps, target = _fit(table, data, loss, fed, dealt, num_classes)
    preprocessing = Preprocessing(
        steps=steps,
        input_shape=list(input_shape(data, columns)),
        input_dtype=input_dtype,
        num_embeddings=next(iter(vocabularies.values()), None) if input_dtype == "int64" else None,
        parts=_input_parts(data, columns, vocabularies),
        target=target,
        loss=loss,
    )
    arrays = _Filler(table, preprocessing, dealt, shelf).fill()
    return Prepared(arrays["train"], arrays.get("validation"), arrays.get("test"), preprocessing, dealt)


def _fit(
    table: Table, data: DataSpec, loss: str, fed: Sequence[Column], dealt: Parts, num_classes: int | None
) -> tuple[list[AnyStep], Target]:
    """The fitted steps of what is fed, and what a single output answers."""
    answer = answer_of(data, loss, table.known)
    assert answer is not None, "a run names columns that there are"
    if answer.is_plain:
        return fit_steps(table, data, fed, dealt), fitted_target(table, data, loss, dealt)
    return fit_places(table, data, fed, dealt, answer, num_classes)


def _input_parts(data: DataSpec, columns: Sequence[Column], vocabularies: Mapping[str, int]) -> list[InputPart] | None:
    """Several inputs as they lie in a row."""
    fed, columns_of = fed_shape(data, columns), data.inputs or {}
    if not isinstance(fed, Mapping):
        return None
    return [
        InputPart(name=name, columns=list(columns_of[name]), shape=list(shape), num_embeddings=vocabularies.get(name))
        for name, shape in fed.items()
    ]


def first_rows(place: Path, preprocessing: Preprocessing, columns: Sequence[Column], num_rows: int) -> NDArray[Any]:
    """The first rows of the table in `place` that a model takes as (N, width), N up to `num_rows`.

    A model takes a row where nothing is missing, or something was fitted that fills it. Reads no further than needed.
    """
    found: list[NDArray[Any]] = [np.empty((0, sum(step.width for step in preprocessing.steps)))]
    table = Table(open_table(place), {column.name: column for column in columns})
    gaps = unfilled(preprocessing.steps)
    for _, batch in table.batches(preprocessing.columns, 8 * len(preprocessing.columns)):
        whole = ~missing(batch, gaps)
        some = np.flatnonzero(whole)[: num_rows - sum(map(len, found))]
        found.append(inputs_of(preprocessing.steps, batch.take(pa.array(some))))
        if sum(map(len, found)) >= num_rows:
            break
    return np.concatenate(found).astype(preprocessing.input_dtype)


def first_inputs(place: Path, preprocessing: Preprocessing, columns: Sequence[Column], num_rows: int) -> NDArray[Any]:
    """Inputs (N, *input_shape) of the first rows of the table in `place` that a model takes, N up to `num_rows`."""
    inputs = first_rows(place, preprocessing, columns, num_rows)
    return inputs.reshape(len(inputs), *preprocessing.input_shape)


class _Filler:
    """Goes through the table once, and puts the rows of each part one after the other."""

    def __init__(self, table: Table, preprocessing: Preprocessing, dealt: Parts, shelf: Shelf) -> None:
        self._table, self._how, self._dealt = table, preprocessing, dealt
        self._parts = [part for part in BITS if (dealt & BITS[part]).any()]
        self._pixels = preprocessing.pixels
        self._arrays = shelf.arrays(*self._room())
        self._at = dict.fromkeys(self._parts, 0)

    def fill(self) -> dict[str, Arrays]:
        """The arrays of each part that has rows. Raises JobFailure where a value does not do."""
        names = [*self._how.columns, *self._how.target.names]
        row_bytes = 8 * (sum(step.width for step in self._how.steps) + prod(self._how.target.shape or (1,)))
        for place, batch in self._table.batches(names, row_bytes):
            used = self._dealt[place] > 0
            if used.any():
                self._put(batch.filter(pa.array(used)), self._dealt[place][used], place.start + np.flatnonzero(used))
        return {part: (self._arrays[f"{part} inputs"], self._arrays[f"{part} targets"]) for part in self._parts}

    def _room(self) -> tuple[dict[str, tuple[int, ...]], dict[str, np.dtype[Any]]]:
        shapes: dict[str, tuple[int, ...]] = {}
        dtypes: dict[str, np.dtype[Any]] = {}
        target = target_dtype(self._how)
        for part in self._parts:
            count = int(np.count_nonzero(self._dealt & BITS[part]))
            shapes[f"{part} inputs"] = (count, *self._how.input_shape)
            dtypes[f"{part} inputs"] = np.dtype(np.uint8 if self._pixels else self._how.input_dtype)
            shapes[f"{part} targets"] = (count, *target_shape(self._how))
            dtypes[f"{part} targets"] = target
        return shapes, dtypes

    def _put(self, batch: pa.RecordBatch, dealt: Parts, rows: Rows) -> None:
        """Lay the rows of a batch where they belong; `rows` are their places in the table."""
        inputs = batch_inputs(self._how, batch)
        targets = batch_answers(self._how.target, batch, rows)
        for part in self._parts:
            chosen = dealt & BITS[part] > 0
            count = int(np.count_nonzero(chosen))
            place = slice(self._at[part], self._at[part] + count)
            for name, values in (("inputs", inputs), ("targets", targets)):
                array = self._arrays[f"{part} {name}"]
                array[place] = values[chosen].reshape(count, *array.shape[1:])
                release(array)
            self._at[part] += count


def batch_inputs(how: Preprocessing, batch: pa.RecordBatch) -> NDArray[Any]:
    """Rows as (N, width), or as the bytes of images. Raises JobFailure where a value is missing that nothing fills."""
    for name in unfilled(how.steps):
        if missing(batch, [name]).any():
            message = f"Values of {name} are missing."
            raise JobFailure("data", message, "Say how they are filled, or drop such rows.")
    if how.pixels is not None:
        return how.pixels.pixels(batch.column(how.pixels.name).to_pylist())
    inputs = np.empty((batch.num_rows, sum(step.width for step in how.steps)), how.input_dtype)
    at = 0
    for step in how.steps:
        inputs[:, at : at + step.width] = made(step, finite(step.name, batch.column(step.name)))
        at += step.width
    return inputs
