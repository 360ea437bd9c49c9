"""How large numbers are: values far away from all others, columns of sizes that do not go together."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from app.doctor.findings import MAX_COLUMNS_SHOWN, MAX_ROWS_SHOWN, Finding, Fix, and_more, figure, named, with_steps
from app.doctor.sample import Sample
from app.prints import Numbers
from app.specs.columns import QUANTILES, Column
from app.specs.features import is_coded, steps_of
from app.splitting import Rows

_MIN_ROWS = 30
_FAR = 10  # times the range between the quartiles
_SKEWNESS = 0.1  # of the quartiles (Bowley, "Elements of Statistics", 1901); of an exponential distribution 0.26
_MAX_EXPONENT = 300.0
_MAX_OUTLIERS = 0.01  # of the rows: more are a tail, no exceptions
_SPREADS = 100  # the largest deviation over the smallest
_OFFSET = 20  # mean over deviation
_LARGE = 100  # root of the mean square; of pixels the highest
_MIN_TOKENS = 8  # columns
_MAX_TOKEN = 300_000  # no vocabulary has more
_ALIKE = 10  # the largest number over the middle one of the ranges
_MANY = 5  # columns, from which on one step for all is shorter


def outliers(sample: Sample) -> Iterator[Finding]:
    """Single values that are so far away that they look like slips."""
    if sample.is_picture or sample.num_rows < _MIN_ROWS:
        return
    few = max(1, _MAX_OUTLIERS * sample.num_rows)
    found = {name: far for name, far in _far_values(sample).items() if 0 < far.count <= few}
    if not found:
        return
    names = list(found)
    limits, count = found[names[0]].limits, found[names[0]].count
    yield Finding(
        kind="outliers",
        severity="warning",
        title=f"A few values of {named(names)} lie far from all others",
        explanation=f"{count:,} {'value' if count == 1 else 'values'} of {names[0]} "
        f"{'lies' if count == 1 else 'lie'} below {limits.low:,.4g} or above {limits.high:,.4g}, ten times the "
        f"middle half of the values away from their median{', by their logarithms' if limits.of_logarithms else ''}"
        f"{and_more(len(names) - 1)}. They may be slips, and they pull at every step.",
        evidence={
            "ranges": {
                name: {"low": figure(far.limits.low), "high": figure(far.limits.high), "count": far.count}
                for name, far in list(found.items())[:MAX_COLUMNS_SHOWN]
            }
        },
        columns=names[:MAX_COLUMNS_SHOWN],
        rows=found[names[0]].rows.tolist(),
        fix=Fix(label="Scale by median and quartiles", patch={"data": {"scale": "robust"}})
        if len(names) > _MANY
        else with_steps(names, "Cut off the outermost hundredth at each end", clip_share=0.01),
    )


@dataclass(frozen=True)
class _Range:
    """Where values are no exceptions."""

    low: float
    high: float
    of_logarithms: bool = False


@dataclass
class _Far:
    """The values of a column that lie outside its limits: how many, and the furthest with their rows."""

    limits: _Range
    count: int = 0
    rows: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    distances: Numbers = field(default_factory=lambda: np.empty(0))

    def add(self, values: Numbers, first: int) -> None:
        """See the next stretch of the column, from the row `first` on."""
        low, high = self.limits.low, self.limits.high
        rows = np.flatnonzero(np.isfinite(values) & ((values < low) | (values > high)))
        self.count += len(rows)
        distances = np.concatenate([self.distances, np.abs(values[rows] - (low + high) / 2)])
        furthest = np.argsort(-distances, kind="stable")[:MAX_ROWS_SHOWN]
        self.rows, self.distances = np.concatenate([self.rows, rows + first])[furthest], distances[furthest]


def _far_values(sample: Sample) -> dict[str, _Far]:
    """Of each column that has some, and is not cut off there, the values outside its limits, in all rows."""
    found = {}
    for name in sample.numeric:
        column, steps = sample.known[name], steps_of(sample.data, name)
        limits = None if steps.log or steps.clip_share or steps.scale == "robust" else _limits(sample, column)
        if limits is None or column.min is None or column.max is None:
            continue
        lowest = column.min if steps.low is None else steps.low
        highest = column.max if steps.high is None else steps.high
        if lowest < limits.low or highest > limits.high:
            found[name] = _Far(limits)
    for name, place, values in sample.table.pieces(list(found)):
        found[name].add(values, place.start)
    return found


def _limits(sample: Sample, column: Column) -> _Range | None:
    """Median +- 10 times the range between the quartiles; None where half of the values are the same.

    Of amounts with a long tail the upper one is taken of their logarithms, where that is further away.
    """
    if column.type not in ("integer", "float") or column.num_distinct <= _FAR:
        return None
    if column.quantiles is not None:
        quartiles = [column.quantiles[QUANTILES.index(share)] for share in (0.25, 0.5, 0.75)]
    else:
        present = sample.of(column.name)
        present = present[np.isfinite(present)]
        if len(present) < _MIN_ROWS:
            return None
        quartiles = np.quantile(present, (0.25, 0.5, 0.75)).tolist()
    reach = _FAR * (quartiles[2] - quartiles[0])
    if reach <= 0:
        return None
    low, high = quartiles[1] - reach, quartiles[1] + reach
    tail = _tail(sample.of(column.name)) if column.min is not None and column.min >= 0 else 0.0
    return _Range(low, max(high, tail), tail > high)


def _tail(values: Numbers) -> float:
    """How far the tail of amounts may reach: their median times the ratio of the quartiles to the power of 10.

    Zeros, which are many where nothing was bought or counted, are no part of it. 0 where there is no tail.
    """
    amounts = values[values > 0]
    if len(amounts) < _MIN_ROWS:
        return 0.0
    low, middle, high = np.quantile(amounts, (0.25, 0.5, 0.75)).tolist()
    if high + low - 2 * middle <= _SKEWNESS * (high - low):
        return 0.0
    return float(middle * math.exp(min(_MAX_EXPONENT, _FAR * math.log(high / low))))


def unscaled(sample: Sample) -> Iterator[Finding]:
    """Inputs whose sizes do not go together, fed as they are."""
    raw = [sample.known[name] for name in sample.features if _is_raw(sample, name)]
    if sample.is_picture:
        yield from _unscaled_picture(raw, sample)
        return
    if not raw or _are_tokens(raw):
        return
    wide, narrow = (pick(raw, key=lambda one: one.std or 0) for pick in (max, min))
    away = max(raw, key=lambda one: abs(one.mean or 0) / (one.std or 1))
    large = max(raw, key=_size)
    ratio, offset = (wide.std or 0) / (narrow.std or 1), abs(away.mean or 0) / (away.std or 1)
    title, columns = "The inputs are of very different sizes", [away]
    then = "A network learns by steps of one size for all: the large columns drown the small ones."
    if ratio > _SPREADS:
        words, columns = (
            f"The values of {wide.name} spread {ratio:,.0f} times as wide as those of {narrow.name}",
            [wide, narrow],
        )
    elif offset > _OFFSET:
        words = f"{away.name} is {away.mean:,.4g} on average and spreads by {away.std:,.4g} only"
    elif _size(large) > _LARGE:
        title, columns = "The inputs are large", [large]
        then = "First weights are made for inputs about 1: the first steps overshoot."
        words = f"The values of {large.name} are about {_size(large):,.4g} in size"
    else:
        return
    yield Finding(
        kind="unscaled_inputs",
        severity="warning",
        title=title,
        explanation=f"{words}, and nothing is scaled. {then}",
        evidence={"spread_ratio": figure(ratio), "mean_over_std": figure(offset), "size": figure(_size(large))},
        columns=[one.name for one in columns],
        fix=_scaled(raw, "standardize", "Scale to mean 0, deviation 1", sample),
    )


def _size(column: Column) -> float:
    """The root of the mean square of a column's values."""
    return math.hypot(column.mean or 0, column.std or 0)


