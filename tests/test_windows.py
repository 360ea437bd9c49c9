"""Windows against the plain loop that says what they are; and which part each belongs to."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.specs.checks.sizes import part_sizes
from app.specs.data import DataSpec
from app.specs.splits import ColumnSplit, SharesSplit, TimeSplit
from app.specs.window import Window
from app.splitting import BITS, deal
from app.windows import deal_windows, in_order, starts
from tests.test_splitting import Table

windows = st.builds(
    Window, length=st.integers(1, 6), horizon=st.integers(1, 4), ahead=st.integers(0, 3), stride=st.integers(1, 5)
)
lengths = st.lists(st.integers(0, 20), min_size=1, max_size=5)
SEES = {"train": {1}, "validation": {1, 2}, "test": {1, 2, 4}}  # the parts whose rows a window of a part may see


def by_hand(counts: list[int], window: Window) -> list[tuple[list[int], list[int]]]:
    """The rows that each window sees, and those that it predicts, series after series."""
    found, first = [], 0
    for count in counts:
        for begin in range(0, count, window.stride):
            seen = [first + begin + i for i in range(window.length)]
            told = [seen[-1] + window.ahead + i for i in range(window.horizon)]
            if max(seen[-1], told[-1]) < first + count:
                found.append((seen, told))
        first += count
    return found


@given(lengths, windows)
def test_windows_begin_where_a_plain_loop_finds_them(counts: list[int], window: Window) -> None:
    bounds = np.cumsum([0, *counts])
    assert starts(bounds, window).tolist() == [seen[0] for seen, _ in by_hand(counts, window)]


@given(st.data(), lengths, windows)
def test_a_window_is_of_the_part_in_which_all_that_it_predicts_lies(
    data: st.DataObject, counts: list[int], window: Window
) -> None:
    num_rows = sum(counts)
    parts = np.array(
        data.draw(st.lists(st.sampled_from([0, 1, 1, 2, 4]), min_size=num_rows, max_size=num_rows)), np.uint8
    )
    masks = st.lists(st.sampled_from([True, True, True, False]), min_size=num_rows, max_size=num_rows)
    can_be_seen, is_told = (np.array(data.draw(masks), np.bool_) for _ in range(2))
    found = deal_windows(np.cumsum([0, *counts]), window, parts, can_be_seen, is_told)
    for part, bit in BITS.items():
        assert found[part].tolist() == [
            seen[0]
            for seen, told in by_hand(counts, window)
            if all(parts[row] in SEES[part] and can_be_seen[row] for row in seen)
            and all(parts[row] == bit and is_told[row] for row in told)
        ]


def test_a_row_of_two_parts_counts_in_both() -> None:
    window = Window(length=2, horizon=1)
    parts = np.array([1] * 4 + [6] * 3, np.uint8)
    found = deal_windows(np.array([0, 7]), window, parts, np.ones(7, np.bool_), np.ones(7, np.bool_))
    assert {part: rows.tolist() for part, rows in found.items()} == {
        "train": [0, 1],
        "validation": [2, 3, 4],
        "test": [2, 3, 4],
    }


def test_rows_are_put_in_order_series_after_series() -> None:
    table = Table(7, shop=[1, 0, 1, 0, 1, 0, 1], day=[3, 2, 1, 1, 2, 2, 1])
    found = in_order(table, Window(time="day", series="shop"))
    assert found.rows.tolist() == [3, 1, 5, 2, 6, 4, 0]  # of the same day, as they stand
    assert found.bounds.tolist() == [0, 3, 7]
    assert in_order(table, Window(series="shop")).rows.tolist() == [1, 3, 5, 0, 2, 4, 6]
    assert in_order(table, Window(time="day")).rows.tolist() == [2, 3, 6, 1, 4, 5, 0]
    assert in_order(table, Window()).rows.tolist() == list(range(7))


def windows_of(data: DataSpec, table: Table) -> dict[str, Any]:
    assert data.window is not None
    order = in_order(table, data.window)
    parts = deal(data.split, table, data.target)[order.rows]
    every = np.ones(table.num_rows, np.bool_)
    return deal_windows(order.bounds, data.window, parts, every, every)


@given(st.integers(1, 80), windows, st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_as_many_windows_are_promised_as_there_are(
    num_rows: int, window: Window, validation: int, test: int, by_time: bool
) -> None:
    shares: Any = {"train": 1 - (validation + test) / 20, "validation": validation / 20, "test": test / 20}
    split = TimeSplit(column="day", **shares) if by_time else SharesSplit(shuffle=False, **shares)
    ordered = window.model_copy(update={"time": "day" if by_time else None})
    data = DataSpec(target="y", window=ordered, split=split)
    days = np.random.default_rng(0).permutation(num_rows)
    found = windows_of(data, Table(num_rows, day=days))
    promised = part_sizes(data, {}, num_rows)
    assert promised == {part: len(rows) for part, rows in found.items()}


def test_where_series_are_told_apart_nothing_is_promised() -> None:
    by_shop = DataSpec(target="y", window=Window(series="shop"), split=TimeSplit(column="day"))
    by_part = DataSpec(target="y", window=Window(), split=ColumnSplit(column="part"))
    assert part_sizes(by_shop, {}, 100) is None
    assert part_sizes(by_part, {}, 100) is None


@pytest.mark.parametrize("ahead", [1, 3])
def test_a_split_by_time_shows_no_training_window_what_comes_later(ahead: int) -> None:
    window = Window(length=5, horizon=2, ahead=ahead, time="day", series="shop")
    num_rows = 120
    table = Table(num_rows, day=np.repeat(np.arange(40), 3), shop=np.tile([0, 1, 2], 40))
    data = DataSpec(target="y", window=window, split=TimeSplit(column="day"))
    order = in_order(table, window)
    days = np.repeat(np.arange(40), 3)[order.rows]
    parts = deal(data.split, table, "y")[order.rows]
    for part, begins in windows_of(data, table).items():
        assert len(begins)
        for begin in begins:
            told = begin + window.length - 1 + ahead + np.arange(window.horizon)
            assert set(parts[told]) == {BITS[part]}
            assert days[told].min() - days[begin : begin + window.length].max() == ahead
