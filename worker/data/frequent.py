"""The words of texts that pass by: how many each text has, how many there are, how often each comes; in bounded memory.

A word is what stands between blanks, in small letters, without the punctuation around it. Counts are exact up to
200,000 different words. Beyond, the rarest are forgotten, as in lossy counting: Manku and Motwani, "Approximate
frequency counts over data streams" (2002). The most frequent ones keep their counts but for what they may have lost
while they were rare; how many different ones there are is counted apart.
"""

import string
from collections import Counter

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from worker.data.figures import Distinct

MAX_COUNTED = 200_000
MAX_LETTERS = 100  # what is longer is no word, and is cut
_AROUND = string.punctuation + "…–—“”„‘’‚«»‹›¡¿·•。、，！？：；（）「」"

Weights = NDArray[np.int64]


class FrequentWords:
    """Counts the words of texts."""

    def __init__(self, max_counted: int = MAX_COUNTED) -> None:
        self._max_counted = max_counted
        self._counts: Counter[str] = Counter()
        self._distinct: Distinct | None = None  # none as long as no word is forgotten
        self.lengths: Counter[int] = Counter()  # how many texts have so many words
        self.num_words = 0

    def add(self, texts: pa.StringArray, times: Weights | None = None) -> None:
        """Take in texts, none of them missing; `times` (n,) says how often each comes."""
        split = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(pc.utf8_lower(texts)))
        self._measure(split, times)
        words, counts = _counted(split, times)
        words = pc.utf8_slice_codeunits(pc.utf8_trim(words, characters=_AROUND), 0, MAX_LETTERS)
        found: Counter[str] = Counter()
        for word, count in zip(words.to_pylist(), counts.tolist(), strict=True):
            found[word] += count
        del found[""]
        self._counts.update(found)
        if self._distinct is not None and found:
            self._distinct.add(hashes(pa.array(found, pa.string())))
        if len(self._counts) > self._max_counted:
            self._forget()

    def most(self, num: int) -> list[tuple[str, int]]:
        """The most frequent words and how often each comes; equal ones by alphabet."""
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:num]

    @property
    def num_distinct(self) -> int:
        """How many different words there are; above a million, about."""
        return len(self._counts) if self._distinct is None else self._distinct.count()

    def _measure(self, split: pa.ListArray, times: Weights | None) -> None:
        lengths = split.value_lengths().to_numpy().astype(np.int64)
        firsts = split.flatten().take(pa.array(split.offsets.to_numpy()[:-1] - split.offsets[0].as_py()))
        lengths[pc.equal(firsts, "").to_numpy(zero_copy_only=False)] = 0  # of nothing but blanks
        rows = np.bincount(lengths, weights=times) if len(lengths) else np.zeros(0)
        self.lengths.update({int(length): int(rows[length]) for length in np.flatnonzero(rows)})
        self.num_words += int((np.arange(len(rows)) * rows).sum())

    def _forget(self) -> None:
        """Keep the more frequent half."""
        if self._distinct is None:
            self._distinct = Distinct()
            self._distinct.add(hashes(pa.array(self._counts, pa.string())))
        self._counts = Counter(dict(self._counts.most_common(self._max_counted // 2)))


def _counted(split: pa.ListArray, times: Weights | None) -> tuple[pa.StringArray, Weights]:
    """The different words of lists of words, and how often each comes."""
    if times is None:
        counted = pc.value_counts(split.flatten())
        return counted.field("values"), counted.field("counts").to_numpy()
    coded = split.flatten().dictionary_encode()
    weights = times[pc.list_parent_indices(split).to_numpy()]
    counts = np.bincount(coded.indices.to_numpy(), weights=weights, minlength=len(coded.dictionary))
    return coded.dictionary, counts.astype(np.int64)


def hashes(array: pa.StringArray) -> NDArray[np.uint64]:
    """64 bits (n,) for each string."""
    with duckdb.connect(config={"threads": 1}) as connection:
        hashed = connection.from_arrow(pa.table({"x": array})).project("hash(x) AS h").to_arrow_table()
    found: NDArray[np.uint64] = hashed.column("h").to_numpy()
    return found