def _is_raw(sample: Sample, name: str) -> bool:
    """Whether a column is fed as the numbers that it holds; a time is one as its seconds."""
    column, steps = sample.known[name], steps_of(sample.data, name)
    is_number = column.type in ("integer", "float") or (column.type == "timestamp" and not steps.parts)
    is_number = is_number and not is_coded(sample.data, column)
    return is_number and steps.scale == "none" and not steps.log and bool(column.std) and column.mean is not None


def _unscaled_picture(raw: list[Column], sample: Sample) -> Iterator[Finding]:
    highest = max((one.max or 0 for one in raw), default=0)
    if highest < _LARGE:
        return
    yield Finding(
        kind="unscaled_inputs",
        severity="warning",
        title=f"Pixels go up to {highest:,.0f}",
        explanation=f"The pixels are fed as they are, up to {highest:,.0f}. First weights are made for inputs about 1.",
        evidence={"max": figure(highest)},
        columns=[one.name for one in raw][:3],
        fix=_scaled(raw, "min_max", "Scale to 0 … 1", sample),
    )


def _scaled(raw: list[Column], scale: str, label: str, sample: Sample) -> Fix:
    """All scaled so, but for what is said otherwise of single columns."""
    said = [one.name for one in raw if (own := sample.data.columns.get(one.name)) is not None and own.scale == "none"]
    patch: dict[str, object] = {"scale": scale}
    if said:
        patch["columns"] = {name: {"scale": None} for name in said}
    return Fix(label=label, patch={"data": patch})


def _are_tokens(columns: list[Column]) -> bool:
    """Whether they look like the numbers of words, or of pixels, which are all of one kind and of like ranges."""
    whole = all(one.type == "integer" and (one.min or 0) >= 0 for one in columns)
    if not whole or len(columns) < _MIN_TOKENS:
        return False
    highest = max(one.max or 0 for one in columns)
    middle = statistics.median((one.max or 0) - (one.min or 0) for one in columns)
    return highest <= min(_MAX_TOKEN, _ALIKE * middle)
