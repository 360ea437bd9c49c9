"""Which rows train, which validate, which test."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split  # takes a second: with the module, before the first job comes

from app.errors import JobFailure
from app.specs.data import ColumnSplit, SharesSplit

Rows = NDArray[np.int64]
Codes = NDArray[np.float64]


def by_shares(split: SharesSplit, num_rows: int, classes: Callable[[], Codes]) -> dict[str, Rows]:
    """Deal N rows out; each part in the order of the table. `classes` gives the codes (N,) to keep the mix of.

    Validation and test are rounded, the training has the rest. Raises JobFailure where a mix cannot be kept.
    """
    sizes = [round(num_rows * split.validation), round(num_rows * split.test)]
    order = _order(split, num_rows, sizes, classes)
    if split.shuffle:
        test, validation, train = np.split(order, [sizes[1], sizes[1] + sizes[0]])
    else:  # what comes later in the table is what is kept for later
        first = num_rows - sum(sizes)
        train, validation, test = np.split(order, [first, first + sizes[0]])
    return {"train": np.sort(train), "validation": np.sort(validation), "test": np.sort(test)}


def _order(split: SharesSplit, num_rows: int, sizes: list[int], classes: Callable[[], Codes]) -> Rows:
    """The order in which rows are dealt: first the test, then validation, then training."""
    if not split.shuffle:
        return np.arange(num_rows)
    if not split.stratify:
        return np.random.default_rng(split.seed).permutation(num_rows)
    codes = classes()
    rest = np.arange(num_rows)
    dealt = []
    for size in reversed(sizes):
        rest, part = _stratified(rest, codes[rest], size, split.seed)
        dealt.append(part)
    return np.concatenate([*dealt, rest])


def _stratified(rows: Rows, codes: Codes, size: int, seed: int) -> tuple[Rows, Rows]:
    if not size:
        return rows, rows[:0]
    try:
        rest, part = train_test_split(rows, test_size=size, random_state=seed, stratify=codes)
    except ValueError as error:
        message = f"The mix of classes cannot be kept: {error}"
        raise JobFailure("data", message, "Split without stratify, or leave rare classes out.") from error
    return rest, part


def by_column(split: ColumnSplit, column: pa.ChunkedArray) -> dict[str, Rows]:
    """The rows whose value of the column names a part; a row may belong to several, or to none. Raises JobFailure."""
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    return {part: np.flatnonzero(_holds(column, values)) for part, values in parts.items()}


def _holds(column: pa.ChunkedArray, values: tuple[bool | int | float | str, ...]) -> NDArray[np.bool_]:
    try:
        wanted = pa.array(values).cast(column.type)
    except pa.ArrowException as error:
        listed = ", ".join(map(repr, values))
        raise JobFailure(
            "data", f"The column that splits holds {column.type} values, which {listed} is not."
        ) from error
    holds: NDArray[np.bool_] = pc.is_in(column, value_set=wanted).to_numpy()
    return holds
