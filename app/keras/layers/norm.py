"""Normalisation."""

import math
from collections.abc import Iterator
from typing import Any

from pydantic import Field, field_validator

from app.keras.chain import Chain
from app.keras.layers.base import ONES, ZEROS, KerasLayer
from app.keras.objects import Absent, Begin, Initializer, No
from app.specs.base import ShapeError

_LEAST = 1e-7  # that Keras divides by
_MANY = 10_000  # figures that a normalization holds


def _only(axis: Any) -> Any:
    return axis[0] if isinstance(axis, list) and len(axis) == 1 else axis


class _Scaled(KerasLayer):
    """A norm after which each channel is scaled and shifted as learned, or neither."""

    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = ZEROS
    gamma_initializer: Initializer = ONES
    beta_regularizer: Absent = None
    gamma_regularizer: Absent = None
    beta_constraint: Absent = None
    gamma_constraint: Absent = None

    @field_validator("axis", mode="before")
    @classmethod
    def _one_axis(cls, axis: Any) -> Any:
        return _only(axis)

    @field_validator("scale")
    @classmethod
    def _both_or_neither(cls, scale: bool, info: Any) -> bool:
        if scale != info.data.get("center", scale):
            raise ValueError("center and scale are learned together here, or neither is")
        return scale

    @field_validator("beta_initializer", "moving_mean_initializer", check_fields=False)
    @classmethod
    def _begins_at_zero(cls, begin: Begin) -> Begin:
        return _begins(begin, "zeros")

    @field_validator("gamma_initializer", "moving_variance_initializer", check_fields=False)
    @classmethod
    def _begins_at_one(cls, begin: Begin) -> Begin:
        return _begins(begin, "ones")


def _begins(begin: Begin, word: str) -> Begin:
    if begin.init["type"] != word:
        raise ValueError(f"it begins with {word} here")
    return begin


class BatchNormalization(_Scaled):
    """`batch_norm`. Keras's momentum is what is kept, torch's what is new."""

    momentum: float = Field(default=0.99, ge=0, le=1)
    moving_mean_initializer: Initializer = ZEROS
    moving_variance_initializer: Initializer = ONES
    synchronized: No = False
    renorm: No = False
    renorm_clipping: Absent = None
    virtual_batch_size: Absent = None
    adjustment: Absent = None

    def place(self, chain: Chain) -> None:
        chain.first(self.axis)
        momentum = round(1 - self.momentum, 12)
        chain.main("batch_norm", eps=self.epsilon, momentum=momentum, affine=None if self.scale else False)


class LayerNormalization(_Scaled):
    """`layer_norm`, or `rms_norm`."""

    rms_scaling: bool = False

    @field_validator("scale")
    @classmethod
    def _both_or_neither(cls, scale: bool, info: Any) -> bool:
        return scale  # with rms_scaling they say nothing, and that is known only behind them

    @field_validator("rms_scaling")
    @classmethod
    def _with_both_or_neither(cls, rms_scaling: bool, info: Any) -> bool:
        if not rms_scaling and info.data.get("scale") != info.data.get("center"):
            raise ValueError("center and scale are learned together here, or neither is")
        return rms_scaling

    def place(self, chain: Chain) -> None:
        chain.to_end(self.axis)
        if self.rms_scaling:
            chain.main("rms_norm", eps=self.epsilon)
        else:
            chain.main("layer_norm", eps=self.epsilon, elementwise_affine=None if self.scale else False)


class RMSNormalization(KerasLayer):
    """`rms_norm`."""

    axis: int = -1
    epsilon: float = 1e-6

    @field_validator("axis", mode="before")
    @classmethod
    def _one_axis(cls, axis: Any) -> Any:
        return _only(axis)

    def place(self, chain: Chain) -> None:
        chain.to_end(self.axis)
        chain.main("rms_norm", eps=self.epsilon)


