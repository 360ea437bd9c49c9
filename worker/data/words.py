"""What is known of a column of strings, gone through once in blocks of any size and any number."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.specs.columns import Column, Histogram, TopValue
from worker.data.figures import Distinct, histogram
from worker.data.frequent import FrequentWords, Weights, hashes

MAX_CATEGORIES = 1000
FEW = 20  # as many distinct strings are categories in any case
NUM_TOP = 50
NUM_TOP_WORDS = 30
_CATEGORY_LETTERS = 100  # longer strings are text, however often they come again


class Words:
    """Takes in the strings of a column, and says what they are.

    Distinct strings are counted exactly up to a million, and estimated beyond.
    """

    def __init__(self, *, marked: bool = False, is_text: bool = False) -> None:
        """`marked`: the column is said to hold categories, however few rows each has; `is_text`: it is said not to."""
        self._marked, self._is_text = marked, is_text
        self._num_rows = self._num_missing = 0
        self._lengths: Counter[int] = Counter()
        self._counts: dict[str, int] | None = {}  # None when there are too many for categories
        self._distinct = Distinct()
        self._words = FrequentWords()  # of texts; categories are not cut into words

    def add(self, array: pa.StringArray | pa.DictionaryArray) -> None:
        """Take in some rows, as they are or as codes."""
        self._num_rows += len(array)
        self._num_missing += array.null_count
        present = array.drop_null()
        if not len(present):
            return
        if self._counts is None and not pa.types.is_dictionary(array.type):
            self._measure(present, np.ones(len(present), np.int64))
            self._take_as_text(present)
            return
        values, times = _counted(present)
        self._measure(values, times)
        if self._counts is None:
            self._take_as_text(values, times)
        else:
            self._count(values, times)

    def column(self, name: str, max_values: int) -> Column:
        """What the column is, with its distinct values if they are no more than so many."""
        common: dict[str, Any] = {"name": name, "num_missing": self._num_missing}
        if self._counts is None or not self._is_categorical(self._counts):
            num_distinct = self._distinct.count() if self._counts is None else len(self._counts)
            self._cut_what_was_counted()
            return Column(type="text", num_distinct=num_distinct, **common, **self._text())
        values = sorted(self._counts)
        return Column(
            type="category",
            num_distinct=len(values),
            values=values if len(values) <= max_values else None,
            top_values=most_frequent(values, [self._counts[value] for value in values]),
            rarest=rarest(values, [self._counts[value] for value in values]) if len(values) <= max_values else None,
            **common,
        )

    def _measure(self, values: pa.StringArray, times: Weights) -> None:
        lengths, which = np.unique(pc.utf8_length(values).to_numpy(), return_inverse=True)
        rows = np.bincount(which, weights=times).astype(np.int64)
        self._lengths.update(dict(zip(lengths.tolist(), rows.tolist(), strict=True)))

    def _count(self, values: pa.StringArray, times: Weights) -> None:
        assert self._counts is not None
        if len(values) > MAX_CATEGORIES:
            self._take_as_text(values, times)
        else:
            for value, count in zip(values.to_pylist(), times.tolist(), strict=True):
                self._counts[value] = self._counts.get(value, 0) + count
            if len(self._counts) <= MAX_CATEGORIES:
                return
        self._cut_what_was_counted()
        self._counts = None

    def _cut_what_was_counted(self) -> None:
        """Words are cut only once it is sure that the strings are text."""
        if self._counts:
            self._take_as_text(pa.array(self._counts, pa.string()), np.array([*self._counts.values()], np.int64))

    def _take_as_text(self, texts: pa.StringArray, times: Weights | None = None) -> None:
        self._distinct.add(hashes(texts))
        self._words.add(texts, times)

    def _is_categorical(self, counts: dict[str, int]) -> bool:
        """Few strings, none of them long, that come again and again."""
        if self._is_text or not counts or len(counts) > MAX_CATEGORIES or max(map(len, counts)) > _CATEGORY_LETTERS:
            return False
        return self._marked or len(counts) <= FEW or len(counts) <= (self._num_rows - self._num_missing) / 5

    def _text(self) -> dict[str, Any]:
        if not self._lengths:
            return {}
        most = self._words.most(NUM_TOP_WORDS)
        return {
            "lengths": _histogram(self._lengths),
            "word_lengths": _histogram(self._words.lengths),
            "num_words": self._words.num_words,
            "num_distinct_words": self._words.num_distinct,
            "top_words": [TopValue(value=word, count=count) for word, count in most],
        }


def _counted(present: pa.StringArray | pa.DictionaryArray) -> tuple[pa.StringArray, Weights]:
    """The different strings, none of them missing, and how often each comes."""
    if not pa.types.is_dictionary(present.type):
        counted = pc.value_counts(present)
        return counted.field("values"), counted.field("counts").to_numpy()
    times = np.bincount(present.indices.to_numpy(), minlength=len(present.dictionary))
    come = np.flatnonzero(times)
    return present.dictionary.take(pa.array(come)), times[come]


def most_frequent(values: Sequence[Any], counts: Sequence[int]) -> list[TopValue]:
    """The most frequent of some values; equal ones in the order given."""
    most = sorted(range(len(values)), key=lambda i: -counts[i])[:NUM_TOP]
    return [TopValue(value=str(values[i]), count=counts[i]) for i in most]


def rarest(values: Sequence[Any], counts: Sequence[int]) -> TopValue | None:
    """The value that comes least often; of equal ones the first."""
    least = min(range(len(values)), key=counts.__getitem__, default=None)
    return None if least is None else TopValue(value=str(values[least]), count=counts[least])


def _histogram(lengths: Counter[int]) -> Histogram | None:
    """How many strings are how long."""
    found = sorted(lengths)
    return histogram(np.array(found, np.int64), np.array([lengths[length] for length in found]))
