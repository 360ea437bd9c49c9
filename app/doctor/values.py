"""The values of single columns: too many missing, always the same, far away, of sizes that do not go together."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from app.doctor.findings import (
    MAX_COLUMNS_SHOWN,
    MAX_ROWS_SHOWN,
    Finding,
    Fix,
    and_more,
    figure,
    named,
    share,
    with_steps,
    without,
)
from app.doctor.prints import Numbers
from app.doctor.sample import Sample
from app.specs.columns import QUANTILES, Column
from app.specs.features import is_embedded, steps_of
from app.specs.steps import Missing
from app.splitting import Rows

_MIN_ROWS = 30
_MOSTLY_MISSING = 0.5
_OF_GAPS = ", apart from gaps, which are filled with it or left out"
_NEARLY_CONSTANT = 0.995
_FAR = 10  # times the range between the quartiles
_SKEWNESS = 0.1  # of the quartiles (Bowley, "Elements of Statistics", 1901); of an exponential distribution 0.26
_MAX_EXPONENT = 300.0
_MAX_OUTLIERS = 0.01  # of the rows: more are a tail, no exceptions
_SPREADS = 100  # the largest deviation over the smallest
_OFFSET = 20  # mean over deviation
_MANY_CATEGORIES = 100
_NUM_BUCKETS = 64
_LARGE = 100  # root of the mean square; of pixels the highest
_MIN_TOKENS = 8  # columns
_MAX_TOKEN = 300_000  # no vocabulary has more
_ALIKE = 10  # the largest number over the middle one of the ranges
_MANY = 5  # columns, from which on one step for all is shorter


def missing_values(sample: Sample) -> Iterator[Finding]:
    """Columns of which more than half is missing."""
    shares = {name: sample.known[name].num_missing / max(1, sample.num_rows) for name in sample.features}
    names = [name for name, part in shares.items() if part > _MOSTLY_MISSING]
    if not names:
        return
    yield Finding(
        kind="missing_values",
        severity="warning",
        title=f"Most of {named(names)} is missing",
        explanation=f"{names[0]} has no value in {sample.known[names[0]].num_missing:,} of {sample.num_rows:,} rows "
        f"({share(shares[names[0]])}){and_more(len(names) - 1)}. What fills that many gaps is mostly guessed.",
        evidence={"shares": {name: round(shares[name], 4) for name in names[:MAX_COLUMNS_SHOWN]}},
        columns=names[:MAX_COLUMNS_SHOWN],
        fix=without(sample.data, sample.features, names),
    )


def constant_columns(sample: Sample) -> Iterator[Finding]:
    """Columns whose value is always the same, or nearly always."""
    if sample.is_picture or sample.num_rows < _MIN_ROWS:
        return
    constant = [name for name in sample.features if _is_constant(sample, name)]
    if constant:
        gaps = any(sample.known[name].num_missing for name in constant)
        yield Finding(
            kind="constant_columns",
            severity="warning",
            title=f"{named(constant)} {'is' if len(constant) == 1 else 'are'} always the same",
            explanation=f"{named(constant)} {'has' if len(constant) == 1 else 'have'} one value in all "
            f"{sample.num_rows:,} rows{_OF_GAPS if gaps else ''}: nothing can be told by it.",
            evidence={"num_columns": len(constant)},
            columns=constant[:MAX_COLUMNS_SHOWN],
            fix=without(sample.data, sample.features, constant),
        )
    shares = {name: _most_frequent(sample, name) for name in sample.places if name not in constant}
    nearly = [name for name, part in shares.items() if _NEARLY_CONSTANT <= part < 1]
    if nearly:
        yield Finding(
            kind="nearly_constant_columns",
            severity="info",
            title=f"{named(nearly)} {'is' if len(nearly) == 1 else 'are'} nearly always the same",
            explanation=f"{nearly[0]} has one value in {share(shares[nearly[0]])} of the rows"
            f"{and_more(len(nearly) - 1)}. The few others may be the ones that count, or a slip.",
            evidence={
                "shares": {name: round(shares[name], 5) for name in nearly[:MAX_COLUMNS_SHOWN]},
                **sample.extent,
            },
            columns=nearly[:MAX_COLUMNS_SHOWN],
            rows=_exceptions(sample, nearly[0]),
            fix=without(sample.data, sample.features, nearly),
        )


def _is_constant(sample: Sample, name: str) -> bool:
    """Whether a column is always the same once its gaps are filled, or the rows that have one are left out."""
    column, missing = sample.known[name], steps_of(sample.data, name).missing or Missing()
    if column.num_distinct > 1 or not column.num_missing:
        return column.num_distinct <= 1
    if column.num_distinct == 0 or missing.indicator or is_embedded(sample.data, column):
        return False
    return missing.type != "constant" or (column.is_numeric and missing.value == column.min)


def _most_frequent(sample: Sample, name: str) -> float:
    """The share of a column's most frequent value among those that are there; 0 where that is certainly small."""
    column, found = sample.known[name], sample.of(name)
    present = found[np.isfinite(found)]
    if not len(present) or column.num_distinct > (1 - _NEARLY_CONSTANT) * sample.num_rows + 1:
        return 0.0
    return float(np.count_nonzero(present == _mode(sample, name)) / len(present))


def _mode(sample: Sample, name: str) -> float:
    """What a column that hardly changes is: its median."""
    found = sample.of(name)
    return float(np.nanquantile(found, 0.5, method="lower"))


def _exceptions(sample: Sample, name: str) -> list[int]:
    found = sample.of(name)
    others = np.flatnonzero(np.isfinite(found) & (found != _mode(sample, name)))
    return [int(row) for row in sample.rows[others[:MAX_ROWS_SHOWN]]]


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
    is_number = is_number and not is_embedded(sample.data, column)
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


def many_categories(sample: Sample) -> Iterator[Finding]:
    """Words that become hundreds of inputs."""
    many = {
        name: sample.known[name].num_distinct
        for name in sample.features
        if sample.known[name].type == "category"
        and sample.known[name].num_distinct > _MANY_CATEGORIES
        and (steps := steps_of(sample.data, name)).categories == "one_hot"
        and steps.tokens is None
    }
    if not many:
        return
    names = list(many)
    yield Finding(
        kind="many_categories",
        severity="warning",
        title=f"{named(names)} {'becomes' if len(names) == 1 else 'become'} {sum(many.values()):,} inputs",
        explanation=f"{names[0]} has {many[names[0]]:,} categories, and each becomes an input of its own"
        f"{and_more(len(names) - 1)}. With {sample.num_rows / many[names[0]]:,.1f} rows for each, most of these "
        "weights see hardly a row.",
        evidence={"num_categories": dict(list(many.items())[:MAX_COLUMNS_SHOWN])},
        columns=names[:MAX_COLUMNS_SHOWN],
        fix=with_steps(names, f"Let {_NUM_BUCKETS} buckets share them", categories="hashed", num_buckets=_NUM_BUCKETS),
    )
