"""A table becomes the arrays that a model is trained, validated and tested with.

Whatever is fitted (the means that fill and scale) is fitted on training rows alone. The categories and classes are
those of the whole table: they are its vocabulary, and the model's shape was checked against them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.run import feature_names, input_shape
from app.specs.steps import Missing, Scale
from app.specs.training import BINARY_LOSSES, REGRESSION_LOSSES
from app.splitting import BITS, Rows, deal, rows_of
from app.transforms import UNKNOWN, Preprocessing, Step, Target, expand, fill

Numbers = NDArray[np.float64]
Arrays = tuple[NDArray[Any], NDArray[Any]]

_BYTES_AT_ONCE = 32 << 20  # of columns that are read together
_SCALED = frozenset({"integer", "float", "timestamp"})


@dataclass(frozen=True)
class Prepared:
    """Inputs (N, *input_shape) and targets of each part, and what made them of rows. A part without rows is None.

    Targets are class indices (N,) int64, or float32 (N, 1): 0 and 1 for a binary loss, else the scaled number.
    """

    train: Arrays
    validation: Arrays | None
    test: Arrays | None
    preprocessing: Preprocessing
    rows: dict[str, Rows]  # of each part: their places in the table


def prepare(
    path: Path,
    data: DataSpec,
    loss: str,
    columns: Sequence[Column],
    input_dtype: Literal["float32", "int64"] = "float32",
    num_embeddings: int | None = None,
) -> Prepared:
    """Read what `data` names of the Parquet file `path`, whose columns are `columns`. Raises JobFailure."""
    known = {column.name: column for column in columns}
    with pq.ParquetFile(path) as file:
        table = _Table(file, known)
        rows = _split(table, data)
        target, targets = _targets(table, data, loss, rows)
        names = feature_names(data, columns)
        steps, inputs = _inputs(table, [known[name] for name in names], data, rows, input_dtype)
    shape = input_shape(data, columns)
    shaped = {part: array.reshape(len(array), *shape) for part, array in inputs.items()}
    parts = {part: (shaped[part], targets[part]) for part in rows if len(rows[part])}
    return Prepared(
        train=parts["train"],
        validation=parts.get("validation"),
        test=parts.get("test"),
        preprocessing=Preprocessing(
            steps=steps,
            input_shape=list(shape),
            input_dtype=input_dtype,
            num_embeddings=num_embeddings,
            target=target,
            loss=loss,
        ),
        rows=rows,
    )


def first_inputs(path: Path, preprocessing: Preprocessing, columns: Sequence[Column], num_rows: int) -> NDArray[Any]:
    """Inputs (N, *input_shape) of the first rows of the Parquet file `path` that a model takes, N up to `num_rows`.

    A model takes a row where nothing is missing, or something was fitted that fills it. Reads no further than needed.
    """
    known = {column.name: column for column in columns}
    names = [step.name for step in preprocessing.steps]
    found: list[NDArray[Any]] = [np.empty((0, sum(step.width for step in preprocessing.steps)))]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(num_rows, columns=names):
            found.append(_apply(preprocessing.steps, pa.Table.from_batches([batch]), known))
            if sum(map(len, found)) >= num_rows:
                break
    inputs = np.concatenate(found)[:num_rows].astype(preprocessing.input_dtype)
    return inputs.reshape(len(inputs), *preprocessing.input_shape)


def _apply(steps: Sequence[Step], table: pa.Table, known: dict[str, Column]) -> NDArray[Any]:
    """Fitted steps on the rows that they take: (N, width)."""
    read = [numbers(table.column(step.name), known[step.name]) for step in steps]
    whole = np.ones(table.num_rows, np.bool_)
    for step, found in zip(steps, read, strict=True):
        if step.fill is None:
            whole &= ~np.isnan(found)
    return np.concatenate(
        [expand(step, fill(step, found[whole])) for step, found in zip(steps, read, strict=True)], axis=1
    )


class _Table:
    """A Parquet file that gives its columns as numbers."""

    def __init__(self, file: pq.ParquetFile, known: dict[str, Column]) -> None:
        self._file, self._known = file, known
        self.num_rows: int = file.metadata.num_rows

    def column(self, name: str) -> pa.ChunkedArray:
        return self._file.read(columns=[name]).column(name)

    def numbers(self, name: str) -> Numbers:
        return numbers(self.column(name), self._known[name])

    def codes(self, name: str) -> Numbers:
        """The places (N,) of the values among the column's sorted ones, NaN where missing."""
        return codes(self.column(name), self._known[name].values or [])

    def ids(self, name: str) -> NDArray[np.integer[Any]]:
        """A number (N,) for each value of a column, the same for equal ones."""
        found = self.column(name).combine_chunks().dictionary_encode("encode")
        ids: NDArray[np.integer[Any]] = found.indices.to_numpy(zero_copy_only=False)
        return ids

    def holds(self, name: str, values: Sequence[Any]) -> NDArray[np.bool_]:
        """Which rows (N,) have one of these values. Raises JobFailure where they are of another type."""
        column = self.column(name)
        try:
            wanted = pa.array(values).cast(column.type)
        except pa.ArrowException as error:
            listed = ", ".join(map(repr, values))
            raise JobFailure(
                "data", f"The column that splits holds {column.type} values, which {listed} is not."
            ) from error
        holds: NDArray[np.bool_] = pc.is_in(column, value_set=wanted).to_numpy()
        return holds

    def columns(self, names: Sequence[str]) -> Iterator[tuple[str, Numbers]]:
        """Many columns in their order, some at a time."""
        at_once = max(1, _BYTES_AT_ONCE // (8 * max(1, self.num_rows)))
        for start in range(0, len(names), at_once):
            some = names[start : start + at_once]
            read = self._file.read(columns=list(some))
            for name in some:
                yield name, numbers(read.column(name), self._known[name])


def numbers(column: pa.ChunkedArray, known: Column) -> Numbers:
    """A column (N,) as numbers, or as the codes of its categories; NaN where missing."""
    if known.type in ("category", "text"):
        return codes(column, known.values or [])
    if known.type == "timestamp":
        microseconds: Numbers = column.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
        return microseconds / 1e6
    found: Numbers = column.cast(pa.float64(), safe=False).to_numpy()
    return found


def codes(column: pa.ChunkedArray, values: Sequence[Any]) -> Numbers:
    """The places (N,) of a column's values in `values`, NaN where missing."""
    places = pc.index_in(column, value_set=pa.array(values, column.type))
    found: Numbers = places.cast(pa.float64()).to_numpy()
    return found


def _split(table: _Table, data: DataSpec) -> dict[str, Rows]:
    """The rows of each part, without those that are dropped. Raises JobFailure when none is left to train on."""
    dealt = deal(data.split, table, data.target, _whole(table, data))
    parts = {part: rows_of(dealt, part) for part in BITS}
    if not len(parts["train"]):
        raise JobFailure("data", "No row is left to train on.", "Look at the split, and at what happens to gaps.")
    return parts


def _whole(table: _Table, data: DataSpec) -> NDArray[np.bool_]:
    """Which rows are used: with "drop", those where nothing is missing."""
    whole = np.ones(table.num_rows, np.bool_)
    if data.missing.type == "drop":
        names = [*feature_names(data, list(table._known.values())), data.target]
        gaps = [name for name in names if table._known[name].num_missing]
        for _, found in table.columns(gaps):
            whole &= ~np.isnan(found)
    return whole


def _targets(table: _Table, data: DataSpec, loss: str, rows: dict[str, Rows]) -> tuple[Target, dict[str, NDArray[Any]]]:
    name = data.target
    classes = None if loss in REGRESSION_LOSSES else table._known[name].values
    found = table.numbers(name) if classes is None else table.codes(name)
    used = np.concatenate(list(rows.values()))
    if not np.isfinite(found[used]).all():
        raise JobFailure("data", f"The target {name} is missing or infinite in some rows.", 'Set missing to "drop".')
    if classes is not None and loss not in BINARY_LOSSES:
        return Target(name=name, classes=classes), {part: found[r].astype(np.int64) for part, r in rows.items()}
    center, spread = (0.0, 1.0) if classes else _scaling(data.scale_target, found[rows["train"]])
    scaled = ((found - center) / spread).astype(np.float32)[:, None]
    target = Target(name=name, classes=classes, center=center, spread=spread)
    return target, {part: scaled[r] for part, r in rows.items()}


def _inputs(
    table: _Table, features: Sequence[Column], data: DataSpec, rows: dict[str, Rows], dtype: str
) -> tuple[list[Step], dict[str, NDArray[Any]]]:
    """The fitted steps, and the inputs (N, width) of each part, filled a column at a time."""
    unfitted = [_unfitted(column, data) for column in features]
    width = sum(step.width for step in unfitted)
    inputs = {part: np.empty((len(r), width), dtype) for part, r in rows.items()}
    steps: list[Step] = []
    at = 0
    for step, (_, found) in zip(unfitted, table.columns([step.name for step in unfitted]), strict=True):
        _check_finite(step, found)
        fitted = fit(step, found[rows["train"]], data.missing, data.scale)
        for part, chosen in rows.items():
            inputs[part][:, at : at + fitted.width] = expand(fitted, fill(fitted, found[chosen]))
        steps.append(fitted)
        at += fitted.width
    return steps, inputs


def _unfitted(column: Column, data: DataSpec) -> Step:
    if column.is_numeric:
        return Step(name=column.name, type=column.type)
    return Step(name=column.name, type="category", values=column.values or [], one_hot=data.categories == "one_hot")


def _check_finite(step: Step, found: Numbers) -> None:
    if np.isinf(found).any():
        raise JobFailure("data", f"The column {step.name} holds infinite values.", "Leave it out of the features.")


def fit(step: Step, found: Numbers, missing: Missing, scale: Scale) -> Step:
    """Learn from training rows (N,), NaN where missing, what fills and scales a column. Raises JobFailure."""
    filling = _filling(step, found, missing)
    fitted = step.model_copy(update={"fill": filling})
    if step.type not in _SCALED:
        return fitted
    center, spread = _scaling(scale, fill(fitted, found))
    return fitted.model_copy(update={"center": center, "spread": spread})


def _filling(step: Step, found: Numbers, missing: Missing) -> float | None:
    if missing.type in ("error", "drop"):
        return None
    if missing.type == "constant":  # a category that is none of the known ones is a category of its own
        return UNKNOWN if step.values is not None else missing.value
    present = found[~np.isnan(found)]
    if not len(present):
        raise JobFailure("data", f"The column {step.name} has no value in the training rows to fill gaps with.")
    if missing.type == "most_frequent" or step.type in ("category", "boolean"):
        values, counts = np.unique(present, return_counts=True)
        return float(values[counts.argmax()])
    return float(present.mean() if missing.type == "mean" else np.median(present))


def _scaling(scale: Scale, found: Numbers) -> tuple[float, float]:
    """What is taken off and what divides. A column of one value is only moved."""
    if scale == "none":
        return 0.0, 1.0
    if scale == "standardize":
        center, spread = float(found.mean()), float(found.std())
    else:
        center, spread = float(found.min()), float(np.ptp(found))
    # A spread that is rounding alone would blow it up.
    tiny = 10 * np.finfo(np.float64).eps * max(abs(center), 1e-300)
    return center, spread if spread > tiny else 1.0
