"""Numbers of a table along time, along another number or along the rows as they stand, in buckets as wide as a pixel.

The table is gone through once, in pieces; what is kept is a range, a sum and a count for each bucket, so that no spike
is lost however many rows there are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.association import Numbers
from app.exploring.schemas import SeriesLine, SeriesOut
from app.exploring.table import pieces
from app.moments import in_range
from app.specs.columns import Column

if TYPE_CHECKING:
    import pyarrow as pa

MAX_GROUPS = 8
MAX_COLUMNS = 8
MAX_BUCKETS = 2_000
MAX_POINTS = 16_000  # buckets over all lines
NO_GROUPS: Sequence[str | None] = (None,)


@dataclass(frozen=True)
class Asked:
    """Which columns, along what, and in which window."""

    columns: list[Column]
    along: Column | None  # None: along the rows as they stand
    by: Column | None  # a line for each of its values
    start: float
    end: float
    num_buckets: int

    @property
    def names(self) -> list[str]:
        """Every column that is read."""
        return [one.name for one in (*self.columns, self.along, self.by) if one is not None]


def bounded(num_buckets: int, num_lines: int) -> int:
    """So many buckets, or as many as so many lines leave."""
    return max(1, min(num_buckets, MAX_BUCKETS, MAX_POINTS // max(1, num_lines)))


def trace(place: Path, asked: Asked) -> SeriesOut:
    """What the columns do in the window."""
    groups, num_groups = _groups(place, asked.by) if asked.by else (NO_GROUPS, 1)
    grids = [_Grid(asked.num_buckets) for _ in range(len(asked.columns) * len(groups))]
    num_rows = num_without_place = 0
    for first, batch in pieces(place, asked.names):
        places = _places(asked, first, batch)
        num_without_place += int(np.isnan(places).sum())
        inside = (places >= asked.start) & (places <= asked.end)
        num_rows += int(inside.sum())
        if not inside.any():
            continue
        buckets = _buckets(asked, places)
        for i, members in enumerate(_members(asked, batch, groups)):
            for j, column in enumerate(asked.columns):
                values = _numbers(batch.column(column.name))
                kept = inside & members & np.isfinite(values)
                grids[i * len(asked.columns) + j].add(buckets[kept], places[kept], values[kept])
    pairs = [(group, column) for group in groups for column in asked.columns]
    return SeriesOut(
        along=asked.along.name if asked.along else None,
        is_time=asked.along is not None and asked.along.type == "timestamp",
        start=asked.start,
        end=asked.end,
        num_buckets=asked.num_buckets,
        lines=[grid.line(column.name, group) for grid, (group, column) in zip(grids, pairs, strict=True)],
        num_rows=num_rows,
        num_without_place=num_without_place,
        num_other_groups=max(0, num_groups - len(groups)),
    )


@dataclass
class _Grid:
    """A range, a sum and a count for each of B buckets."""

    num_buckets: int
    low: Numbers = field(init=False)
    high: Numbers = field(init=False)
    sums: Numbers = field(init=False)
    places: Numbers = field(init=False)
    counts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.low, self.high = np.full(self.num_buckets, np.inf), np.full(self.num_buckets, -np.inf)
        self.sums, self.places = np.zeros(self.num_buckets), np.zeros(self.num_buckets)
        self.counts = np.zeros(self.num_buckets, np.int64)

    def add(self, buckets: NDArray[np.int64], places: Numbers, values: Numbers) -> None:
        """Take in values (n,) at places (n,) in buckets (n,)."""
        np.minimum.at(self.low, buckets, values)
        np.maximum.at(self.high, buckets, values)
        with np.errstate(over="ignore", invalid="ignore"):
            self.sums += np.bincount(buckets, weights=values, minlength=self.num_buckets)
        self.places += np.bincount(buckets, weights=places, minlength=self.num_buckets)
        self.counts += np.bincount(buckets, minlength=self.num_buckets)

    def line(self, column: str, group: str | None) -> SeriesLine:
        """The buckets that hold anything."""
        held = self.counts > 0
        counts = self.counts[held]
        with np.errstate(over="ignore", invalid="ignore"):
            means = self.sums[held] / counts
        return SeriesLine(
            column=column,
            group=group,
            x=(self.places[held] / counts).tolist(),
            low=self.low[held].tolist(),
            mean=[in_range(mean) for mean in means.tolist()],
            high=self.high[held].tolist(),
            count=counts.tolist(),
        )


def _numbers(column: "pa.Array") -> Numbers:
    from app.preparing.table import plain_numbers  # with pyarrow, takes a tenth of a second

    return plain_numbers(column)


def _places(asked: Asked, first: int, batch: "pa.RecordBatch") -> Numbers:
    """Where (n,) the rows of a piece lie; NaN where nobody knows."""
    if asked.along is None:
        return np.arange(first, first + batch.num_rows, dtype=np.float64)
    found = _numbers(batch.column(asked.along.name))
    return np.where(np.isfinite(found), found, np.nan)


def _buckets(asked: Asked, places: Numbers) -> NDArray[np.int64]:
    """The bucket (n,) of each place; of no meaning outside the window."""
    width = asked.end - asked.start
    shares = (places - asked.start) / width if width > 0 else np.zeros_like(places)
    inside = np.clip(np.nan_to_num(shares * asked.num_buckets), 0, asked.num_buckets - 1)
    return inside.astype(np.int64)


def _members(asked: Asked, batch: "pa.RecordBatch", groups: Sequence[str | None]) -> list[NDArray[np.bool_]]:
    """Of each group which rows (n,) are its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if asked.by is None:
        return [np.ones(batch.num_rows, np.bool_)]
    places = pc.index_in(batch.column(asked.by.name).cast(pa.string()), value_set=pa.array(groups, pa.string()))
    found = places.fill_null(-1).to_numpy(zero_copy_only=False)
    return [found == i for i in range(len(groups))]


def _groups(place: Path, by: Column) -> tuple[Sequence[str | None], int]:
    """The most frequent values of a column, and how many there are."""
    if by.top_values is not None:
        return [one.value for one in by.top_values[:MAX_GROUPS]], by.num_distinct
    import pyarrow as pa
    import pyarrow.compute as pc

    counts: Counter[str] = Counter()
    for _, batch in pieces(place, [by.name]):
        counted = pc.value_counts(batch.column(by.name).drop_null().cast(pa.string()))
        counts.update(dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)))
    most = sorted(counts, key=lambda value: (-counts[value], value))[:MAX_GROUPS]
    return most, len(counts)
