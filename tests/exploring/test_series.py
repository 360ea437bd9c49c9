"""Numbers along time: buckets hold what a naive loop finds, and every spike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import Unprocessable
from app.exploring import series, table
from app.exploring.asking import lines_asked
from app.exploring.schemas import SeriesOut
from app.exploring.series import bounded, trace
from tests.exploring.conftest import Stored

Store = Callable[..., Stored]
N = 500


def traced(
    stored: Stored,
    names: list[str],
    along: str | None = None,
    by: str | None = None,
    window: tuple[float | None, float | None] = (None, None),
    num_buckets: int = 20,
) -> SeriesOut:
    path, known = stored
    return trace(path, lines_asked(known, N, names, along, by, *window, num_buckets))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.none() | st.floats(-100, 100) | st.just(float("inf")), min_size=1, max_size=80),
    num_buckets=st.integers(1, 30),
    at_once=st.integers(1, 40),
)
def test_buckets_hold_what_a_loop_finds(
    store: Store, values: list[float | None], num_buckets: int, at_once: int
) -> None:
    path, known = store({"x": pa.array(values, pa.float64()), "y": np.arange(len(values), dtype=float)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "_ROWS_AT_ONCE", at_once)
        found = trace(path, lines_asked(known, len(values), ["y", "x"], None, None, None, None, num_buckets))
    width = max(1, len(values) - 1)
    expected: dict[int, list[tuple[int, float]]] = {}
    for row, value in enumerate(values):
        if value is not None and np.isfinite(value):
            expected.setdefault(min(num_buckets - 1, int(row / width * num_buckets)), []).append((row, value))
    line = found.lines[1]
    kept = [expected[bucket] for bucket in sorted(expected)]
    assert line.low == [min(value for _, value in one) for one in kept]
    assert line.high == [max(value for _, value in one) for one in kept]
    assert line.count == [len(one) for one in kept]
    assert line.mean == pytest.approx([sum(value for _, value in one) / len(one) for one in kept])
    assert line.x == pytest.approx([sum(row for row, _ in one) / len(one) for one in kept])


def table_of_days() -> dict[str, Any]:
    days = np.datetime64("2024-01-01", "us") + np.arange(N) * np.timedelta64(86_400_000_000, "us")
    values = np.sin(np.arange(N) / 9)
    values[321] = 50.0
    order = np.random.default_rng(0).permutation(N)  # rows need not stand in order
    shops = np.array([f"shop {i % 11}" for i in range(N)])
    return {"day": days[order], "sold": values[order], "shop": shops[order], "number": np.arange(N)[order]}


def test_a_spike_is_seen_however_few_buckets_there_are(store: Store) -> None:
    found = traced(store(table_of_days()), ["sold"], "day", num_buckets=10)
    assert (found.is_time, found.num_buckets, found.num_rows, found.num_without_place) == (True, 10, N, 0)
    (line,) = found.lines
    assert max(line.high) == 50.0 and sum(line.count) == N
    start = 1704067200.0
    assert (found.start, found.end) == (start, start + (N - 1) * 86_400)
    assert line.x == sorted(line.x)


def test_a_window_shows_its_rows_alone(store: Store) -> None:
    found = traced(store(table_of_days()), ["sold", "number"], "number", window=(100.0, 119.0))
    assert [one.column for one in found.lines] == ["sold", "number"]
    assert found.lines[1].low == found.lines[1].high == found.lines[1].x == list(range(100, 120))
    assert found.num_rows == 20


def test_the_eight_commonest_values_have_a_line_each(store: Store) -> None:
    stored = store(table_of_days())
    found = traced(stored, ["sold"], "day", "shop")
    assert [one.group for one in found.lines] == [f"shop {i}" for i in (0, 1, 2, 3, 4, 10, 5, 6)]
    assert found.num_other_groups == 3
    assert sum(found.lines[0].count) == 46
    plain = {name: column.model_copy(update={"top_values": None}) for name, column in stored[1].items()}
    assert traced((stored[0], plain), ["sold"], "day", "shop").lines == found.lines, "counted where it is not known"


def test_rows_without_a_place_are_counted_and_left_out(store: Store) -> None:
    found = traced(store({"x": [1.0, 2.0, 3.0], "t": [0.0, None, 5.0]}), ["x"], "t")
    assert (found.num_rows, found.num_without_place) == (2, 1)
    assert found.lines[0].high == [1.0, 3.0]


def test_rows_at_one_place_are_one_bucket(store: Store) -> None:
    found = traced(store({"x": [1.0, 2.0, 3.0], "t": [7, 7, 7]}), ["x"], "t")
    assert (found.lines[0].low, found.lines[0].high, found.lines[0].count) == ([1.0], [3.0], [3])


def test_many_lines_have_fewer_buckets_each() -> None:
    assert bounded(800, 1) == 800
    assert bounded(9_000, 1) == series.MAX_BUCKETS
    assert 64 * bounded(2_000, 64) <= series.MAX_POINTS
    assert bounded(800, 100_000) == 1


@pytest.mark.parametrize(
    ("names", "along", "by", "window", "place"),
    [
        (["size"], None, None, (None, None), "column"),
        (["shop"], None, None, (None, None), "column"),
        (["sold"], "when", None, (None, None), "along"),
        (["sold"], "shop", None, (None, None), "along"),
        (["sold"], "day", "sold", (None, None), "by"),
        (["sold"], "number", None, (9.0, 3.0), "from"),
    ],
)
def test_what_cannot_be_drawn_is_told_with_its_place(
    store: Store, names: list[str], along: str | None, by: str | None, window: Any, place: str
) -> None:
    with pytest.raises(Unprocessable) as caught:
        traced(store(table_of_days()), names, along, by, window)
    assert [one.loc for one in caught.value.errors] == [["query", place]]
