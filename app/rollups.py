"""The pyramid of buckets under a curve: pure arithmetic on arrays; `app.events` stores it.

A bucket at level k covers 16**k steps and holds first, last, min, max and sum of its finite values, how many they are,
and how many NaN, +Inf and -Inf there were beside them. Buckets merge exactly, so a level follows from the one below,
and a spike of one step is the max of a bucket at every level.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.columns import Points

FACTOR = 16
LEVELS = range(1, 7)  # the top bucket covers 16.7 million steps
_MOST = 4e300  # of a value in a sum: so many do not overflow, which neither database takes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Buckets:
    """Buckets (B,) at one level, ascending, of one series or of several, one behind the other.

    Where `num_finite` is 0 the five figures are NaN or 0.
    """

    bucket: Ints
    first_step: Ints
    last_step: Ints
    first: Floats
    last: Floats
    min: Floats
    max: Floats
    sum: Floats
    num_finite: Ints
    num_nan: Ints
    num_pos_inf: Ints
    num_neg_inf: Ints

    def __len__(self) -> int:
        return len(self.bucket)

    @property
    def num_points(self) -> Ints:
        """How many points each bucket (B,) holds, finite or not."""
        return self.num_finite + self.num_nan + self.num_pos_inf + self.num_neg_inf

    def part(self, start: int, end: int) -> "Buckets":
        """The buckets from one position up to another, not included."""
        return Buckets(*(getattr(self, name)[start:end] for name in FIELDS))

    def tuples(self) -> Iterator[tuple[int | float | None, ...]]:
        """The fields of each bucket, as the table has them: None for a figure that no finite value gave."""
        columns = {name: getattr(self, name).tolist() for name in FIELDS}
        if not self.num_finite.all():
            for name in ("first", "last", "min", "max"):
                columns[name] = [None if value != value else value for value in columns[name]]
        return zip(*columns.values(), strict=True)

    def rows(self) -> list[dict[str, int | float | None]]:
        """The same, a dict a bucket."""
        return [dict(zip(FIELDS, row, strict=True)) for row in self.tuples()]


FIELDS = tuple(field.name for field in fields(Buckets))


def of_points(points: Points) -> Buckets:
    """Each point (N,) as a bucket of its own, at level 0."""
    finite = np.isfinite(points.values)
    value = np.where(finite, points.values, np.nan)
    return Buckets(
        bucket=points.steps,
        first_step=points.steps,
        last_step=points.steps,
        first=value,
        last=value,
        min=value,
        max=value,
        sum=np.clip(np.where(finite, points.values, 0.0), -_MOST, _MOST),
        num_finite=finite.astype(np.int64),
        num_nan=np.isnan(points.values).astype(np.int64),
        num_pos_inf=np.isposinf(points.values).astype(np.int64),
        num_neg_inf=np.isneginf(points.values).astype(np.int64),
    )


def join(parts: list[Buckets]) -> Buckets:
    """Buckets that follow one another, of whatever levels: their numbers mean nothing any more."""
    return Buckets(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))


def coarsen(buckets: Buckets) -> Buckets:
    """The level above: sixteen buckets become one."""
    return group(buckets, buckets.bucket // FACTOR)


def coarsen_each(buckets: Buckets, of: Ints) -> tuple[Buckets, Ints]:
    """The same of several series at once, one behind the other; `of` (B,), ascending, says whose a bucket is."""
    if not len(of):
        return buckets, of
    key = buckets.bucket // FACTOR
    begins = np.append(True, (key[1:] != key[:-1]) | (of[1:] != of[:-1]))
    return replace(group(buckets, np.cumsum(begins) - 1), bucket=key[begins]), of[begins]


def group(buckets: Buckets, key: Ints) -> Buckets:
    """Merge buckets (B,) whose `key` (B,), ascending, is equal; `key` becomes the new bucket number."""
    if not len(key):
        return buckets
    ends = np.append(np.flatnonzero(key[1:] != key[:-1]), len(key) - 1)
    if len(ends) == len(key):  # each by itself, as at the upper levels of a batch
        return replace(buckets, bucket=key)
    starts = np.append(0, ends[:-1] + 1)
    position = np.arange(len(key))
    has = buckets.num_finite > 0
    # The first and the last bucket of each group that hold a finite value at all.
    first_at = np.minimum.reduceat(np.where(has, position, len(key)), starts)
    last_at = np.maximum.reduceat(np.where(has, position, -1), starts)
    some = last_at >= 0
    return Buckets(
        bucket=key[starts],
        first_step=buckets.first_step[starts],
        last_step=buckets.last_step[ends],
        first=np.where(some, buckets.first[np.minimum(first_at, len(key) - 1)], np.nan),
        last=np.where(some, buckets.last[last_at], np.nan),
        min=np.fmin.reduceat(buckets.min, starts),
        max=np.fmax.reduceat(buckets.max, starts),
        sum=_sums(buckets.sum, starts),
        num_finite=np.add.reduceat(buckets.num_finite, starts),
        num_nan=np.add.reduceat(buckets.num_nan, starts),
        num_pos_inf=np.add.reduceat(buckets.num_pos_inf, starts),
        num_neg_inf=np.add.reduceat(buckets.num_neg_inf, starts),
    )


def _sums(values: Floats, starts: Ints) -> Floats:
    with np.errstate(over="ignore"):  # of several top buckets, which are not kept
        sums: Floats = np.add.reduceat(values, starts)
    return sums


def of_rows(rows: list[tuple[float | int | None, ...]]) -> Buckets:
    """Buckets from rows of the table, columns in the order of `Buckets`' fields."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(FIELDS)
    kinds = {"first", "last", "min", "max", "sum"}
    arrays: list[Any] = [
        np.array([np.nan if value is None else value for value in column], np.float64 if name in kinds else np.int64)
        for name, column in zip(FIELDS, columns, strict=True)
    ]
    return Buckets(*arrays)
