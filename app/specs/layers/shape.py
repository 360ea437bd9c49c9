"""Layers that only rearrange, and those where branches meet."""

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, written


class Flatten(Layer):
    """Everything in one row."""

    type: Literal["flatten"] = "flatten"
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((3, 4, 5),)), Example({}, ((6,),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        return (prod(inputs[0]),)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.Flatten")


class Reshape(Layer):
    """The same numbers in another shape. One side may be −1: what is left over."""

    type: Literal["reshape"] = "reshape"
    shape: tuple[Annotated[int, Field(ge=-1)], ...] = Field(min_length=1, max_length=6)
    """the new shape, without the batch"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "shape"
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
        return Recipe("worker.nn.modules.Reshape", {"shape": self.output_shape(*inputs)})


class Add(Layer):
    """The sum of several branches of one shape: a residual connection (He et al., 2015)."""

    type: Literal["add"] = "add"
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "branches"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((3, 4), (3, 4))), Example({}, ((5,), (5,), (5,))))

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) > 1:
            raise ShapeError(f"shapes differ: {', '.join(map(written, inputs))}", "inputs")
        return inputs[0]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.modules.Add")


class Concat(Layer):
    """Branches side by side, along the channels or another axis."""

    type: Literal["concat"] = "concat"
    also_called: ClassVar[tuple[str, ...]] = ("concatenate", "cat")
    dim: int = Field(default=1, ge=1)
    """the axis, counted with the batch as 0"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "branches"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((3, 4), (2, 4))),
        Example({"dim": 2}, ((3, 4), (3, 1))),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        at = self.dim - 1
        if at >= len(inputs[0]):
            raise ShapeError(f"there is no axis {self.dim} in {written(inputs[0])} (the batch is axis 0)", "dim")
        if len({(*shape[:at], *shape[self.dim :], len(shape)) for shape in inputs}) > 1:
            raise ShapeError(f"shapes differ beside axis {self.dim}: {', '.join(map(written, inputs))}", "inputs")
        return (*inputs[0][:at], sum(shape[at] for shape in inputs), *inputs[0][self.dim :])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.modules.Concat", {"dim": self.dim})
