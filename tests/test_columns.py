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
