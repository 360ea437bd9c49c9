"""Pooling to a size that is asked for, or to one number a channel, or along one axis."""

from math import prod
from typing import ClassVar, Literal

from app.specs.base import Shape
from app.specs.layers.base import Example, Layer, Recipe, axis_at, documented, need_axes
from app.specs.layers.windows import MEANING, Positive, PositivePair, PositiveTriple, each

_EXPORTED = frozenset({"AdaptiveAvgPool1d", "AdaptiveAvgPool2d"})  # ONNX has them as torch has


class _Adaptive(Layer):
    """What they share. Windows divide the input as evenly as can be, and may overlap by a point."""

    group: ClassVar[str] = "pooling"
    keeps_inputs: ClassVar[bool] = True
    axes: ClassVar[int]
    module: ClassVar[str]

    def _sizes(self) -> tuple[int, ...]:
        value: int | tuple[int, ...] = self.own_fields()["output_size"]
        return each(value, self.axes)

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, self.axes + 1, MEANING[self.axes])
        return (shape[0], *self._sizes())

    def num_kept(self, *inputs: Shape) -> int:
        return 2 * prod(self.output_shape(*inputs)) if "Max" in self.module else 0  # a place is of eight bytes

    def recipe(self, *inputs: Shape) -> Recipe:
        place = "torch.nn" if self.module in _EXPORTED else "worker.nn.pooling"
        return Recipe(f"{place}.{self.module}", {"output_size": self._sizes()})


class AdaptiveAvgPool1d(_Adaptive):
    """The mean of few points, as many as asked for, whatever the series' size."""

    type: Literal["adaptive_avg_pool1d"] = "adaptive_avg_pool1d"
    output_size: Positive = 1
    """the length that comes out"""

    axes: ClassVar[int] = 1
    module: ClassVar[str] = "AdaptiveAvgPool1d"
    source: ClassVar[str] = documented("AdaptiveAvgPool1d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"output_size": 3}, ((8, 7),)),)


class AdaptiveAvgPool2d(_Adaptive):
    """The mean of patches, as many as asked for, whatever the image's size."""

    type: Literal["adaptive_avg_pool2d"] = "adaptive_avg_pool2d"
    output_size: Positive | PositivePair = 1
    """height and width that come out"""

    axes: ClassVar[int] = 2
    module: ClassVar[str] = "AdaptiveAvgPool2d"
    source: ClassVar[str] = documented("AdaptiveAvgPool2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((8, 7, 7),)),
        Example({"output_size": (2, 4)}, ((8, 7, 9),)),
    )


class AdaptiveAvgPool3d(_Adaptive):
    """The mean of blocks, as many as asked for, whatever the volume's size."""

    type: Literal["adaptive_avg_pool3d"] = "adaptive_avg_pool3d"
    output_size: Positive | PositiveTriple = 1
    """depth, height and width that come out"""

    axes: ClassVar[int] = 3
    module: ClassVar[str] = "AdaptiveAvgPool3d"
    source: ClassVar[str] = documented("AdaptiveAvgPool3d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"output_size": (2, 1, 3)}, ((4, 5, 6, 7),)),)


class AdaptiveMaxPool1d(_Adaptive):
    """The greatest of few points, as many as asked for, whatever the series' size."""

    type: Literal["adaptive_max_pool1d"] = "adaptive_max_pool1d"
    output_size: Positive = 1
    """the length that comes out"""

    axes: ClassVar[int] = 1
    module: ClassVar[str] = "AdaptiveMaxPool1d"
    source: ClassVar[str] = documented("AdaptiveMaxPool1d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"output_size": 3}, ((8, 7),)),)


class AdaptiveMaxPool2d(_Adaptive):
    """The greatest of patches, as many as asked for, whatever the image's size."""

    type: Literal["adaptive_max_pool2d"] = "adaptive_max_pool2d"
    output_size: Positive | PositivePair = 1
    """height and width that come out"""

    axes: ClassVar[int] = 2
    module: ClassVar[str] = "AdaptiveMaxPool2d"
    source: ClassVar[str] = documented("AdaptiveMaxPool2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((8, 7, 7),)),
        Example({"output_size": (2, 4)}, ((8, 7, 9),)),
    )


class AdaptiveMaxPool3d(_Adaptive):
    """The greatest of blocks, as many as asked for, whatever the volume's size."""

    type: Literal["adaptive_max_pool3d"] = "adaptive_max_pool3d"
    output_size: Positive | PositiveTriple = 1
    """depth, height and width that come out"""

    axes: ClassVar[int] = 3
    module: ClassVar[str] = "AdaptiveMaxPool3d"
    source: ClassVar[str] = documented("AdaptiveMaxPool3d")
    examples: ClassVar[tuple[Example, ...]] = (Example({"output_size": (2, 1, 3)}, ((4, 5, 6, 7),)),)


class _Global(Layer):
    """What they share: channels×anything becomes one number a channel."""

    group: ClassVar[str] = "pooling"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((8, 7, 9),)), Example({}, ((4, 5),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) < 2:
            need_axes(inputs[0], 2, "channels with several numbers each")
        return (inputs[0][0],)


class GlobalAvgPool(_Global):
    """The mean of each channel: what is in an image, not where (Lin et al., 2013)."""

    type: Literal["global_avg_pool"] = "global_avg_pool"
    also_called: ClassVar[tuple[str, ...]] = ("global_average_pooling2d", "global_average_pooling1d")
    source: ClassVar[str] = "https://arxiv.org/abs/1312.4400"

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.GlobalAvgPool")


class GlobalMaxPool(_Global):
    """The greatest number of each channel: whether something is anywhere in an image."""

    type: Literal["global_max_pool"] = "global_max_pool"
    also_called: ClassVar[tuple[str, ...]] = ("global_max_pooling2d", "global_max_pooling1d")
    keeps_inputs: ClassVar[bool] = True
    keeps_output: ClassVar[bool] = True
    source: ClassVar[str] = "https://keras.io/api/layers/pooling_layers/global_max_pooling2d/"

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.GlobalMaxPool")


class Mean(Layer):
    """The mean along an axis: of a sequence (length×features) along axis 1, what its steps have in common."""

    type: Literal["mean"] = "mean"
    dim: int = 1
    """the axis, counted with the batch as 0"""

    group: ClassVar[str] = "pooling"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.mean.html"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5, 4),)), Example({"dim": -1}, ((5, 4, 3),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) < 2:
            need_axes(shape, 2, "an axis beside the one that goes")
        at = axis_at(shape, self.dim)
        return (*shape[:at], *shape[at + 1 :])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Mean", {"dim": self.dim})
