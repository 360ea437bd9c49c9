"""Fully connected layers."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape
from app.specs.layers.base import Example, Recipe, Weighted, need_axes


class Linear(Weighted):
    """Every output is a weighted sum of every input, plus a bias. Works on the last axis."""

    type: Literal["linear"] = "linear"
    also_called: ClassVar[tuple[str, ...]] = ("dense", "fully_connected")
    out_features: int = Field(ge=1, le=1_000_000)
    """how many numbers come out"""
    bias: bool = True
    """whether something is added to each sum"""

    group: ClassVar[str] = "basic"
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

    def num_parameters(self, *inputs: Shape) -> int:
        return (inputs[0][-1] + self.bias) * self.out_features

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"in_features": inputs[0][-1], "out_features": self.out_features, "bias": self.bias}
        return Recipe("torch.nn.Linear", kwargs)
