"""Activations: layers, and the names that other layers call them by."""

from typing import Any, ClassVar

from pydantic import Field, field_validator

from app.keras.chain import Chain
from app.keras.layers.base import ZEROS, Activated, KerasLayer
from app.keras.objects import Absent, Initializer, Penalty
from app.specs.base import ShapeError
from app.specs.layers.base import written

_SAME = "relu relu6 elu celu selu softplus softsign gelu silu tanh sigmoid log_sigmoid mish softmax log_softmax glu"
# What an activation's name stands for here.
NAMES: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in _SAME.split()} | {
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.2}),
    "swish": ("silu", {}),
    "soft_shrink": ("softshrink", {}),
    "hard_shrink": ("hardshrink", {}),
    "tanh_shrink": ("tanhshrink", {}),
    "hard_sigmoid": ("hardsigmoid", {}),
    "hard_silu": ("hardswish", {}),
    "hard_swish": ("hardswish", {}),
    "hard_tanh": ("hardtanh", {}),
}
LINEAR = "linear"  # no activation
_OVER_AXIS = frozenset({"softmax", "log_softmax", "glu"})


class Named(KerasLayer):
    """An activation by its name."""

    blind: ClassVar[bool] = True
    type: str

    def place(self, chain: Chain) -> None:
        if self.type == LINEAR:
            return
        type_, fields = NAMES[self.type]
        if type_ == "hardsigmoid" and chain.is_old:
            chain.note("hard_sigmoid of Keras 2 is x/5 + 1/2, cut off at 0 and 1; here it is x/6 + 1/2, as in Keras 3.")
        if type_ in _OVER_AXIS:
            fields = {"dim": chain.dim(-1)}
        if type_ == "glu":
            chain.settle()
        chain.add(type_, **fields)


class Activation(Activated):
    """An activation as a layer."""

    blind: ClassVar[bool] = True

    def place(self, chain: Chain) -> None:
        self.activate(chain)


class ReLU(KerasLayer):
    """What is negative becomes 0 or small; what is large may be cut off."""

    blind: ClassVar[bool] = True
    max_value: float | None = Field(default=None, gt=0)
    negative_slope: float = 0.0
    threshold: float = Field(default=0.0, ge=0)

    @field_validator("threshold")
    @classmethod
    def _alone(cls, threshold: float, info: Any) -> float:
        if sum([bool(threshold), info.data.get("max_value") is not None, bool(info.data.get("negative_slope"))]) > 1:
            raise ValueError("max_value, negative_slope and threshold have no counterpart together, only one of them")
        return threshold

    @field_validator("negative_slope")
    @classmethod
    def _without_maximum(cls, slope: float, info: Any) -> float:
        if slope and info.data.get("max_value") is not None:
            raise ValueError("max_value and negative_slope have no counterpart together, only one of them")
        return slope

    def place(self, chain: Chain) -> None:
        if self.threshold:
            chain.main("threshold", threshold=self.threshold, value=0.0)
        elif self.negative_slope:
            chain.main("leaky_relu", negative_slope=self.negative_slope)
        elif self.max_value == 6:
            chain.main("relu6")
        elif self.max_value is not None:
            chain.main("hardtanh", min_val=0.0, max_val=self.max_value)
        else:
            chain.main("relu")


class ThresholdedReLU(KerasLayer):
    """0 where not above theta."""

    blind: ClassVar[bool] = True
    theta: float = 1.0

    def place(self, chain: Chain) -> None:
        chain.main("threshold", threshold=self.theta, value=0.0)


class LeakyReLU(KerasLayer):
    """What is negative becomes small. Keras 2 calls the slope alpha."""

    blind: ClassVar[bool] = True
    negative_slope: float | None = None
    alpha: float | None = None

    def place(self, chain: Chain) -> None:
        given = [one for one in (self.negative_slope, self.alpha) if one is not None]
        chain.main("leaky_relu", negative_slope=given[0] if given else 0.3)


class ELU(KerasLayer):
    """What is negative bends towards −alpha."""

    blind: ClassVar[bool] = True
    alpha: float = 1.0

    def place(self, chain: Chain) -> None:
        chain.main("elu", alpha=self.alpha)


class Softmax(KerasLayer):
    """Positive, and 1 in sum along an axis."""

    axis: int = -1

    @field_validator("axis", mode="before")
    @classmethod
    def _only_one(cls, axis: Any) -> Any:
        return axis[0] if isinstance(axis, list) and len(axis) == 1 else axis

    def place(self, chain: Chain) -> None:
        chain.main("softmax", dim=chain.dim(self.axis))


class PReLU(KerasLayer):
    """leaky_relu whose slopes are learned."""

    alpha_initializer: Initializer = ZEROS
    alpha_regularizer: Penalty = {}
    alpha_constraint: Absent = None
    shared_axes: tuple[int, ...] = ()

    @field_validator("shared_axes", mode="before")
    @classmethod
    def _several(cls, axes: Any) -> Any:
        return [axes] if isinstance(axes, int) else axes

    def place(self, chain: Chain) -> None:
        shared = {chain.keras_axis(axis) for axis in self.shared_axes}
        own = [axis for axis in range(len(chain.shape)) if axis not in shared]
        if len(own) > 1:
            axes = written(tuple(chain.keras_shape[axis] for axis in own))
            message = f"has a slope for each of {axes}; here there is one for all, or one for each channel"
            raise ShapeError(message, "shared_axes")
        if own:
            chain.first(own[0] + 1)
        chain.main("prelu", per_channel=bool(own), **self._beginning(), **self.alpha_regularizer)

    def _beginning(self) -> dict[str, Any]:
        init = self.alpha_initializer.init
        constant = {"zeros": 0.0, "ones": 1.0, "constant": init.get("val")}.get(init["type"])
        return {"weight_init": init} if constant is None else {"init": constant}
