"""How weights begin. Names and arguments are those of `torch.nn.init`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from app.specs.base import Spec


class Zeros(Spec):
    """All zero."""

    type: Literal["zeros"] = "zeros"


class Ones(Spec):
    """All one."""

    type: Literal["ones"] = "ones"


class Constant(Spec):
    """All the same value."""

    type: Literal["constant"] = "constant"
    val: float
    """the value"""


class Normal(Spec):
    """Drawn from a normal distribution."""

    type: Literal["normal"] = "normal"
    mean: float = 0.0
    std: float = Field(default=1.0, ge=0)


class TruncNormal(Spec):
    """Drawn from a normal distribution, cut off at a and b."""

    type: Literal["trunc_normal"] = "trunc_normal"
    also_called: ClassVar[tuple[str, ...]] = ("truncated_normal",)
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)
    a: float = -2.0
    b: float = 2.0


class Uniform(Spec):
    """Drawn evenly between a and b."""

    type: Literal["uniform"] = "uniform"
    a: float = 0.0
    b: float = 1.0


class XavierUniform(Spec):
    """Even, scaled to keep the variance of signals and gradients (Glorot and Bengio, 2010)."""

    type: Literal["xavier_uniform"] = "xavier_uniform"
    also_called: ClassVar[tuple[str, ...]] = ("glorot_uniform",)
    gain: float = Field(default=1.0, gt=0)


class XavierNormal(Spec):
    """Normal, scaled to keep the variance of signals and gradients (Glorot and Bengio, 2010)."""

    type: Literal["xavier_normal"] = "xavier_normal"
    also_called: ClassVar[tuple[str, ...]] = ("glorot_normal",)
    gain: float = Field(default=1.0, gt=0)


class KaimingUniform(Spec):
    """Even, scaled for relu (He et al., 2015)."""

    type: Literal["kaiming_uniform"] = "kaiming_uniform"
    also_called: ClassVar[tuple[str, ...]] = ("he_uniform",)
    nonlinearity: Literal["relu", "leaky_relu", "linear", "tanh", "sigmoid"] = "relu"


class KaimingNormal(Spec):
    """Normal, scaled for relu (He et al., 2015)."""

    type: Literal["kaiming_normal"] = "kaiming_normal"
    also_called: ClassVar[tuple[str, ...]] = ("he_normal",)
    nonlinearity: Literal["relu", "leaky_relu", "linear", "tanh", "sigmoid"] = "relu"


class Orthogonal(Spec):
    """A random orthogonal matrix (Saxe et al., 2013)."""

    type: Literal["orthogonal"] = "orthogonal"
    gain: float = Field(default=1.0, gt=0)


AnyInitializer = Annotated[
    Zeros
    | Ones
    | Constant
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
