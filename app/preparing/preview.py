"""Rows before and after, as a run would make them ready: fitted on the spot, on the first rows of the table.

Of a time series they are the first rows of the first series, in their order: as a window holds them.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.columns import spell
from app.preparing import deal_rows, fit_steps
from app.preparing.making import inputs_of, missing, unfilled
from app.preparing.series import deal_series
from app.preparing.table import Table
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import CYCLIC_PARTS, features
from app.splitting import BITS, Parts, Rows
from app.stored.table import open_table
from app.transforms import AnyStep, ArrayStep, ImageStep, Step, TextStep

MAX_FITTED = 20_000  # rows that are looked at
MAX_INPUTS = 256  # that are shown of a row
_MAX_SIDE = 256  # of a picture, in pixels
_SHOWN_ROWS_OF = 4_096  # among so many first rows those are sought that are used


@dataclass(frozen=True)
class Preview:
    """Some rows: their places in the table, their parts, and what a model would be fed of them.

    `names` and `inputs` are the first `MAX_INPUTS` of `num_inputs`; of images, none. By column, `tokens` are what texts
    were cut into, and `pictures` what images became, as addresses of PNGs.
    """

    numbers: list[int]
    parts: list[str]
    names: list[str]
    inputs: list[list[float | str]]
    num_inputs: int
    tokens: dict[str, list[list[str]]]
    pictures: dict[str, list[str]]
    num_fitted: int


def preview(place: Path, data: DataSpec, columns: Sequence[Column], num_rows: int = 10) -> Preview:
    """The first rows of the table in `place` that a run with these settings would use.

    Raises JobFailure where it could not begin.
    """
    fed = features(data, columns)
    table = Table(open_table(place), {column.name: column for column in columns}, MAX_FITTED)
    dealt, order = _dealt(table, data, fed)
    steps = fit_steps(table, data, fed, dealt)
    names = list(dict.fromkeys(step.name for step in steps))
    batch = next(rows for _, rows in table.batches(names, -(-(32 << 20) // _SHOWN_ROWS_OF)))
    used = (dealt[: batch.num_rows] > 0) & ~missing(batch, unfilled(steps))
    if order is None:
        numbers = np.flatnonzero(used)[:num_rows]
    else:
        near = order[order < batch.num_rows]
        numbers = near[used[near]][:num_rows]
    rows = batch.take(pa.array(numbers))
    shown = [step for step in steps if not isinstance(step, ImageStep)]
    texts = [step for step in steps if isinstance(step, TextStep)]
    images = [step for step in steps if isinstance(step, ImageStep)]
    inputs = inputs_of(shown, rows)[:, :MAX_INPUTS] if shown and len(numbers) else np.empty((len(numbers), 0))
    return Preview(
        numbers=numbers.tolist(),
        parts=[_part(int(bits)) for bits in dealt[numbers]],
        names=[name for step in shown for name in input_names(step)][:MAX_INPUTS],
        inputs=[spell(row) for row in inputs.astype(np.float64)],
        num_inputs=sum(step.width for step in steps),
        tokens={step.name: step.cut(rows.column(step.name).to_pylist()) for step in texts},
        pictures={step.name: _drawn(step, rows.column(step.name)) for step in images},
        num_fitted=int(np.count_nonzero(dealt & BITS["train"])),
    )


def _drawn(step: ImageStep, column: pa.Array) -> list[str]:
    """Images in the size and the colours in which they are fed, as addresses of PNGs."""
    return [_address(pixels) for pixels in step.pixels(column.to_pylist())]


def _address(pixels: NDArray[np.uint8]) -> str:
    """An image (channels, height, width) as a PNG in an address."""
    from PIL import Image

    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    image.thumbnail((_MAX_SIDE, _MAX_SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _dealt(table: Table, data: DataSpec, fed: Sequence[Column]) -> tuple[Parts, Rows | None]:
    """The parts (N,) of each row that can be fed, and the order of the rows where they are in one."""
    if data.window is None:
        return deal_rows(table, data, fed), None
    series = deal_series(table, data, fed)
    return series.fitted, series.order.rows


def _part(bits: int) -> str:
    return next(part for part, bit in BITS.items() if bits & bit)


def input_names(step: AnyStep) -> Iterator[str]:
    """What each input of a step is called."""
    if not isinstance(step, Step):
        count = min(step.width, MAX_INPUTS)
        yield from (f"{step.name}[{i}]" for i in range(count)) if isinstance(step, TextStep | ArrayStep) else ()
        return
    if step.num_buckets is not None:
        yield from (f"{step.name} #{i}" for i in range(min(step.num_buckets, MAX_INPUTS)))
    elif step.one_hot:
        values = step.values or []
        yield from (f"{step.name} = {value}" for value in values)
        yield from [f"{step.name}, not in training"] * (step.width - step.indicator - len(values))
    elif step.part in CYCLIC_PARTS:
        yield from (f"{step.name} {step.part} {wave}" for wave in ("sine", "cosine"))
    else:
        yield step.name if step.part is None else f"{step.name} {step.part}"
    if step.indicator:
        yield f"{step.name} is missing"
