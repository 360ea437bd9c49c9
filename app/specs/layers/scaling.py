"""Layers that weigh channels: by what they hold, or by what is learned."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape
from app.specs.layers.base import Example, Recipe, Weighted, axis_at, need_axes


class SqueezeExcitation(Weighted):
    """Channels are weighed by what the whole image holds: a mean each, two small layers, a gate (Hu et al., 2017)."""

    type: Literal["squeeze_excitation"] = "squeeze_excitation"
    also_called: ClassVar[tuple[str, ...]] = ("squeeze_and_excitation", "se")
    squeeze_channels: int = Field(ge=1, le=100_000)
    """how many numbers stand in between"""
    activation: Literal["relu", "silu"] = "relu"
    """what they go through"""
    scale_activation: Literal["sigmoid", "hardsigmoid"] = "sigmoid"
    """what makes the gate"""

    group: ClassVar[str] = "channels"
    source: ClassVar[str] = "https://arxiv.org/abs/1709.01507"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"squeeze_channels": 2}, ((8, 5, 6),)),
        Example({"squeeze_channels": 3, "activation": "silu", "scale_activation": "hardsigmoid"}, ((6, 4),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) < 2:
            need_axes(shape, 2, "channels with several numbers each")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] * self.squeeze_channels + inputs[0][0] + self.squeeze_channels

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] * self.squeeze_channels

    def num_kept(self, *inputs: Shape) -> int:
        return self.squeeze_channels + 2 * inputs[0][0]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.composed.SqueezeExcitation", {"num_channels": inputs[0][0]} | self.own_fields())


class LayerScale(Weighted):
    """Each channel times a learned factor that begins small: a deep network starts as a wire (Touvron et al., 2021)."""

    type: Literal["layer_scale"] = "layer_scale"
    init: float = Field(default=1e-6)
    """the factor in the beginning"""
    dim: int = 1
    """the axis of the channels, counted with the batch as 0"""

    group: ClassVar[str] = "channels"
    source: ClassVar[str] = "https://arxiv.org/abs/2103.17239"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((3, 4, 5),)),
        Example({"init": 0.1, "dim": -1}, ((4, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        axis_at(inputs[0], self.dim)
        return inputs[0]

    def weight_shape(self, *inputs: Shape) -> Shape:
        after = len(inputs[0]) - 1 - axis_at(inputs[0], self.dim)
        return (self.num_parameters(*inputs), *[1] * after)

    def num_parameters(self, *inputs: Shape) -> int:
        return inputs[0][axis_at(inputs[0], self.dim)]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.composed.LayerScale", {"shape": self.weight_shape(*inputs), "init": self.init})
