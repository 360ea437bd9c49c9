"""Normalisation."""

from math import prod
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Learned, Recipe, axis_at, documented, need_axes, written


class BatchNorm(Learned):
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
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("BatchNorm2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((5,),)),
        Example({"affine": False}, ((3, 7),)),
        Example({}, ((3, 7, 7),)),
        Example({}, ((3, 4, 2, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not 1 <= len(shape) <= 4:
            raise ShapeError(f"needs a vector, a series, an image or a volume, but gets {written(shape)}")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        axes = max(1, len(inputs[0]) - 1)
        kwargs = {"num_features": inputs[0][0], "eps": self.eps, "momentum": self.momentum, "affine": self.affine}
        return Recipe(f"torch.nn.BatchNorm{axes}d", kwargs)


class LayerNorm(Learned):
    """Each row's last axis to mean 0 and deviation 1, then scaled and shifted as learned (Ba et al., 2016)."""

    type: Literal["layer_norm"] = "layer_norm"
    also_called: ClassVar[tuple[str, ...]] = ("layer_normalization",)
    eps: float = Field(default=1e-5, gt=0)
    """added to the variance, against division by zero"""
    elementwise_affine: bool = True
    """whether scale and shift are learned"""

    group: ClassVar[str] = "normalisation"
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("LayerNorm")
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
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("LocalResponseNorm")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"size": 5}, ((6, 8, 8),)),
        Example({"size": 2, "alpha": 0.1, "beta": 0.5, "k": 2.0}, ((3, 9),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if len(shape) not in (2, 3):
            raise ShapeError(f"needs a series or an image, but gets {written(shape)}")
        return shape

    def num_kept(self, *inputs: Shape) -> int:
        # On a CPU in float32 it is two: there the worker computes the gradient by itself.
        return prod(inputs[0]) * (5 if self.beta == 0.75 else 3)

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return inputs[0][0] * prod(inputs[0])  # its sum over neighbours is a convolution of one point

    def recipe(self, *inputs: Shape) -> Recipe:
        kwargs = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return Recipe("worker.nn.modules.LocalResponseNorm", kwargs | {"num_channels": inputs[0][0]})


class GroupNorm(Learned):
    """Groups of channels to mean 0 and deviation 1 within a row: as good for small batches (Wu, He, 2018)."""

    type: Literal["group_norm"] = "group_norm"
    also_called: ClassVar[tuple[str, ...]] = ("group_normalization",)
    num_groups: int = Field(ge=1, le=100_000)
    """into how many groups the channels are divided"""
    eps: float = Field(default=1e-5, gt=0)
    """added to the variance, against division by zero"""
    affine: bool = True
    """whether scale and shift of each channel are learned"""

    group: ClassVar[str] = "normalisation"
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("GroupNorm")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_groups": 2}, ((6, 4, 5),)),
        Example({"num_groups": 3, "affine": False}, ((6,),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not shape:
            need_axes(shape, 1, "a vector")
        if shape[0] % self.num_groups:
            raise ShapeError(f"{self.num_groups} groups do not divide {shape[0]} channels evenly", "num_groups")
        if prod(shape) == self.num_groups:
            raise ShapeError(f"{written(shape)} leaves one number a group, which has no deviation", "num_groups")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.GroupNorm", {"num_channels": inputs[0][0]} | self.own_fields())


class InstanceNorm(Learned):
    """Each channel of each row to mean 0 and deviation 1: contrast goes (Ulyanov et al., 2016)."""

    # One name for torch's three classes, as batch_norm.
    type: Literal["instance_norm"] = "instance_norm"
    also_called: ClassVar[tuple[str, ...]] = ("instance_norm1d", "instance_norm2d", "instance_normalization")
    eps: float = Field(default=1e-5, gt=0)
    """added to the variance, against division by zero"""
    momentum: float = Field(default=0.1, ge=0, le=1)
    """how much of each batch enters the running figures"""
    affine: bool = False
    """whether scale and shift are learned"""
    track_running_stats: bool = False
    """whether evaluation uses running figures in place of the row's own"""

    group: ClassVar[str] = "normalisation"
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("InstanceNorm2d")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((3, 7),)),
        Example({"affine": True}, ((3, 7, 5),)),
        Example({"track_running_stats": True}, ((3, 2, 7, 5),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not 2 <= len(shape) <= 4 or prod(shape[1:]) < 2:
            raise ShapeError(f"needs channels with several numbers each, but gets {written(shape)}")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return 2 * inputs[0][0] if self.affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(f"torch.nn.InstanceNorm{len(inputs[0]) - 1}d", {"num_features": inputs[0][0]} | self.own_fields())


class RMSNorm(Learned):
    """Each row's last axis divided by its root mean square: layer_norm without the mean (Zhang, Sennrich, 2019)."""

    type: Literal["rms_norm"] = "rms_norm"
    also_called: ClassVar[tuple[str, ...]] = ("rms_normalization",)
    eps: float | None = Field(default=None, gt=0)
    """added to the mean square, against division by zero; the least that the numbers' type has if empty"""
    elementwise_affine: bool = True
    """whether a scale is learned"""

    group: ClassVar[str] = "normalisation"
    keeps_inputs: ClassVar[bool] = True
    source: ClassVar[str] = documented("RMSNorm")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((5,),)),
        Example({"elementwise_affine": False, "eps": 1e-5}, ((4, 6),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not shape:
            need_axes(shape, 1, "a vector")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        return inputs[0][-1] if self.elementwise_affine else 0

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.RMSNorm", {"normalized_shape": inputs[0][-1]} | self.own_fields())


_Deviation = Annotated[float, Field(gt=0)]


class Normalization(Layer):
    """Brings the input to mean 0 and deviation 1 by fixed figures: of the training rows, or given."""

    type: Literal["normalization"] = "normalization"
    also_called: ClassVar[tuple[str, ...]] = ("standardize", "rescaling")
    mean: tuple[float, ...] | None = Field(default=None, min_length=1, max_length=10_000)
    """what is taken away: one number for each place along the axis; measured on the training rows if empty"""
    std: tuple[_Deviation, ...] | None = Field(default=None, min_length=1, max_length=10_000)
    """what is divided by, as mean"""
    dim: int = 1
    """the axis that has figures of its own for each place, counted with the batch as 0: the channels"""

    group: ClassVar[str] = "normalisation"
    source: ClassVar[str] = "https://keras.io/api/layers/preprocessing_layers/numerical/normalization/"
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((5,),)),
        Example({"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.1)}, ((3, 4, 4),)),
        Example({"dim": -1}, ((7, 3),)),
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are given together, or both are measured")
        if self.mean is not None and self.std is not None and len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} numbers and std {len(self.std)}: one of each for each place")
        return self

    @property
    def measures(self) -> bool:
        """Whether it was given no figures."""
        return self.mean is None

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        size = shape[axis_at(shape, self.dim)]
        if self.mean is not None and len(self.mean) != size:
            raise ShapeError(f"has figures for {len(self.mean)} places, but axis {self.dim} has {size}", "mean")
        return shape

    def recipe(self, *inputs: Shape) -> Recipe:
        at = axis_at(inputs[0], self.dim)
        kwargs = {"size": inputs[0][at], "dim": at + 1, "mean": self.mean, "std": self.std}
        return Recipe("worker.nn.modules.Normalization", kwargs)
