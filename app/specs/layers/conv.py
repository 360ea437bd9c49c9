"""Convolutions."""

from math import prod
from typing import Any, ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Recipe, Weighted, documented, need_axes
from app.specs.layers.windows import (
    MEANING,
    NotNegative,
    NotNegativePair,
    NotNegativeTriple,
    Padding,
    Positive,
    PositivePair,
    PositiveTriple,
    Word,
    each,
    output_sizes,
)


class _Conv(Weighted):
    """What convolutions of every number of axes share."""

    out_channels: int = Field(ge=1, le=100_000)
    """how many filters, and so channels that come out"""
    dilation: Any = 1
    groups: int = Field(default=1, ge=1)
    """channels are split into this many groups that do not see one another"""
    bias: bool = True
    """whether a number is added to each channel"""

    group: ClassVar[str] = "convolution"
    axes: ClassVar[int]

    def _geometry(self) -> tuple[tuple[int, ...], tuple[int, ...], Padding, tuple[int, ...]]:
        values: Any = self
        return (
            each(values.kernel_size, self.axes),
            each(values.stride, self.axes),
            values.padding,
            each(values.dilation, self.axes),
        )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, self.axes + 1, MEANING[self.axes])
        for value, field in ((shape[0], "groups"), (self.out_channels, "out_channels")):
            if value % self.groups:
                raise ShapeError(f"{self.groups} groups do not divide {value} channels evenly", field)
        kernel, stride, padding, dilation = self._geometry()
        return (self.out_channels, *output_sizes(shape[1:], kernel, stride, padding, dilation))

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.out_channels, inputs[0][0] // self.groups, *self._geometry()[0])

    def num_parameters(self, *inputs: Shape) -> int:
        return prod(self.weight_shape(*inputs)) + self.bias * self.out_channels

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return prod(self.weight_shape(*inputs)) * prod(self.output_shape(*inputs)[1:])

    def recipe(self, *inputs: Shape) -> Recipe:
        kernel, stride, padding, dilation = self._geometry()
        kwargs: dict[str, Any] = {
            "in_channels": inputs[0][0],
            "out_channels": self.out_channels,
            "kernel_size": kernel,
            "stride": stride,
            "dilation": dilation,
            "groups": self.groups,
            "bias": self.bias,
        }
        if padding == "same":
            return Recipe(f"worker.nn.modules.SameConv{self.axes}d", kwargs | {"sizes": inputs[0][1:]})
        kwargs["padding"] = each(0 if padding == "valid" else padding, self.axes)
        return Recipe(f"torch.nn.Conv{self.axes}d", kwargs)


class Conv1d(_Conv):
    """Filters that slide along a series: each looks at a few neighbouring points of every channel."""

    type: Literal["conv1d"] = "conv1d"
    also_called: ClassVar[tuple[str, ...]] = ("convolution1d",)
    kernel_size: Positive
    """how many points a filter sees"""
    stride: Positive = 1
    """how far a filter moves at a time"""
    padding: NotNegative | Word = 0
    """zeros at the ends; "same" makes the output input/stride long"""
    dilation: Positive = 1
    """the distance between the points that a filter sees"""

    axes: ClassVar[int] = 1
    source: ClassVar[str] = documented("Conv1d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 4, "kernel_size": 3}, ((2, 10),)),
        Example({"out_channels": 4, "kernel_size": 4, "stride": 3, "padding": "same"}, ((2, 10),)),
        Example({"out_channels": 6, "kernel_size": 3, "padding": 2, "dilation": 2, "groups": 2}, ((4, 16),)),
    )


