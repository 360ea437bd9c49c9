"""Layers that make images and series larger, or trade channels for size."""

from math import prod
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, documented, need_axes, written
from app.specs.layers.pooling import MaxPool1d, MaxPool2d, MaxPool3d
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

_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # of the modes that are for some number of them


class Upsample(Layer):
    """Makes a series, an image or a volume larger, without anything to learn."""

    type: Literal["upsample"] = "upsample"
    also_called: ClassVar[tuple[str, ...]] = ("up_sampling2d", "up_sampling1d", "interpolate", "resize")
    size: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=3)] | None = None
    """the size that comes out, whatever scale_factor says; by scale_factor if empty"""
    scale_factor: int = Field(default=2, ge=1, le=1000)
    """how many times larger each side becomes"""
    mode: Literal["nearest", "linear", "bilinear", "bicubic", "trilinear"] = "nearest"
    """points repeated, or in between: linear for series, bilinear and bicubic for images, trilinear for volumes"""
    align_corners: bool = False
    """whether the corners' middles stay in place, rather than their outer edges"""

    group: ClassVar[str] = "resizing"
    source: ClassVar[str] = documented("Upsample")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"scale_factor": 2}, ((3, 4, 5),)),
        Example({"size": (7, 9), "mode": "bilinear", "align_corners": True}, ((3, 4, 5),)),
        Example({"scale_factor": 3, "mode": "linear"}, ((3, 4),)),
        Example({"scale_factor": 2, "mode": "trilinear"}, ((3, 2, 3, 2),)),
    )

    @model_validator(mode="after")
    def _fits_the_mode(self) -> Self:
        if self.align_corners and self.mode == "nearest":
            raise ValueError("align_corners is for modes that look between points; nearest repeats them")
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        axes = _AXES.get(self.mode)
        if axes is not None:
            need_axes(shape, axes + 1, MEANING[axes])
        elif not 2 <= len(shape) <= 4:
            raise ShapeError(f"needs a series, an image or a volume, but gets {written(shape)}")
        if self.size is None:
            return (shape[0], *[side * self.scale_factor for side in shape[1:]])
        if len(self.size) != len(shape) - 1:
            raise ShapeError(f"size names {len(self.size)} sides of {written(shape[1:])}", "size")
        return (shape[0], *self.size)

    def recipe(self, *inputs: Shape) -> Recipe:
        # By size in either case: a factor would be a float on the way, and sizes of an exported graph then rounded.
        corners = None if self.mode == "nearest" else self.align_corners
        return Recipe(
            "torch.nn.Upsample", {"size": self.output_shape(*inputs)[1:], "mode": self.mode, "align_corners": corners}
        )


