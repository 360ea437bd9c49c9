"""What is known of a column of strings, gone through once in blocks of any size and any number."""

from collections import Counter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.specs.columns import Column, TopValue
from worker.data.figures import Distinct, histogram

MAX_CATEGORIES = 1000
FEW = 20  # as many distinct strings are categories in any case
NUM_TOP = 20
_CATEGORY_LETTERS = 100  # longer strings are text, however often they come again
_IS_WORD = bytes(letter not in b" \t\n\v\f\r" for letter in range(256))  # of each byte: 1 where it is no blank


class Words:
    """Takes in the strings of a column, and says what they are.

    Distinct strings are counted exactly up to a million, and estimated beyond.
    """

    def __init__(self, *, marked: bool = False) -> None:
        """`marked`: the column is said to hold categories, however few rows each has."""
        self._marked = marked
        self._num_rows = self._num_missing = self._num_words = 0
        self._lengths: Counter[int] = Counter()
        self._counts: dict[str, int] | None = {}  # None when there are too many for categories
        self._distinct = Distinct()

    def add(self, array: pa.StringArray) -> None:
        """Take in some rows."""
        self._num_rows += len(array)
        self._num_missing += array.null_count
        present = array.drop_null()
        if not len(present):
            return
        lengths, rows = np.unique(pc.utf8_length(present).to_numpy(), return_counts=True)
        self._lengths.update(dict(zip(lengths.tolist(), rows.tolist(), strict=True)))
        self._num_words += _num_words(present)
        if self._counts is None:
            self._distinct.add(_hashes(present))
        else:
            self._count(pc.value_counts(present))

    def column(self, name: str, max_values: int) -> Column:
        """What the column is, with its distinct values if they are no more than so many."""
        common: dict[str, Any] = {"name": name, "num_missing": self._num_missing}
        if self._counts is None or not self._is_categorical(self._counts):
            num_distinct = self._distinct.count() if self._counts is None else len(self._counts)
            return Column(type="text", num_distinct=num_distinct, **common, **self._text())
        values = sorted(self._counts)
        most = sorted(values, key=lambda value: -self._counts[value])[:NUM_TOP]  # type: ignore[index]
        return Column(
            type="category",
            num_distinct=len(values),
            values=values if len(values) <= max_values else None,
            top_values=[TopValue(value=value, count=self._counts[value]) for value in most],
            **common,
        )

    def _count(self, counted: pa.StructArray) -> None:
        assert self._counts is not None
        values, rows = counted.field("values"), counted.field("counts")
        if len(values) > MAX_CATEGORIES:
            self._distinct.add(_hashes(values))
        else:
            for value, count in zip(values.to_pylist(), rows.to_pylist(), strict=True):
                self._counts[value] = self._counts.get(value, 0) + count
            if len(self._counts) <= MAX_CATEGORIES:
                return
        self._distinct.add(_hashes(pa.array(self._counts, pa.string())))
        self._counts = None

    def _is_categorical(self, counts: dict[str, int]) -> bool:
        """Few strings, none of them long, that come again and again."""
        if not counts or len(counts) > MAX_CATEGORIES or max(map(len, counts)) > _CATEGORY_LETTERS:
            return False
        return self._marked or len(counts) <= FEW or len(counts) <= (self._num_rows - self._num_missing) / 5

    def _text(self) -> dict[str, Any]:
        if not self._lengths:
            return {}
        lengths = sorted(self._lengths)
        counts = np.array([self._lengths[length] for length in lengths])
        return {"lengths": histogram(np.array(lengths, np.int64), counts), "num_words": self._num_words}


def _num_words(array: pa.StringArray) -> int:
    """How many words there are in all rows, none missing: whatever stands between blanks."""
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, np.int32, len(array) + 1, 4 * array.offset)
    if ends[0] == ends[-1]:
        return 0
    # Much quicker than looking each byte up in an array.
    is_word = np.frombuffer(data[int(ends[0]) : int(ends[-1])].to_pybytes().translate(_IS_WORD), np.bool_)
    begins = int(is_word[0]) + np.count_nonzero(is_word[1:] > is_word[:-1])
    starts = ends[:-1][np.diff(ends) > 0][1:] - ends[0]  # a row's first word may follow on another's last
    return int(begins + np.count_nonzero(is_word[starts] & is_word[starts - 1]))


def _hashes(array: pa.StringArray) -> NDArray[np.uint64]:
    """64 bits (n,) for each string."""
    with duckdb.connect(config={"threads": 1}) as connection:
        hashed = connection.from_arrow(pa.table({"x": array})).project("hash(x) AS h").to_arrow_table()
    found: NDArray[np.uint64] = hashed.column("h").to_numpy()
    return found
