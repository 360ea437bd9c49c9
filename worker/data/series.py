"""A table becomes a time series to train on: its rows lie once, in order, and windows are places among them.

What holds of other tables holds here too (`prepare`): whatever is fitted is fitted on training rows alone, the table is
gone through in batches, and the rows lie in a file where memory would not hold them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.preparing import fit_steps
from app.preparing.series import DealtSeries, deal_series
from app.preparing.table import Table
from app.specs.columns import Column, Value
from app.specs.data import DataSpec
from app.specs.features import features, input_shape
from app.specs.window import Window
from app.splitting import Rows
from app.stored.table import open_table
from app.transforms import Preprocessing, Step, Windows
from app.windows import Mask, Order
from worker.data.prepare import batch_inputs, first_rows
from worker.data.shelf import Shelf, release
from worker.data.targets import batch_targets, fitted_target, target_dtype

MAX_SHOWN = 400
_MAX_BYTES = 64 << 20  # of windows that are made to be looked at


@dataclass(frozen=True)
class Shown:
    """Some windows of one series, one after the other, for people to look at what is predicted of them."""

    part: str
    series: Value | None
    which: Rows  # (n,): which of the part's windows they are
    places: Rows  # (n,): of the last row that each sees, from 0 on within its series
    first: NDArray[np.float64]  # (n,): when the first row comes that it predicts: seconds, a number, or its place
    last: NDArray[np.float64]  # (n,): the same of the last one
    axis: Literal["timestamp", "number", "row"]  # what `first` and `last` are


@dataclass(frozen=True)
class PreparedSeries:
    """The rows of a table in their order, and where the windows of each part begin among them.

    Inputs are (R, F), targets (R,): class indices int64, or float32: 0 and 1 for a binary loss, else the scaled number.
    Rows that no window may hold are 0, targets that are not told NaN or -1.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    starts: dict[str, Rows]  # of each part that has windows, (N,)
    window: Window
    preprocessing: Preprocessing
    shown: Shown


def prepare_series(
    place: Path,
    data: DataSpec,
    loss: str,
    columns: Sequence[Column],
    input_dtype: Literal["float32", "int64"] = "float32",
    vocabularies: Mapping[str, int] = MappingProxyType({}),
    shelf: Shelf = Shelf(),  # noqa: B008, it never changes
) -> PreparedSeries:
    """Read what `data` names of the table in `place`, whose columns are `columns`. Raises JobFailure."""
    assert data.window is not None
    known = {column.name: column for column in columns}
    table = Table(open_table(place), known)
    fed = features(data, columns)
    dealt = deal_series(table, data, fed)
    preprocessing = Preprocessing(
        steps=fit_steps(table, data, fed, dealt.fitted),
        input_shape=list(input_shape(data, columns)),
        window=_described(data.window, known),
        input_dtype=input_dtype,
        num_embeddings=next(iter(vocabularies.values()), None),
        target=fitted_target(table, data, loss, np.where(dealt.told, dealt.parts, 0).astype(np.uint8)),
        loss=loss,
    )
    inputs, targets = _lay(table, preprocessing, dealt, shelf)
    shown = _shown(table, data.window, dealt)
    starts = {part: found for part, found in dealt.starts.items() if len(found)}
    return PreparedSeries(inputs, targets, starts, data.window, preprocessing, shown)


def first_windows(place: Path, preprocessing: Preprocessing, columns: Sequence[Column], num_rows: int) -> NDArray[Any]:
    """Windows (N, length, F) of the first rows of the table in `place` that a model takes, N from 2 to `num_rows`.

    The rows are as they stand in the table, whatever series they belong to: real ones, and no more is asked of them.
    """
    length, width = preprocessing.input_shape
    most = max(2, min(num_rows, _MAX_BYTES // (8 * length * width)))
    rows = first_rows(place, preprocessing, columns, length + most - 1)
    lacking = max(0, length + 1 - len(rows))
    rows = np.concatenate([rows, np.repeat(rows[-1:], lacking, axis=0)])
    return np.stack([rows[start : start + length] for start in range(len(rows) - length + 1)])


def _described(window: Window, known: dict[str, Column]) -> Windows:
    time = None if window.time is None else Step.model_validate({"name": window.time, "type": known[window.time].type})
    length, horizon, ahead = window.length, window.horizon, window.ahead
    return Windows(length=length, horizon=horizon, ahead=ahead, series=window.series, time=time)


def _lay(table: Table, how: Preprocessing, dealt: DealtSeries, shelf: Shelf) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs (R, F) and targets (R,) in order. Raises JobFailure where a value does not do."""
    num_rows, width, target = table.num_rows, how.input_shape[1], target_dtype(how)
    shapes: dict[str, tuple[int, ...]] = {"inputs": (num_rows, width), "targets": (num_rows,)}
    arrays = shelf.arrays(shapes, {"inputs": np.dtype(how.input_dtype), "targets": target})
    inputs, targets = arrays["inputs"], arrays["targets"]
    untold = -1 if target == np.int64 else np.nan
    places = np.empty(num_rows, np.int64)
    places[dealt.order.rows] = np.arange(num_rows)
    used = dealt.parts > 0
    for at, batch in table.batches([*how.columns, how.target.name], 8 * (width + 1)):
        seen, told = dealt.seen[at] & used[at], dealt.told[at] & used[at]
        inputs[places[at][~seen]] = 0
        targets[places[at][~told]] = untold
        if seen.any():
            inputs[places[at][seen]] = batch_inputs(how, _some(batch, seen))
        if told.any():
            targets[places[at][told]] = batch_targets(how.target, _some(batch, told).column(how.target.name))
        release(inputs)
        release(targets)
    return inputs, targets


def _some(batch: pa.RecordBatch, mask: Mask) -> pa.RecordBatch:
    return batch if mask.all() else batch.filter(pa.array(mask))


def _shown(table: Table, window: Window, dealt: DealtSeries) -> Shown:
    """Of the part that judges a model, the first windows of its first series."""
    part = next(name for name in ("test", "validation", "train") if len(dealt.starts[name]))
    order, starts = dealt.order, dealt.starts[part]
    number = int(np.searchsorted(order.bounds, starts[0], side="right")) - 1
    begin, end = order.bounds[number], order.bounds[number + 1]
    which = np.flatnonzero(starts < end)[:MAX_SHOWN]
    chosen = starts[which]
    first = chosen + window.length - 1 + window.ahead
    series = None if window.series is None else table.value(window.series, int(order.rows[begin]))
    return Shown(
        part=part,
        series=series,
        which=which,
        places=chosen + window.length - 1 - begin,
        first=_when(order, first, begin),
        last=_when(order, first + window.horizon - 1, begin),
        axis=_axis(table, window),
    )


def _when(order: Order, rows: Rows, begin: int) -> NDArray[np.float64]:
    """When rows in order come, (n,); their places in the series where nothing says."""
    found: NDArray[np.float64] = (rows - begin).astype(np.float64)
    return found if order.times is None else order.times[order.rows[rows]]


def _axis(table: Table, window: Window) -> Literal["timestamp", "number", "row"]:
    if window.time is None:
        return "row"
    return "timestamp" if table.known[window.time].type == "timestamp" else "number"