class Conv2d(_Conv):
    """Filters that slide over an image: each looks at a small patch of every channel."""

    type: Literal["conv2d"] = "conv2d"
    also_called: ClassVar[tuple[str, ...]] = ("convolution2d", "convolution")
    kernel_size: Positive | PositivePair
    """the side of the patch that a filter sees, or height and width"""
    stride: Positive | PositivePair = 1
    """how far a filter moves at a time"""
    padding: NotNegative | NotNegativePair | Word = 0
    """zeros around the image; "same" makes the output input/stride large"""
    dilation: Positive | PositivePair = 1
    """the distance between the points that a filter sees"""

    axes: ClassVar[int] = 2
    source: ClassVar[str] = documented("Conv2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 6, "kernel_size": 6, "padding": "same"}, ((1, 28, 28),)),
        Example({"out_channels": 12, "kernel_size": 5, "stride": 2, "padding": "same"}, ((6, 28, 28),)),
        Example({"out_channels": 8, "kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}, ((3, 9, 7),)),
        Example({"out_channels": 4, "kernel_size": 3, "groups": 2, "dilation": 2, "bias": False}, ((2, 9, 9),)),
    )


class Conv3d(_Conv):
    """Filters that slide through a volume: each looks at a small block of every channel."""

    type: Literal["conv3d"] = "conv3d"
    also_called: ClassVar[tuple[str, ...]] = ("convolution3d",)
    kernel_size: Positive | PositiveTriple
    """the side of the block that a filter sees, or depth, height and width"""
    stride: Positive | PositiveTriple = 1
    """how far a filter moves at a time"""
    padding: NotNegative | NotNegativeTriple | Word = 0
    """zeros around the volume; "same" makes the output input/stride large"""
    dilation: Positive | PositiveTriple = 1
    """the distance between the points that a filter sees"""

    axes: ClassVar[int] = 3
    source: ClassVar[str] = documented("Conv3d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 4, "kernel_size": 3, "padding": "same"}, ((2, 6, 7, 5),)),
        Example({"out_channels": 4, "kernel_size": (3, 2, 1), "stride": (2, 1, 1), "groups": 2}, ((2, 6, 7, 5),)),
    )


class SeparableConv2d(Weighted):
    """Each channel is filtered for itself, then channels are mixed point by point: a cheap conv2d (Chollet, 2016)."""

    type: Literal["separable_conv2d"] = "separable_conv2d"
    also_called: ClassVar[tuple[str, ...]] = ("depthwise_separable_conv2d", "depthwise_conv2d")
    out_channels: int = Field(ge=1, le=100_000)
    """how many channels come out"""
    kernel_size: Positive | PositivePair
    """the side of the patch that a filter sees, or height and width"""
    stride: Positive | PositivePair = 1
    """how far a filter moves at a time"""
    padding: NotNegative | NotNegativePair | Word = 0
    """zeros around the image; "same" makes the output input/stride large"""
    dilation: Positive | PositivePair = 1
    """the distance between the points that a filter sees"""
    depth_multiplier: int = Field(default=1, ge=1, le=1000)
    """how many filters each channel has for itself"""
    bias: bool = True
    """whether a number is added to each channel that comes out"""

    group: ClassVar[str] = "convolution"
    source: ClassVar[str] = "https://arxiv.org/abs/1610.02357"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_channels": 5, "kernel_size": 3, "padding": "same"}, ((3, 8, 8),)),
        Example({"out_channels": 4, "kernel_size": 3, "stride": 2, "depth_multiplier": 2}, ((3, 9, 8),)),
    )

    def _halves(self, shape: Shape) -> tuple[Conv2d, Conv2d]:
        """The convolution of each channel for itself, and the one that mixes them."""
        need_axes(shape, 3, MEANING[2])
        windows: dict[str, Any] = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        between = shape[0] * self.depth_multiplier
        depthwise = Conv2d.model_construct(
            out_channels=between, kernel_size=self.kernel_size, groups=shape[0], bias=False, **windows
        )
        return depthwise, Conv2d.model_construct(out_channels=self.out_channels, kernel_size=1, bias=self.bias)

    def output_shape(self, *inputs: Shape) -> Shape:
        depthwise, pointwise = self._halves(inputs[0])
        return pointwise.output_shape(depthwise.output_shape(*inputs))

    def num_parameters(self, *inputs: Shape) -> int:
        depthwise, pointwise = self._halves(inputs[0])
        return depthwise.num_parameters(*inputs) + pointwise.num_parameters(depthwise.output_shape(*inputs))

    def num_multiply_adds(self, *inputs: Shape) -> int:
        depthwise, pointwise = self._halves(inputs[0])
        return depthwise.num_multiply_adds(*inputs) + pointwise.num_multiply_adds(depthwise.output_shape(*inputs))

    def num_kept(self, *inputs: Shape) -> int:
        depthwise, _ = self._halves(inputs[0])
        return prod(depthwise.output_shape(*inputs))

    def recipe(self, *inputs: Shape) -> Recipe:
        depthwise, pointwise = self._halves(inputs[0])
        between = depthwise.output_shape(*inputs)
        kwargs = {"depthwise": depthwise.recipe(*inputs), "pointwise": pointwise.recipe(between)}
        return Recipe("worker.nn.composed.SeparableConv2d", kwargs)