class GroupNormalization(_Scaled):
    """`group_norm`; −1 groups are as many as there are channels."""

    groups: int = Field(default=32, ge=-1)

    def place(self, chain: Chain) -> None:
        chain.settle()
        chain.first(self.axis)
        groups = chain.shape[0] if self.groups == -1 else self.groups
        chain.main("group_norm", num_groups=groups, eps=self.epsilon, affine=None if self.scale else False)


class Rescaling(KerasLayer):
    """x · scale + offset, as a `normalization` with its figures given."""

    scale: tuple[float, ...]
    offset: tuple[float, ...] = (0.0,)

    @field_validator("scale", "offset", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return value if isinstance(value, list) else [value]

    @field_validator("scale")
    @classmethod
    def _above_zero(cls, scale: tuple[float, ...]) -> tuple[float, ...]:
        if not scale or min(scale) < 1e-30:
            raise ValueError("scale should be above 0 to have a counterpart here")
        return scale

    def place(self, chain: Chain) -> None:
        several = max(len(self.scale), len(self.offset)) > 1
        dim = chain.dim(-1) if several else chain.shape.index(min(chain.shape)) + 1
        chain.settle()
        count = chain.shape[dim - 1]
        scale, offset = (_spread(one, count) for one in (self.scale, self.offset))
        std = [1 / one for one in scale]
        mean = [0.0 - shift * one for shift, one in zip(offset, std, strict=True)]
        chain.main("normalization", mean=mean, std=std, dim=dim)
        if max(self.scale) < 0.1:
            chain.note(
                "Rescaling: images are between 0 and 1 already when they come to a model here, unless `data` says "
                "otherwise. If it was written for numbers up to 255, take the normalization away."
            )


class Normalization(KerasLayer):
    """`normalization`, with its figures given or measured on the training rows, as `adapt` does."""

    axis: int | None = None
    invert: No = False
    mean: tuple[float, ...] | None = None
    variance: tuple[float, ...] | None = None

    @field_validator("axis", mode="before")
    @classmethod
    def _one_axis(cls, axis: Any) -> Any:
        return None if axis == [] else _only(axis)

    @field_validator("mean", "variance", mode="before")
    @classmethod
    def _in_a_row(cls, value: Any) -> Any:
        return list(_numbers(value)) if isinstance(value, list | int | float) else value

    @field_validator("variance")
    @classmethod
    def _not_below_zero(cls, variance: Any) -> Any:
        if variance and min(variance) < 0:
            raise ValueError("a variance is not below 0")
        return variance

    def place(self, chain: Chain) -> None:
        axis = -1 if self.axis is None else self.axis
        dim = chain.dim(axis)
        if self.mean is None or self.variance is None:
            self._measured(chain, dim)
            return
        chain.settle()
        count = chain.shape[dim - 1]
        std = [max(math.sqrt(one), _LEAST) for one in _spread(self.variance, count)]
        chain.main("normalization", mean=list(_spread(self.mean, count)), std=std, dim=dim)

    def _measured(self, chain: Chain, dim: int) -> None:
        if self.axis is None:
            raise ShapeError("figures are measured for each place of an axis here, not one for all", "axis")
        chain.main("normalization", dim=dim)
        chain.note("Normalization: what adapt() measured is not in the JSON; the training rows are measured again.")


def _numbers(value: Any, depth: int = 0) -> Iterator[Any]:
    """A list of lists as one row."""
    if isinstance(value, list) and depth < 8:
        for one in value:
            yield from _numbers(one, depth + 1)
    else:
        yield value


def _spread(figures: tuple[float, ...], count: int) -> tuple[float, ...]:
    """A figure for each place of an axis. Raises ShapeError where there are too many or too few."""
    if count > _MANY:
        raise ShapeError(f"a normalization holds at most {_MANY:,} figures, and the axis has {count:,} places")
    if len(figures) not in (1, count):
        raise ShapeError(f"has figures for {len(figures)} places, but the axis has {count}")
    return figures * count if len(figures) == 1 else figures


NORMS: tuple[type[KerasLayer], ...] = (
    BatchNormalization,
    LayerNormalization,
    RMSNormalization,
    GroupNormalization,
    Rescaling,
    Normalization,
)
