"""Convolutions backwards: from a small image to a large one."""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Recipe, Weighted, documented, need_axes, written
from app.specs.layers.windows import (
    MEANING,
    NotNegative,
    NotNegativePair,
    NotNegativeTriple,
    Positive,
    PositivePair,
    PositiveTriple,
    each,
)


class _ConvTranspose(Weighted):
    """What they share: each point of the input is spread over a window of the output, and windows add up.

    Shapes: Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285, chapter 4.
    """

    out_channels: int = Field(ge=1, le=100_000)
    """how many channels come out"""
    groups: int = Field(default=1, ge=1)
    """channels are split into this many groups that do not see one another"""
    bias: bool = True
    """whether a number is added to each channel"""

    group: ClassVar[str] = "convolution"
    axes: ClassVar[int]

    def _geometry(self) -> dict[str, tuple[int, ...]]:
        names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        return {name: each(getattr(self, name), self.axes) for name in names}

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, self.axes + 1, MEANING[self.axes])
        for value, field in ((shape[0], "groups"), (self.out_channels, "out_channels")):
            if value % self.groups:
                raise ShapeError(f"{self.groups} groups do not divide {value} channels evenly", field)
        sizes = []
        for size, k, s, p, extra, d in zip(shape[1:], *self._geometry().values(), strict=True):
            if extra >= max(s, d):
                raise ShapeError(f"output_padding {extra} is not below stride or dilation", "output_padding")
            sizes.append((size - 1) * s - 2 * p + d * (k - 1) + extra + 1)
        if min(sizes) < 1:
            raise ShapeError(f"padding takes away all that comes of {written(shape[1:])}", "padding")
        return (self.out_channels, *sizes)

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], self.out_channels // self.groups, *self._geometry()["kernel_size"])

    def num_parameters(self, *inputs: Shape) -> int:
        return prod(self.weight_shape(*inputs)) + self.bias * self.out_channels

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return prod(self.weight_shape(*inputs)) * prod(inputs[0][1:])

    def recipe(self, *inputs: Shape) -> Recipe:
        channels = {"in_channels": inputs[0][0], "out_channels": self.out_channels}
        kwargs = channels | self._geometry() | {"groups": self.groups, "bias": self.bias}
        return Recipe(f"torch.nn.ConvTranspose{self.axes}d", kwargs)


class ConvTranspose1d(_ConvTranspose):
    """A convolution backwards: makes a series longer, with learned filters."""

    type: Literal["conv_transpose1d"] = "conv_transpose1d"
    also_called: ClassVar[tuple[str, ...]] = ("deconvolution1d", "conv1d_transpose")
    kernel_size: Positive
    """how many points each one is spread over"""
    stride: Positive = 1
    """how much longer the series becomes"""
    padding: NotNegative = 0
    """points that are cut off at the ends"""
    output_padding: NotNegative = 0
    """points that are added at the end"""
    dilation: Positive = 1
    """the distance between the points that one is spread over"""

    axes: ClassVar[int] = 1
    source: ClassVar[str] = documented("ConvTranspose1d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 3, "kernel_size": 4, "stride": 2, "padding": 1}, ((6, 5),)),
        Example({"out_channels": 4, "kernel_size": 3, "groups": 2, "dilation": 2, "bias": False}, ((6, 5),)),
    )


class ConvTranspose2d(_ConvTranspose):
    """A convolution backwards: makes an image larger, with learned filters, as U-shaped networks do on the way up."""

    type: Literal["conv_transpose2d"] = "conv_transpose2d"
    also_called: ClassVar[tuple[str, ...]] = ("deconvolution", "deconvolution2d", "conv2d_transpose")
    kernel_size: Positive | PositivePair
    """the side of the patch that each point is spread over, or height and width"""
    stride: Positive | PositivePair = 1
    """how much larger the image becomes"""
    padding: NotNegative | NotNegativePair = 0
    """points that are cut off around the image"""
    output_padding: NotNegative | NotNegativePair = 0
    """points that are added at the right and below"""
    dilation: Positive | PositivePair = 1
    """the distance between the points that one is spread over"""

    axes: ClassVar[int] = 2
    source: ClassVar[str] = documented("ConvTranspose2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 3, "kernel_size": 2, "stride": 2}, ((6, 5, 4),)),
        Example(
            {"out_channels": 4, "kernel_size": (3, 2), "stride": 2, "padding": (1, 0), "output_padding": 1},
            ((2, 5, 4),),
        ),
    )


class ConvTranspose3d(_ConvTranspose):
    """A convolution backwards: makes a volume larger, with learned filters."""

    type: Literal["conv_transpose3d"] = "conv_transpose3d"
    also_called: ClassVar[tuple[str, ...]] = ("deconvolution3d", "conv3d_transpose")
    kernel_size: Positive | PositiveTriple
    """the side of the block that each point is spread over, or depth, height and width"""
    stride: Positive | PositiveTriple = 1
    """how much larger the volume becomes"""
    padding: NotNegative | NotNegativeTriple = 0
    """points that are cut off around the volume"""
    output_padding: NotNegative | NotNegativeTriple = 0
    """points that are added at the far ends"""
    dilation: Positive | PositiveTriple = 1
    """the distance between the points that one is spread over"""

    axes: ClassVar[int] = 3
    source: ClassVar[str] = documented("ConvTranspose3d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 3, "kernel_size": 2, "stride": 2}, ((4, 3, 4, 5),)),
    )
