"""Fully connected layers."""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Recipe, Weighted, documented, need_axes, written


class Linear(Weighted):
    """Every output is a weighted sum of every input, plus a bias. Works on the last axis."""

    type: Literal["linear"] = "linear"
    also_called: ClassVar[tuple[str, ...]] = ("dense", "fully_connected")
    out_features: int = Field(ge=1, le=1_000_000)
    """how many numbers come out"""
    bias: bool = True
    """whether something is added to each sum"""

    group: ClassVar[str] = "basic"
    source: ClassVar[str] = documented("Linear")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_features": 1}, ((1,),)),
        Example({"out_features": 64, "bias": False}, ((13,),)),
        Example({"out_features": 5}, ((7, 3),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not shape:
            need_axes(shape, 1, "a vector")
        return (*shape[:-1], self.out_features)

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.out_features, inputs[0][-1])

    def num_parameters(self, *inputs: Shape) -> int:
        return (inputs[0][-1] + self.bias) * self.out_features

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return prod(inputs[0]) * self.out_features

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"in_features": inputs[0][-1], "out_features": self.out_features, "bias": self.bias}
        return Recipe("torch.nn.Linear", kwargs)


class Bilinear(Weighted):
    """Every output is a weighted sum of all products of a number of one input and a number of the other."""

    type: Literal["bilinear"] = "bilinear"
    out_features: int = Field(ge=1, le=1_000_000)
    """how many numbers come out"""
    bias: bool = True
    """whether something is added to each sum"""

    group: ClassVar[str] = "basic"
    source: ClassVar[str] = documented("Bilinear")
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"out_features": 3}, ((4,), (5,))),
        Example({"out_features": 2, "bias": False}, ((6, 4), (6, 3))),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        first, second = inputs
        if not first or first[:-1] != second[:-1]:
            raise ShapeError(f"shapes differ beside the last axis: {written(first)}, {written(second)}", "inputs")
        return (*first[:-1], self.out_features)

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.out_features, inputs[0][-1], inputs[1][-1])

    def num_parameters(self, *inputs: Shape) -> int:
        return (inputs[0][-1] * inputs[1][-1] + self.bias) * self.out_features

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return prod(inputs[0]) * inputs[1][-1] * self.out_features

    def recipe(self, *inputs: Shape) -> Recipe:
        sizes = {"in1_features": inputs[0][-1], "in2_features": inputs[1][-1]}
        return Recipe("torch.nn.Bilinear", sizes | self.own_fields())
