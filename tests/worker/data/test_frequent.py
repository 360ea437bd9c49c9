"""The words of texts are counted as plain Python counts them, and in bounded memory about so."""

import string
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.data import words
from worker.data.frequent import FrequentWords
from worker.data.statistics import describe

texts = st.lists(st.text(alphabet="aB ,.\t\nß", max_size=12), max_size=30)


def counted(texts: Sequence[str]) -> Counter[str]:
    pieces = [word.strip(string.punctuation) for text in texts for word in text.lower().split()]
    return Counter(word for word in pieces if word)


@given(some=texts, others=texts)
def test_words_are_counted_as_plain_python_does(some: list[str], others: list[str]) -> None:
    found = FrequentWords()
    for block in (some, others):
        found.add(pa.array(block, pa.string()))
    expected = counted(some + others)
    assert dict(found.most(100)) == expected
    assert found.num_distinct == len(expected)
    assert found.lengths == Counter(len(text.split()) for text in some + others)
    assert found.num_words == sum(len(text.split()) for text in some + others)


@given(texts=st.dictionaries(st.text(alphabet="ab ", max_size=6), st.integers(1, 5), max_size=9))
def test_a_text_that_comes_again_counts_each_time(texts: dict[str, int]) -> None:
    weighted, plain = FrequentWords(), FrequentWords()
    weighted.add(pa.array(list(texts), pa.string()), np.array(list(texts.values()), np.int64))
    plain.add(pa.array([text for text, times in texts.items() for _ in range(times)], pa.string()))
    assert weighted.most(100) == plain.most(100)
    assert (weighted.lengths, weighted.num_words) == (plain.lengths, plain.num_words)


def test_a_slice_has_its_own_words() -> None:
    found = FrequentWords()
    found.add(pa.array(["a b c", "d", "e f"]).slice(1))
    assert (found.most(9), found.lengths) == ([("d", 1), ("e", 1), ("f", 1)], Counter({1: 1, 2: 1}))


def test_when_there_are_too_many_words_the_rarest_are_forgotten() -> None:
    found = FrequentWords(max_counted=1_000)
    for block in range(20):
        rare = " ".join(f"w{block}x{i}" for i in range(400))
        found.add(pa.array([f"{rare} the the the of of"]))
        assert len(found._counts) <= 1_000
    assert found.most(2) == [("the", 60), ("of", 40)]
    assert found.num_distinct == 20 * 400 + 2


def test_a_word_of_any_length_is_kept_short() -> None:
    found = FrequentWords()
    found.add(pa.array(["x" * 5_000]))
    assert found.most(1) == [("x" * 100, 1)]


def test_a_column_of_texts_says_which_words_are_frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_CATEGORIES", 10)  # the first texts are counted as if they were categories
    texts = ["The cat.", "the dog"] * 3 + [f"a text {i}" for i in range(40)]
    column = describe("x", pa.chunked_array([pa.array(texts[:8]), pa.array([None, *texts[8:]])]))
    assert column.type == "text" and column.top_words is not None and column.word_lengths is not None
    assert [(one.value, one.count) for one in column.top_words[:5]] == [
        ("a", 40),
        ("text", 40),
        ("the", 6),
        ("cat", 3),
        ("dog", 3),
    ]
    assert (column.num_words, column.num_distinct_words) == (132, 45)
    assert column.word_lengths.counts == [6, 40]


def test_a_column_of_categories_is_not_cut_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrequentWords, "add", lambda *_: pytest.fail("cut"))
    column = describe("x", pa.chunked_array([pa.array(["one two", "three"] * 30)]))
    assert (column.type, column.top_words, column.num_words) == ("category", None, None)


def test_texts_without_a_word_have_none(tmp_path: Path) -> None:
    column = describe("x", pa.chunked_array([pa.array(["  ", "...", *("," * i for i in range(25))])]))
    assert (column.type, column.top_words, column.num_distinct_words) == ("text", [], 0)
