"""Rows are dealt out whole, in the promised numbers, and the same way each time."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import JobFailure
from app.specs.data import ColumnSplit, SharesSplit
from worker.data.splitting import by_column, by_shares


def no_classes() -> np.ndarray:
    raise AssertionError("nobody asked for a mix")


shares = st.tuples(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100)).map(
    lambda parts: [part / sum(parts) for part in parts]
)


@given(st.integers(1, 200), shares, st.booleans(), st.integers(0, 2**32 - 1))
def test_every_row_is_in_one_part_and_the_parts_have_the_rounded_sizes(
    num_rows: int, parts: list[float], shuffle: bool, seed: int
) -> None:
    train, validation, test = parts
    split = SharesSplit(train=train, validation=validation, test=test, shuffle=shuffle, seed=seed)
    sizes = [round(num_rows * validation), round(num_rows * test)]
    if sum(sizes) > num_rows:
        return
    dealt = by_shares(split, num_rows, no_classes)
    assert sorted(np.concatenate(list(dealt.values())).tolist()) == list(range(num_rows))
    assert [len(dealt["validation"]), len(dealt["test"])] == sizes


def test_the_seed_alone_decides_who_goes_where() -> None:
    first, again, other = (by_shares(SharesSplit(seed=seed), 100, no_classes)["test"].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_without_shuffling_the_end_of_the_table_is_kept_for_the_end() -> None:
    dealt = by_shares(SharesSplit(shuffle=False), 100, no_classes)
    assert [(part[0], part[-1]) for part in dealt.values()] == [(0, 69), (70, 84), (85, 99)]


def test_a_stratified_part_has_the_mix_of_the_whole() -> None:
    codes = np.repeat([0.0, 1.0, 2.0], [200, 120, 80])
    dealt = by_shares(SharesSplit(stratify=True), 400, lambda: codes)
    for rows in dealt.values():
        assert np.bincount(codes[rows].astype(int)).tolist() == [len(rows) * n // 400 for n in (200, 120, 80)]
    assert sorted(np.concatenate(list(dealt.values())).tolist()) == list(range(400))


def test_a_class_of_one_row_cannot_be_kept_in_every_part() -> None:
    with pytest.raises(JobFailure, match="mix of classes"):
        by_shares(SharesSplit(stratify=True), 20, lambda: np.array([1.0] + [0.0] * 19))


def test_a_column_says_who_goes_where() -> None:
    column = pa.chunked_array([["a", "b", None], ["c", "a"]])
    dealt = by_column(ColumnSplit(column="part", train=("a",), validation=("b", "c"), test=("b", "c")), column)
    assert {part: rows.tolist() for part, rows in dealt.items()} == {
        "train": [0, 4],
        "validation": [1, 3],
        "test": [1, 3],
    }
    numbers = by_column(ColumnSplit(column="fold", train=(0, 1), test=(2,)), pa.chunked_array([[0, 1, 2, 3]]))
    assert numbers["train"].tolist() == [0, 1]
    with pytest.raises(JobFailure, match="'first' is not"):
        by_column(ColumnSplit(column="fold", train=("first",)), pa.chunked_array([[0, 1]]))
