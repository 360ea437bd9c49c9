# ruff: noqa: DTZ001, tables keep times without a zone
"""What is said of a column is what pandas-like arithmetic on its rows gives."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.specs.columns import Column, TopValue
from worker.data import figures
from worker.data.figures import bin_heights, edges
from worker.data.statistics import MAX_VALUES, NUM_BINS, describe, describe_table


def described(values: list[Any], kind: pa.DataType | None = None) -> Column:
    return describe("x", pa.chunked_array([pa.array(values, kind)]))


numbers = st.lists(
    st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, float("nan")]), min_size=1, max_size=60
)


@given(numbers)
def test_figures_are_those_of_the_rows_that_have_a_value(values: list[float | None]) -> None:
    column = described(values, pa.float64())
    present = np.array([value for value in values if value is not None and value == value])
    assert column.num_missing == len(values) - len(present)
    assert column.num_distinct == len(np.unique(present))
    if not len(present):
        assert (column.min, column.mean, column.histogram) == (None, None, None)
        return
    assert (column.min, column.max) == (present.min(), present.max())
    assert column.mean == pytest.approx(present.mean(), abs=1e-6)
    assert column.std == pytest.approx(present.std(), abs=1e-6)
    assert column.values == np.unique(present).tolist()
    if column.histogram:
        assert sum(column.histogram.counts) == len(present)
        assert len(column.histogram.counts) <= NUM_BINS
        assert len(column.histogram.edges) == len(column.histogram.counts) + 1


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=60))
def test_integers_of_any_size_have_a_histogram_that_counts_them_all(values: list[int]) -> None:
    column = described(values)
    assert column.values == sorted(set(values))
    assert column.histogram is None or sum(column.histogram.counts) == len(values)


def test_a_few_whole_numbers_have_a_bin_each() -> None:
    histogram = described([0, 1, 1, 3]).histogram
    assert histogram is not None
    assert histogram.edges == [-0.5, 0.5, 1.5, 2.5, 3.5]
    assert histogram.counts == [1, 2, 0, 1]


def test_infinities_are_counted_and_otherwise_left_out() -> None:
    column = described([1.0, float("inf"), -float("inf"), 3.0, None])
    assert (column.num_infinite, column.num_missing, column.mean, column.max) == (2, 1, 2.0, 3.0)
    assert column.values == [1.0, 3.0]


def test_numbers_at_the_edge_of_a_float_do_no_harm() -> None:
    column = described([1e308, -1e308, 1e308])
    assert (column.min, column.max, column.std, column.histogram) == (-1e308, 1e308, None, None)
    assert described([1.0, 1.0 + 2**-52]).histogram is None


def test_more_than_a_thousand_values_are_not_listed() -> None:
    assert described(list(range(MAX_VALUES))).values is not None
    assert described(list(range(MAX_VALUES + 1))).values is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", "b", None] * 10, "category"),
        ([f"kind {i % 30}" for i in range(300)], "category"),
        ([f"name {i}" for i in range(300)], "text"),
        (["a" * 101, "b"] * 50, "text"),
        (["Ann", "Bob"], "category"),
        ([None, None], "text"),
    ],
)
def test_words_that_come_again_are_categories_and_others_text(values: list[Any], kind: str) -> None:
    column = described(values, pa.string())
    assert column.type == kind
    assert (column.values is None) is (kind == "text")


def test_frequent_words_come_first() -> None:
    top = described(["b", "a", "b", None, "c", "b", "a"]).top_values
    assert top is not None
    assert [(one.value, one.count) for one in top] == [("b", 3), ("a", 2), ("c", 1)]


@pytest.mark.parametrize("name", [lambda i: f"c{i}", lambda i: i, lambda i: i * 10**9])
def test_the_rarest_of_many_values_is_counted(name: Callable[[int], Any]) -> None:
    column = described([None, *(name(i) for i in range(60) for _ in range(20 if i != 33 else 1)), None])
    assert column.rarest == TopValue(value=str(name(33)), count=1)
    assert described([str(i) for i in range(5000)]).rarest is None


def test_whole_numbers_of_few_values_are_counted_one_by_one() -> None:
    top = described([30, 7, 7, None, 900]).top_values
    assert top is not None
    assert [(one.value, one.count) for one in top] == [("7", 2), ("30", 1), ("900", 1)]
    assert len(described(list(range(0, 500, 10))).top_values or ()) == 50
    assert described(list(range(51))).top_values is None
    assert described([1.0, 2.0]).top_values is None


def test_truth_values_and_times_have_their_own_figures() -> None:
    truth = described([True, False, True, None])
    assert (truth.type, truth.values, truth.num_missing) == ("boolean", [False, True], 1)
    time = described([datetime(1970, 1, 1, 0, 1), datetime(1970, 1, 1), None], pa.timestamp("us"))
    assert (time.type, time.min, time.max, time.values) == ("timestamp", 0.0, 60.0, None)


def test_a_wide_table_lists_fewer_values_of_each_column(tmp_path: Path) -> None:
    table = pa.table({f"pixel{i}": np.arange(256) for i in range(784)} | {"label": np.arange(256) % 10})
    pq.write_table(table, tmp_path / "wide.parquet")
    columns = describe_table(tmp_path / "wide.parquet")
    assert columns[0].values is None
    assert columns[-1].values == list(range(10))
    assert sum(len(column.model_dump_json()) for column in columns) < 1_000_000
    assert columns[-1].top_values is None, "less is kept of each of very many columns"


def test_a_name_with_a_dot_is_a_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "a.b": [2], "a.b.c": [3]}), tmp_path / "t.parquet")
    assert [(one.name, one.max) for one in describe_table(tmp_path / "t.parquet")] == [
        ("a", 1),
        ("a.b", 2),
        ("a.b.c", 3),
    ]


@given(st.lists(st.floats(-1e6, 1e6) | st.integers(-3, 3).map(float), min_size=1), st.integers(1, 5))
def test_bins_hold_what_numpy_puts_into_them(values: list[float], cached: int) -> None:
    for kind in (np.float64, np.int64):
        some = np.array(values).astype(kind)
        found = edges(float(some.min()), float(some.max()), whole=kind is np.int64)
        assert found is not None or kind is np.float64
        if found is not None:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(figures, "_CACHED", cached)
                assert bin_heights(some, found).tolist() == np.histogram(some, found)[0].tolist()
