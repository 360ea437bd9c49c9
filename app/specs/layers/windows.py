"""The arithmetic of sliding windows, for convolution and pooling alike, in this one place.

Source: PyTorch's documentation of Conv2d and MaxPool2d; "same" as TensorFlow has it: the output is ceil(in / stride)
and what padding is odd goes to the end.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError, option
from app.specs.layers.base import written

Positive = Annotated[int, Field(ge=1, le=10_000), option("a whole number")]
NotNegative = Annotated[int, Field(ge=0, le=10_000), option("a whole number")]
PositiveTriple = Annotated[tuple[Positive, Positive, Positive], option("three of them")]
NotNegativeTriple = Annotated[tuple[NotNegative, NotNegative, NotNegative], option("three of them")]
PositivePair = Annotated[tuple[Positive, Positive], option("a pair of them")]
NotNegativePair = Annotated[tuple[NotNegative, NotNegative], option("a pair of them")]
Word = Annotated[Literal["same", "valid"], option("one of the words same and valid")]

MEANING = {
    1: "a series (channels×length)",
    2: "an image (channels×height×width)",
    3: "a volume (channels×depth×height×width)",
}  # of an input, by its number of axes beside the channels

Padding = int | tuple[int, ...] | Literal["same", "valid"]


def each(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    """One number for each axis."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """How many zeros before and after make the output ceil(size / stride)."""
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def output_sizes(
    sizes: Shape,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Padding,
    dilation: Sequence[int],
    *,
    ceil: bool = False,
) -> Shape:
    """Where a window of `kernel` can stand, along each axis. Raises ShapeError when it fits nowhere."""
    if padding == "same":
        return tuple(-(-size // step) for size, step in zip(sizes, stride, strict=True))
    pads = each(0 if padding == "valid" else padding, len(sizes))
    found = []
    for size, k, s, p, d in zip(sizes, kernel, stride, pads, dilation, strict=True):
        steps = _steps(size + 2 * p - d * (k - 1) - 1, s, size + p, ceil=ceil)
        if steps < 1:
            raise ShapeError(f"kernel {_brief(kernel)} does not fit input {written(sizes)}", "kernel_size")
        found.append(steps)
    return tuple(found)


def _steps(room: int, stride: int, end: int, *, ceil: bool) -> int:
    steps = (-(-room // stride) if ceil else room // stride) + 1
    # torch lets no window of a rounded-up pooling begin in the padding after the input
    return steps - 1 if ceil and (steps - 1) * stride >= end else steps


def _brief(kernel: Sequence[int]) -> str:
    return str(kernel[0]) if len(set(kernel)) == 1 else written(tuple(kernel))
