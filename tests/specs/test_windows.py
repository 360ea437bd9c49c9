"""The arithmetic of windows, against counting them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.specs.base import ShapeError
from app.specs.layers.windows import output_sizes, same_padding

small = st.integers(1, 7)
quick = settings(max_examples=200, deadline=None, derandomize=True)


def count(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """In how many places a window can stand, counted."""
    reach = dilation * (kernel - 1)
    return sum(1 for start in range(-padding, size + padding, stride) if start + reach < size + padding)


@quick
@given(st.integers(1, 30), small, small, st.integers(0, 4), st.integers(1, 3))
def test_a_window_stands_where_it_can_be_counted(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    counted = count(size, kernel, stride, padding, dilation)
    if counted:
        assert output_sizes((size,), [kernel], [stride], padding, [dilation]) == (counted,)
    else:
        with pytest.raises(ShapeError, match=f"kernel {kernel} does not fit input {size}"):
            output_sizes((size,), [kernel], [stride], padding, [dilation])


@quick
@given(st.integers(1, 30), small, small, st.integers(1, 3))
def test_same_padding_is_the_least_that_makes_the_output_input_by_stride(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = same_padding(size, kernel, stride, dilation)
    wanted = -(-size // stride)
    assert output_sizes((size,), [kernel], [stride], "same", [dilation]) == (wanted,)
    assert after - before in (0, 1)
    fits = [total for total in range(200) if count(size + total, kernel, stride, 0, dilation) == wanted]
    assert before + after in fits and (before + after == 0 or before + after == fits[0])


def test_a_message_says_the_sizes() -> None:
    with pytest.raises(ShapeError) as caught:
        output_sizes((4, 9), (6, 3), (1, 1), 0, (1, 1))
    assert str(caught.value) == "kernel 6×3 does not fit input 4×9"
    assert caught.value.field == "kernel_size"