class PixelShuffle(Layer):
    """Channels become pixels: factor² channels one of an image factor times as large (Shi et al., 2016)."""

    type: Literal["pixel_shuffle"] = "pixel_shuffle"
    also_called: ClassVar[tuple[str, ...]] = ("depth_to_space", "subpixel")
    upscale_factor: int = Field(ge=1, le=1000)
    """how many times larger height and width become"""

    group: ClassVar[str] = "resizing"
    source: ClassVar[str] = documented("PixelShuffle")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"upscale_factor": 2}, ((8, 3, 4),)),
        Example({"upscale_factor": 1}, ((3, 3, 4),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, 3, MEANING[2])
        square = self.upscale_factor**2
        if shape[0] % square:
            raise ShapeError(f"{shape[0]} channels are not a multiple of {square}", "upscale_factor")
        return (shape[0] // square, *[side * self.upscale_factor for side in shape[1:]])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.PixelShuffle", self.own_fields())


class PixelUnshuffle(Layer):
    """Pixels become channels: smaller, and nothing is lost."""

    type: Literal["pixel_unshuffle"] = "pixel_unshuffle"
    also_called: ClassVar[tuple[str, ...]] = ("space_to_depth",)
    downscale_factor: int = Field(ge=1, le=1000)
    """how many times smaller height and width become"""

    group: ClassVar[str] = "resizing"
    source: ClassVar[str] = documented("PixelUnshuffle")
    examples: ClassVar[tuple[Example, ...]] = (Example({"downscale_factor": 2}, ((2, 4, 6),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, 3, MEANING[2])
        if any(side % self.downscale_factor for side in shape[1:]):
            message = f"{self.downscale_factor} does not divide {written(shape[1:])}"
            raise ShapeError(message, "downscale_factor")
        return (shape[0] * self.downscale_factor**2, *[side // self.downscale_factor for side in shape[1:]])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.PixelUnshuffle", self.own_fields())


class ChannelShuffle(Layer):
    """Channels of different groups side by side, so that grouped convolutions see one another (Zhang et al., 2017)."""

    type: Literal["channel_shuffle"] = "channel_shuffle"
    groups: int = Field(ge=1, le=100_000)
    """into how many groups the channels are divided"""

    group: ClassVar[str] = "resizing"
    source: ClassVar[str] = documented("ChannelShuffle")
    examples: ClassVar[tuple[Example, ...]] = (Example({"groups": 2}, ((6, 3, 4),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, 3, MEANING[2])
        if shape[0] % self.groups:
            raise ShapeError(f"{self.groups} groups do not divide {shape[0]} channels evenly", "groups")
        return shape

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.ChannelShuffle", self.own_fields())


class _MaxUnpool(Layer):
    """The way back of a max pooling: each number where the greatest was found, and 0 elsewhere.

    Takes what it spreads, and what the pooling was given, from which the places are found again (Zeiler, Fergus, 2013).
    """

    group: ClassVar[str] = "resizing"
    keeps_inputs: ClassVar[bool] = True
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    axes: ClassVar[int]

    def _pool(self) -> Layer:
        cls: type[Layer] = {1: MaxPool1d, 2: MaxPool2d, 3: MaxPool3d}[self.axes]
        return cls.model_construct(**self.own_fields())

    def output_shape(self, *inputs: Shape) -> Shape:
        given, before = inputs
        pooled = self._pool().output_shape(before)
        if given != pooled:
            message = f"of {written(before)} a pooling makes {written(pooled)}, but {written(given)} is to be spread"
            raise ShapeError(message, "inputs")
        return before

    def num_kept(self, *inputs: Shape) -> int:
        return 2 * prod(inputs[0])  # places, of eight bytes

    def recipe(self, *inputs: Shape) -> Recipe:
        values = self.own_fields()
        stride = values["kernel_size"] if values["stride"] is None else values["stride"]
        sizes = {"kernel_size": values["kernel_size"], "stride": stride, "padding": values["padding"]}
        return Recipe("worker.nn.shape.MaxUnpool", {name: each(value, self.axes) for name, value in sizes.items()})


class MaxUnpool1d(_MaxUnpool):
    """A max_pool1d backwards: takes a series, and the one that was pooled; each number goes where the greatest was."""

    type: Literal["max_unpool1d"] = "max_unpool1d"
    kernel_size: Positive
    """the pooling's"""
    stride: Positive | None = None
    """the pooling's; the kernel's size if empty"""
    padding: NotNegative = 0
    """the pooling's"""
    axes: ClassVar[int] = 1
    source: ClassVar[str] = documented("MaxUnpool1d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"kernel_size": 2}, ((3, 4), (3, 9))),)


class MaxUnpool2d(_MaxUnpool):
    """A max_pool2d backwards: takes an image, and the one that was pooled; each number goes where the greatest was."""

    type: Literal["max_unpool2d"] = "max_unpool2d"
    also_called: ClassVar[tuple[str, ...]] = ("unpooling",)
    kernel_size: Positive | PositivePair
    """the pooling's"""
    stride: Positive | PositivePair | None = None
    """the pooling's; the kernel's size if empty"""
    padding: NotNegative | NotNegativePair = 0
    """the pooling's"""
    axes: ClassVar[int] = 2
    source: ClassVar[str] = documented("MaxUnpool2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, ((3, 4, 3), (3, 8, 7))),
        Example({"kernel_size": 3, "stride": 2, "padding": 1}, ((2, 4, 4), (2, 8, 7))),
    )


class MaxUnpool3d(_MaxUnpool):
    """A max_pool3d backwards: takes a volume, and the one that was pooled; each number goes where the greatest was."""

    type: Literal["max_unpool3d"] = "max_unpool3d"
    kernel_size: Positive | PositiveTriple
    """the pooling's"""
    stride: Positive | PositiveTriple | None = None
    """the pooling's; the kernel's size if empty"""
    padding: NotNegative | NotNegativeTriple = 0
    """the pooling's"""
    axes: ClassVar[int] = 3
    source: ClassVar[str] = documented("MaxUnpool3d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"kernel_size": 2}, ((2, 2, 3, 2), (2, 4, 6, 5))),)
