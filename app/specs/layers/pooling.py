"""Layers that make images and series smaller."""

from math import prod
from operator import gt
from typing import Any, ClassVar, Literal

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, documented, need_axes, written
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


class _Pool(Layer):
    """What poolings share. The stride is the kernel's own size where it is not said."""

    ceil_mode: bool = False
    """whether a window that reaches over the end still counts"""

    group: ClassVar[str] = "pooling"
    keeps_inputs: ClassVar[bool] = True
    axes: ClassVar[int]
    module: ClassVar[str]

    def _geometry(self) -> tuple[tuple[int, ...], tuple[int, ...], Padding]:
        values: Any = self
        kernel = each(values.kernel_size, self.axes)
        stride = kernel if values.stride is None else each(values.stride, self.axes)
        return kernel, stride, 0 if values.padding == "valid" else values.padding

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, self.axes + 1, MEANING[self.axes])
        kernel, stride, padding = self._geometry()
        if not isinstance(padding, str) and any(map(_too_much, each(padding, self.axes), kernel)):
            raise ShapeError(f"padding {padding} is more than half the kernel", "padding")
        return (shape[0], *output_sizes(shape[1:], kernel, stride, padding, (1,) * self.axes, ceil=self.ceil_mode))

    def num_kept(self, *inputs: Shape) -> int:
        return 2 * prod(self.output_shape(*inputs)) if "Max" in self.module else 0  # a place is of eight bytes

    def recipe(self, *inputs: Shape) -> Recipe:
        kernel, stride, padding = self._geometry()
        kwargs: dict[str, Any] = {"kernel_size": kernel, "stride": stride}
        if isinstance(padding, str):
            kind = "Max" if "Max" in self.module else "Avg"
            return Recipe(f"worker.nn.modules.Same{kind}Pool", kwargs | {"sizes": inputs[0][1:]})
        return Recipe(self.module, kwargs | {"padding": each(padding, self.axes), "ceil_mode": self.ceil_mode})


class _Pool1d(_Pool):
    kernel_size: Positive
    """how many points become one"""
    stride: Positive | None = None
    """how far the window moves at a time; the kernel's size if empty"""
    padding: NotNegative | Word = 0
    """points added at the ends; "same" makes the output input/stride long"""
    axes: ClassVar[int] = 1
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, ((3, 9),)),
        Example({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, ((3, 10),)),
        Example({"kernel_size": 3, "stride": 2, "padding": "same"}, ((3, 10),)),
    )


class _Pool2d(_Pool):
    kernel_size: Positive | PositivePair
    """the patch that becomes one point"""
    stride: Positive | PositivePair | None = None
    """how far the window moves at a time; the kernel's size if empty"""
    padding: NotNegative | NotNegativePair | Word = 0
    """points added around the image; "same" makes the output input/stride large"""
    axes: ClassVar[int] = 2
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, ((3, 8, 9),)),
        Example({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, ((3, 10, 7),)),
        Example({"kernel_size": (3, 2), "stride": 2, "padding": "same"}, ((3, 10, 7),)),
    )


class _Pool3d(_Pool):
    kernel_size: Positive | PositiveTriple
    """the block that becomes one point"""
    stride: Positive | PositiveTriple | None = None
    """how far the window moves at a time; the kernel's size if empty"""
    padding: NotNegative | NotNegativeTriple | Word = 0
    """points added around the volume; "same" makes the output input/stride large"""
    axes: ClassVar[int] = 3
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"kernel_size": 2}, ((3, 4, 6, 5),)),
        Example({"kernel_size": (3, 2, 2), "stride": 2, "padding": "same"}, ((2, 5, 4, 5),)),
    )


class MaxPool1d(_Pool1d):
    """Keeps the greatest of each few points."""

    type: Literal["max_pool1d"] = "max_pool1d"
    also_called: ClassVar[tuple[str, ...]] = ("max_pooling1d",)
    module: ClassVar[str] = "torch.nn.MaxPool1d"
    source: ClassVar[str] = documented("MaxPool1d")


class MaxPool2d(_Pool2d):
    """Keeps the greatest of each patch."""

    type: Literal["max_pool2d"] = "max_pool2d"
    also_called: ClassVar[tuple[str, ...]] = ("max_pooling2d",)
    module: ClassVar[str] = "torch.nn.MaxPool2d"
    source: ClassVar[str] = documented("MaxPool2d")


class MaxPool3d(_Pool3d):
    """Keeps the greatest of each block."""

    type: Literal["max_pool3d"] = "max_pool3d"
    also_called: ClassVar[tuple[str, ...]] = ("max_pooling3d",)
    module: ClassVar[str] = "torch.nn.MaxPool3d"
    source: ClassVar[str] = documented("MaxPool3d")


class AvgPool1d(_Pool1d):
    """The mean of each few points."""

    type: Literal["avg_pool1d"] = "avg_pool1d"
    also_called: ClassVar[tuple[str, ...]] = ("average_pooling1d", "average_pool1d")
    module: ClassVar[str] = "torch.nn.AvgPool1d"
    source: ClassVar[str] = documented("AvgPool1d")


class AvgPool2d(_Pool2d):
    """The mean of each patch."""

    type: Literal["avg_pool2d"] = "avg_pool2d"
    also_called: ClassVar[tuple[str, ...]] = ("average_pooling2d", "average_pool2d")
    module: ClassVar[str] = "torch.nn.AvgPool2d"
    source: ClassVar[str] = documented("AvgPool2d")


class AvgPool3d(_Pool3d):
    """The mean of each block."""

    type: Literal["avg_pool3d"] = "avg_pool3d"
    also_called: ClassVar[tuple[str, ...]] = ("average_pooling3d", "average_pool3d")
    module: ClassVar[str] = "torch.nn.AvgPool3d"
    source: ClassVar[str] = documented("AvgPool3d")

    def output_shape(self, *inputs: Shape) -> Shape:
        found = super().output_shape(*inputs)
        kernel, _, padding = self._geometry()
        # Of all poolings torch's kernel of this one alone wants to lie within the input without its padding.
        if not isinstance(padding, str) and any(map(gt, kernel, inputs[0][1:])):
            sizes = written(inputs[0][1:])
            raise ShapeError(f"kernel {written(kernel)} does not fit input {sizes}, beside padding", "kernel_size")
        return found


def _too_much(padding: int, kernel: int) -> bool:
    return 2 * padding > kernel  # a window would hold nothing but padding
