"""Layers that only rearrange: the same numbers, or some of them, in another shape."""

from collections import Counter
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, axis_at, documented, need_axes, written
from app.specs.layers.windows import NotNegative


class Flatten(Layer):
    """Everything in one row, or some neighbouring axes in one."""

    type: Literal["flatten"] = "flatten"
    start_dim: int = 1
    """the first axis that is flattened, counted with the batch as 0"""
    end_dim: int = -1
    """the last one"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = documented("Flatten")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((3, 4, 5),)),
        Example({}, ((6,),)),
        Example({"start_dim": 2}, ((3, 4, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        first, last = (self._place(shape, name) for name in ("start_dim", "end_dim"))
        if first > last:
            raise ShapeError(f"start_dim {self.start_dim} comes after end_dim {self.end_dim}", "end_dim")
        return (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])

    def _place(self, shape: Shape, name: Literal["start_dim", "end_dim"]) -> int:
        try:
            return axis_at(shape, getattr(self, name))
        except ShapeError as error:
            raise ShapeError(str(error), name) from error

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.Flatten", self.own_fields())


class Reshape(Layer):
    """The same numbers in another shape. One side may be −1: what is left over."""

    type: Literal["reshape"] = "reshape"
    also_called: ClassVar[tuple[str, ...]] = ("unflatten", "view")
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = Field(min_length=1, max_length=6)
    """the new shape, without the batch"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.reshape.html"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"shape": (1, 8, 8)}, ((64,),)),
        Example({"shape": (4, -1)}, ((2, 6),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        total, known = prod(inputs[0]), prod(side for side in self.shape if side != -1)
        free = self.shape.count(-1)
        fits = free <= 1 and known > 0 and (total % known == 0 if free else total == known)
        if not fits:
            raise ShapeError(f"{written(inputs[0])} cannot become {written(self.shape)}", "shape")
        return tuple(total // known if side == -1 else side for side in self.shape)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Reshape", {"shape": self.output_shape(*inputs)})


class Permute(Layer):
    """Axes in another order: of channels×length, 2, 1 makes length×channels."""

    type: Literal["permute"] = "permute"
    also_called: ClassVar[tuple[str, ...]] = ("transpose",)
    dims: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=6)
    """the axes in their new order, counted with the batch as 0, which stays first and is not named"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.permute.html"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"dims": (2, 1)}, ((3, 4),)),
        Example({"dims": (2, 3, 1)}, ((3, 4, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if Counter(self.dims) != Counter(range(1, len(shape) + 1)):
            axes = ", ".join(str(i + 1) for i in range(len(shape)))
            raise ShapeError(f"names each axis of {written(shape)} once: {axes} in another order", "dims")
        return tuple(shape[dim - 1] for dim in self.dims)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Permute", {"dims": self.dims})


class Slice(Layer):
    """A part of an axis, from start to before stop, as Python slices."""

    type: Literal["slice"] = "slice"
    also_called: ClassVar[tuple[str, ...]] = ("narrow", "cropping1d", "cropping2d")
    dim: int = 1
    """the axis, counted with the batch as 0"""
    start: int = 0
    """the first place that is kept; negative counts from the end"""
    stop: int | None = None
    """the first place that is not kept any more; to the end if empty"""
    step: int = Field(default=1, ge=1)
    """every which place is kept"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/tensors.html#torch.Tensor.narrow"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"stop": 2}, ((5,),)),
        Example({"dim": 2, "start": -3, "step": 2}, ((3, 7),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        at = axis_at(shape, self.dim)
        left = len(range(*slice(self.start, self.stop, self.step).indices(shape[at])))
        if not left:
            raise ShapeError(f"nothing is left of axis {self.dim} of {written(shape)}", "start")
        return (*shape[:at], left, *shape[at + 1 :])

    def recipe(self, *inputs: Shape) -> Recipe:
        at = axis_at(inputs[0], self.dim)
        start, stop, step = slice(self.start, self.stop, self.step).indices(inputs[0][at])
        return Recipe("worker.nn.shape.Slice", {"dim": at + 1, "start": start, "stop": stop, "step": min(step, stop)})


class Select(Layer):
    """One place of an axis, which goes: of a sequence, its last step or its first token."""

    type: Literal["select"] = "select"
    dim: int = 1
    """the axis, counted with the batch as 0"""
    index: int = 0
    """the place; negative counts from the end"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.select.html"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"index": -1}, ((5, 4),)),
        Example({"dim": 2, "index": 1}, ((3, 4, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) < 2:
            need_axes(shape, 2, "an axis beside the one that goes")
        at = axis_at(shape, self.dim)
        if not -shape[at] <= self.index < shape[at]:
            raise ShapeError(f"there is no place {self.index} on axis {self.dim} of {written(shape)}", "index")
        return (*shape[:at], *shape[at + 1 :])

    def recipe(self, *inputs: Shape) -> Recipe:
        at = axis_at(inputs[0], self.dim)
        return Recipe("worker.nn.shape.Select", {"dim": at + 1, "index": self.index % inputs[0][at]})


class Pad(Layer):
    """Adds points at the ends of the last axes: zeros, a value, a mirror image or the border again."""

    type: Literal["pad"] = "pad"
    also_called: ClassVar[tuple[str, ...]] = ("zero_pad2d", "zero_padding2d", "reflection_pad2d", "constant_pad2d")
    pad: tuple[NotNegative, ...] = Field(min_length=2, max_length=6)
    """how many before and after: of the last axis, then of the one before it, as torch has it"""
    mode: Literal["constant", "reflect", "replicate", "circular"] = "constant"
    """a value, the points mirrored, the border repeated, or the other end"""
    value: float = 0.0
    """what is added, for constant"""
    group: ClassVar[str] = "shape"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"pad": (1, 2)}, ((3, 4),)),
        Example({"pad": (1, 0, 2, 1), "mode": "reflect"}, ((2, 5, 4),)),
        Example({"pad": (1, 1), "mode": "replicate"}, ((2, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        axes = len(self.pad) // 2
        if len(self.pad) % 2:
            raise ShapeError("pad names two numbers for each axis", "pad")
        whole = self.mode == "constant"
        if axes > len(shape) or not (whole or axes == len(shape) - 1):
            wanted = "at most as many axes as there are" if whole else "every axis but the channels"
            raise ShapeError(f"pad names {axes} axes of {written(shape)}; {self.mode} pads {wanted}", "pad")
        sizes = list(shape)
        for i in range(axes):
            before, after, size = self.pad[2 * i], self.pad[2 * i + 1], shape[-1 - i]
            most = {"reflect": size - 1, "circular": size}.get(self.mode)
            if most is not None and max(before, after) > most:
                raise ShapeError(f"{self.mode} has no more than {most} points for an axis of {size}", "pad")
            sizes[-1 - i] += before + after
        return tuple(sizes)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Pad", self.own_fields())
