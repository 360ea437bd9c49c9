"""What becomes of the columns of a table: numbers (N,), NaN where one is missing, and from them inputs (N, width)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.preparing.fitting import array_numbers
from app.preparing.table import codes, plain_numbers
from app.transforms.steps import _PERIODS, bucket, part_of

Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

_TINY = 10 * np.finfo(np.float64).eps  # a spread that is rounding alone would blow numbers up


def numbers(table: pa.Table, name: str) -> Numbers:
    """A column as numbers; times are seconds since 1970."""
    return plain_numbers(table[name].combine_chunks())


def codes_of(table: pa.Table, name: str, values: Sequence[Any]) -> Numbers:
    """The places of a column's values in `values`."""
    return codes(table[name].combine_chunks(), values)


def buckets_of(table: pa.Table, name: str, num_buckets: int) -> Numbers:
    """The bucket that each word falls into."""
    words = table[name].cast(pa.string()).combine_chunks().dictionary_encode()
    numbers = [bucket(word, num_buckets) for word in words.dictionary.to_pylist()]
    indices = words.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
    found: Numbers = np.array([*numbers, np.nan])[indices]
    return found


def array_of(table: pa.Table, name: str) -> Numbers:
    """A column of arrays as (N, width)."""
    return array_numbers(table[name].combine_chunks())


def present(found: Numbers) -> Numbers:
    """The numbers that are there."""
    return found[~np.isnan(found)]


def most_frequent(found: Numbers) -> float:
    """The value that comes most often, the least of several."""
    values, counts = np.unique(found, return_counts=True)
    return float(values[counts.argmax()])


def standardizing(found: Numbers) -> tuple[float, float]:
    """Mean and deviation."""
    return found.mean(), _spread(found.mean(), found.std())


def min_max(found: Numbers) -> tuple[float, float]:
    """The least, and how far the greatest lies above it."""
    return found.min(), _spread(found.min(), found.max() - found.min())


def robust(found: Numbers) -> tuple[float, float]:
    """The median, and how far the quartiles lie apart."""
    low, center, high = np.quantile(found, [0.25, 0.5, 0.75])
    return center, _spread(center, high - low)


def _spread(center: float, spread: float) -> float:
    """What divides: numbers that are all the same are only moved."""
    return spread if spread > _TINY * max(abs(center), 1e-300) else 1.0


def one_hot(found: Numbers, train: Any, width: int) -> Mask:
    """Codes as an input for each that the training rows have; what they lack is unknown: no input is 1."""
    seen = np.unique(found[train])
    seen = seen[seen >= 0]
    inputs: Mask = found[:, None] == np.pad(seen, (0, width - len(seen)), constant_values=np.nan)
    return inputs


def looked_up(table: pa.Table, name: str, train: Any, first: int, most: int) -> Numbers:
    """A whole number (N, 1) for each value: `first` of what is unknown or missing, then the most frequent ones."""
    column = table[name].combine_chunks()
    counts = Counter(column.take(pa.array(np.arange(len(column))[train])).drop_null().to_pylist())
    ranked = sorted(counts, key=lambda value: (-counts[value], value))[:most]
    places = codes(column, ranked)
    return (first + 1 + np.where(np.isnan(places), -1, places))[:, None]


def cyclic(part: str, seconds: Numbers) -> Numbers:
    """A part of times that comes round, as sine and cosine (N, 2)."""
    angles = 2 * np.pi * part_of(part, seconds) / _PERIODS[part]
    return np.stack([np.sin(angles), np.cos(angles)], axis=1)
