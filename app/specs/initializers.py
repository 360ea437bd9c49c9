"""How weights begin. Names and arguments are those of `torch.nn.init`."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.specs.base import Spec, in_four_bytes

Gain = Annotated[float, Field(gt=0, description="what the deviation is multiplied by")]
Mean = Annotated[float, Field(description="the mean")]
Nonlinearity = Literal["relu", "leaky_relu", "selu", "tanh", "sigmoid", "linear"]


class _Initializer(Spec):
    @field_validator("*")
    @classmethod
    def _can_be_a_weight(cls, value: Any) -> Any:
        return in_four_bytes(value)


class Zeros(_Initializer):
    """All zero."""

    type: Literal["zeros"] = "zeros"


class Ones(_Initializer):
    """All one."""

    type: Literal["ones"] = "ones"


class Constant(_Initializer):
    """All the same value."""

    type: Literal["constant"] = "constant"
    val: float
    """the value"""


class Values(_Initializer):
    """Just these values: for a layer whose numbers are known, as those of a filter."""

    type: Literal["values"] = "values"
    also_called: ClassVar[tuple[str, ...]] = ("given",)
    values: tuple[float, ...] = Field(min_length=1, max_length=1_000_000)
    """one after the other, the last axis of the weight fastest"""


class Normal(_Initializer):
    """Drawn from a normal distribution."""

    type: Literal["normal"] = "normal"
    mean: Mean = 0.0
    std: float = Field(default=1.0, ge=0)
    """the standard deviation"""


class TruncNormal(_Initializer):
    """Drawn from a normal distribution, cut off at a and b."""

    type: Literal["trunc_normal"] = "trunc_normal"
    also_called: ClassVar[tuple[str, ...]] = ("truncated_normal",)
    mean: Mean = 0.0
    std: float = Field(default=1.0, gt=0)
    """the standard deviation, before the cut"""
    a: float = -2.0
    """the least value"""
    b: float = 2.0
    """the greatest value"""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.a >= self.b:
            raise ValueError(f"a is {self.a:g} and b is {self.b:g}: a should be less than b")
        return self


class Uniform(_Initializer):
    """Drawn evenly between a and b."""

    type: Literal["uniform"] = "uniform"
    a: float = 0.0
    """the least value"""
    b: float = 1.0
    """the greatest value"""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.a >= self.b:
            raise ValueError(f"a is {self.a:g} and b is {self.b:g}: a should be less than b")
        return self


class XavierUniform(_Initializer):
    """Even, scaled to keep the variance of signals and gradients (Glorot and Bengio, 2010)."""

    type: Literal["xavier_uniform"] = "xavier_uniform"
    also_called: ClassVar[tuple[str, ...]] = ("glorot_uniform",)
    gain: Gain = 1.0


class XavierNormal(_Initializer):
    """Normal, scaled to keep the variance of signals and gradients (Glorot and Bengio, 2010)."""

    type: Literal["xavier_normal"] = "xavier_normal"
    also_called: ClassVar[tuple[str, ...]] = ("glorot_normal",)
    gain: Gain = 1.0


class _Kaiming(_Initializer):
    a: float = 0.0
    """the slope of the negative side, for leaky_relu"""
    mode: Literal["fan_in", "fan_out"] = "fan_in"
    """whether the variance is kept on the way forward (fan_in) or back (fan_out)"""
    nonlinearity: Nonlinearity = "relu"
    """the activation that follows"""


class KaimingUniform(_Kaiming):
    """Even, scaled for relu (He et al., 2015)."""

    type: Literal["kaiming_uniform"] = "kaiming_uniform"
    also_called: ClassVar[tuple[str, ...]] = ("he_uniform",)


class KaimingNormal(_Kaiming):
    """Normal, scaled for relu (He et al., 2015)."""

    type: Literal["kaiming_normal"] = "kaiming_normal"
    also_called: ClassVar[tuple[str, ...]] = ("he_normal",)


class Orthogonal(_Initializer):
    """A random orthogonal matrix (Saxe et al., 2013)."""

    type: Literal["orthogonal"] = "orthogonal"
    gain: Gain = 1.0


AnyInitializer = Annotated[
    Zeros
    | Ones
    | Constant
    | Values
    | Normal
    | TruncNormal
    | Uniform
    | XavierUniform
    | XavierNormal
    | KaimingUniform
    | KaimingNormal
    | Orthogonal,
    Field(discriminator="type"),
]
# Those that need a matrix: a bias is a vector.
NEEDS_MATRIX = frozenset({"xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal"})
