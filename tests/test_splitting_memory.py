"""Dealing takes a few bytes a row, however many rows there are."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import JobFailure
from app.specs.splits import AnySplit, KFoldSplit, SharesSplit, TimeSplit
from app.splitting import _Hand, deal

NUM_ROWS = 20_000_000


class Long:
    num_rows = NUM_ROWS

    def ids(self, name: str) -> NDArray[Any]:
        return np.random.default_rng(0).integers(0, 3, NUM_ROWS, dtype=np.uint8)

    def numbers(self, name: str) -> NDArray[np.float64]:
        return np.random.default_rng(0).random(NUM_ROWS)

    def holds(self, name: str, values: Any) -> NDArray[np.bool_]:
        raise AssertionError("nobody asks")


@pytest.mark.parametrize(
    ("split", "row_bytes"),
    [(SharesSplit(), 1), (KFoldSplit(), 1), (SharesSplit(stratify=True), 2), (TimeSplit(column="t"), 17)],
)
def test_dealing_takes_a_few_bytes_a_row(split: AnySplit, row_bytes: int) -> None:
    tracemalloc.start()
    deal(split, Long(), "target")
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < row_bytes * NUM_ROWS + (50 << 20)


def test_more_rows_than_can_be_drawn_from_are_refused_in_words() -> None:
    with pytest.raises(JobFailure, match="cannot be dealt at random"):
        _Hand([1_000_000_000, 5], np.random.default_rng(0)).deal(np.arange(10))
