"""Normalisation."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, need_axes, written


class BatchNorm(Layer):
    """Each channel to mean 0 and deviation 1 over the batch, then scaled and shifted (Ioffe, Szegedy, 2015)."""

    # One name for torch's three classes: which of them it is follows from the input.
    type: Literal["batch_norm"] = "batch_norm"
    also_called: ClassVar[tuple[str, ...]] = ("batch_norm1d", "batch_norm2d", "batch_normalization")
    eps: float = Field(default=1e-5, gt=0)
    """added to the variance, against division by zero"""
    momentum: float = Field(default=0.1, ge=0, le=1)
    """how much of each batch enters the running figures that evaluation uses"""
    affine: bool = True
    """whether scale and shift are learned"""

    group: ClassVar[str] = "normalisation"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((5,),)),
        Example({"affine": False}, ((3, 7),)),
        Example({}, ((3, 7, 7),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not 1 <= len(shape) <= 3:
            raise ShapeError(f"needs a vector, a series or an image, but gets {written(shape)}")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        axes = 2 if len(inputs[0]) == 3 else 1
        kwargs = {"num_features": inputs[0][0], "eps": self.eps, "momentum": self.momentum, "affine": self.affine}
        return Recipe(f"torch.nn.BatchNorm{axes}d", kwargs)


class LayerNorm(Layer):
    """Each row's last axis to mean 0 and deviation 1, then scaled and shifted as learned (Ba et al., 2016)."""

    type: Literal["layer_norm"] = "layer_norm"
    also_called: ClassVar[tuple[str, ...]] = ("layer_normalization",)
    eps: float = Field(default=1e-5, gt=0)
    """added to the variance, against division by zero"""
    elementwise_affine: bool = True
    """whether scale and shift are learned"""

    group: ClassVar[str] = "normalisation"
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5,),)), Example({"elementwise_affine": False}, ((4, 6),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not shape:
            need_axes(shape, 1, "a vector")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][-1] if self.elementwise_affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {
            "normalized_shape": inputs[0][-1],
            "eps": self.eps,
            "elementwise_affine": self.elementwise_affine,
        }
        return Recipe("torch.nn.LayerNorm", kwargs)


class LocalResponseNorm(Layer):
    """Each point divided by the energy of its neighbouring channels (Krizhevsky et al., 2012)."""

    type: Literal["local_response_norm"] = "local_response_norm"
    also_called: ClassVar[tuple[str, ...]] = ("lrn",)
    size: int = Field(ge=1, le=100_000)
    """how many neighbouring channels count"""
    alpha: float = Field(default=1e-4, ge=0)
    """how much their mean square counts"""
    beta: float = Field(default=0.75, ge=0)
    """the exponent"""
    k: float = Field(default=1.0, gt=0)
    """added to it, against division by zero"""

    group: ClassVar[str] = "normalisation"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"size": 5}, ((6, 8, 8),)),
        Example({"size": 2, "alpha": 0.1, "beta": 0.5, "k": 2.0}, ((3, 9),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) not in (2, 3):
            raise ShapeError(f"needs a series or an image, but gets {written(shape)}")
        return shape

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return Recipe("worker.nn.modules.LocalResponseNorm", kwargs | {"num_channels": inputs[0][0]})
