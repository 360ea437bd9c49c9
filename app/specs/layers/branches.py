"""Layers where branches meet."""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, documented, need_axes, written


class _Alike(Layer):
    """Takes branches of one shape, number by number."""

    group: ClassVar[str] = "branches"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((3, 4), (3, 4))), Example({}, ((5,), (5,), (5,))))

    def output_shape(self, *inputs: Shape) -> Shape:
        if len(set(inputs)) > 1:
            raise ShapeError(f"shapes differ: {', '.join(map(written, inputs))}", "inputs")
        return inputs[0]


class Add(_Alike):
    """The sum of several branches of one shape: a residual connection (He et al., 2015)."""

    type: Literal["add"] = "add"
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.add.html"

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Add")


class Multiply(Layer):
    """The product of branches, number by number: one gates the other. An axis of 1 meets any size."""

    type: Literal["multiply"] = "multiply"
    also_called: ClassVar[tuple[str, ...]] = ("mul",)
    group: ClassVar[str] = "branches"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.mul.html"
    keeps_inputs: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((3, 4), (3, 4))),
        Example({}, ((5, 1, 1), (5, 2, 3))),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({len(shape) for shape in inputs}) > 1 or any(
            len(set(axis) - {1}) > 1 for axis in zip(*inputs, strict=False)
        ):
            raise ShapeError(f"shapes differ: {', '.join(map(written, inputs))}", "inputs")
        return tuple(max(axis) for axis in zip(*inputs, strict=True))

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Multiply")


class Subtract(_Alike):
    """The first branch less the second, number by number."""

    type: Literal["subtract"] = "subtract"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.sub.html"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((3, 4), (3, 4))),)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Subtract")


class _AlongTheLast(_Alike):
    """Takes two branches of one shape, and makes one number of each pair of vectors along the last axis."""

    keeps_inputs: ClassVar[bool] = True
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((4,), (4,))), Example({}, ((3, 4), (3, 4))))

    def output_shape(self, *inputs: Shape) -> Shape:
        shape = super().output_shape(*inputs)
        if not shape:
            need_axes(shape, 1, "a vector")
        return (*shape[:-1], 1)


class Dot(_AlongTheLast):
    """The sum of products along the last axis: how alike two vectors are, as the two towers of a recommender ask."""

    type: Literal["dot"] = "dot"
    also_called: ClassVar[tuple[str, ...]] = ("dot_product",)
    source: ClassVar[str] = "https://keras.io/api/layers/merging_layers/dot/"

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.Dot")


class CosineSimilarity(_AlongTheLast):
    """dot of vectors of length 1: from −1 to 1, however long they were."""

    type: Literal["cosine_similarity"] = "cosine_similarity"
    eps: float = Field(default=1e-8, gt=0)
    """the least length that is divided by"""
    source: ClassVar[str] = documented("CosineSimilarity")

    def num_kept(self, *inputs: Shape) -> int:
        return 3 * prod(inputs[0])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.shape.CosineSimilarity", {"eps": self.eps})


class Concat(Layer):
    """Branches side by side, along the channels or another axis."""

    type: Literal["concat"] = "concat"
    also_called: ClassVar[tuple[str, ...]] = ("concatenate", "cat")
    dim: int = Field(default=1, ge=1)
    """the axis, counted with the batch as 0"""
    keeps_integers: ClassVar[bool] = True
    group: ClassVar[str] = "branches"
    num_inputs: ClassVar[tuple[int, int | None]] = (2, None)
    source: ClassVar[str] = "https://docs.pytorch.org/docs/stable/generated/torch.cat.html"
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
        return Recipe("worker.nn.shape.Concat", {"dim": self.dim})
