"""Points survive their columnar form exactly."""

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app import columns
from app.columns import Points

values = st.one_of(
    hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(width=64)),
    hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32)).map(lambda a: a.astype(np.float64)),
)


@given(st.lists(values, max_size=4), st.data())
def test_a_batch_comes_back_bit_for_bit(arrays: list[np.ndarray], data: st.DataObject) -> None:
    batch = [
        Points.of(f"s/{i}", data.draw(hnp.arrays(np.int64, len(array), elements=st.integers(0, 2**40))), array)
        for i, array in enumerate(arrays)
    ]
    back = columns.decode(columns.encode(batch))
    assert [points.name for points in back] == [points.name for points in batch]
    for one, other in zip(batch, back, strict=True):
        np.testing.assert_array_equal(one.steps, other.steps)
        np.testing.assert_array_equal(one.values, other.values)


def test_even_steps_and_float32_values_take_four_bytes_a_point() -> None:
    losses = np.random.default_rng(0).random(10_000).astype(np.float32)
    assert len(columns.encode([Points.of("train/loss", np.arange(10_000), losses)])) < 4 * 10_000 + 200


def test_non_finite_values_are_spelled_out_for_json() -> None:
    spelled = columns.spell(np.array([1.5, math.nan, math.inf, -math.inf]))
    assert json.loads(json.dumps(spelled, allow_nan=False)) == [1.5, "NaN", "Infinity", "-Infinity"]
    np.testing.assert_array_equal(columns.unspell(spelled), [1.5, math.nan, math.inf, -math.inf])


def test_times_come_back_bit_for_bit_and_are_kept_once_for_series_that_share_them() -> None:
    times = 1_795_000_000.123456 + np.random.default_rng(0).random(1000).cumsum()
    steps = np.arange(1000)
    one, two = (Points.of(name, steps, np.zeros(1000), times) for name in ("a", "b"))
    other, untimed = Points.of("c", steps, np.zeros(1000), times + 1), Points.of("d", steps, np.ones(1000))
    encoded = columns.encode([one, untimed, two, other])
    assert len(encoded) < 4 * 4 * 1000 + 2 * 8 * 1000 + 400
    back = columns.decode(encoded)
    for points, expected in zip(back, (times, None, times, times + 1), strict=True):
        np.testing.assert_array_equal(points.times, expected)
    np.testing.assert_array_equal(back[2].values, 0)
    np.testing.assert_array_equal(back[1].values, 1)
