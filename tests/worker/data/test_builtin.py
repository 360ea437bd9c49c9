"""The datasets that come with Traindeck, and what the server is told of them."""

import json

import numpy as np
import pytest

from worker.data.builtin import GENERATORS, METADATA, content_hash, describe, make


def test_the_server_is_told_just_what_is_made() -> None:
    assert json.loads(METADATA.read_bytes()) == describe(), "run python -m worker.data.builtin"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_dataset_is_the_same_each_time(name: str) -> None:
    assert content_hash(make(name)) == content_hash(make(name))


def test_temperatures_follow_the_law() -> None:
    columns = make("celsius")
    np.testing.assert_allclose(columns["celsius"] * 1.8 + 32, columns["fahrenheit"])


def test_random_sequences_are_a_thousand_to_train_and_a_hundred_to_test() -> None:
    columns = make("random_sequences")
    assert list(columns) == [*(f"token_{i}" for i in range(100)), "label", "part"]
    assert dict(zip(*np.unique(columns["part"], return_counts=True), strict=True)) == {"train": 1000, "test": 100}
    tokens = np.column_stack([columns[f"token_{i}"] for i in range(100)])
    assert (tokens.min(), tokens.max()) == (0, 999)
    assert 0.45 < columns["label"].mean() < 0.55


def test_digits_have_the_layout_of_the_digit_recogniser() -> None:
    columns = make("digits")
    assert list(columns) == ["label", *(f"pixel{i}" for i in range(64))]
    assert {values.dtype for values in columns.values()} == {np.dtype(np.int64)}
