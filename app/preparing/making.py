"""What fitted steps make of rows that lie in Arrow's columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.preparing.fitting import array_numbers
from app.preparing.table import numbers_of
from app.transforms import AnyStep, ArrayStep, ImageStep, Step
from app.transforms.steps import apply


def inputs_of(steps: Sequence[AnyStep], batch: pa.RecordBatch) -> NDArray[Any]:
    """Rows as inputs (N, width)."""
    return np.concatenate([made(step, batch.column(step.name)) for step in steps], axis=1)


def made(step: AnyStep, column: pa.Array) -> NDArray[Any]:
    """What one step makes of its column: (N, width)."""
    if isinstance(step, Step):
        return apply(step, numbers_of(step, column))
    if isinstance(step, ArrayStep):
        return step.scaled(array_numbers(column))
    return step.inputs(column.to_pylist())


def unfilled(steps: Sequence[AnyStep]) -> list[str]:
    """The columns of which no value may be missing."""
    return [
        step.name
        for step in steps
        if isinstance(step, ImageStep | ArrayStep) or (isinstance(step, Step) and step.fill is None)
    ]


def missing(batch: pa.RecordBatch, names: Sequence[str]) -> NDArray[np.bool_]:
    """In which rows (N,) one of these columns lacks a value."""
    found = np.zeros(batch.num_rows, np.bool_)
    for name in dict.fromkeys(names):
        found |= batch.column(name).is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return found
