"""What Keras's layers share: what each says of itself, and what it becomes here."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, InstanceOf, field_validator, model_validator

from app.keras.chain import Chain
from app.keras.objects import Absent, Begin, Constraint, Initializer, Penalty, Policy

Positive = Annotated[int, Field(ge=1, le=100_000_000)]
NotNegative = Annotated[int, Field(ge=0, le=100_000_000)]
Format = Literal["channels_last", "channels_first"]

# What says nothing of the layer's answer, or is read elsewhere.
UNHEARD = frozenset(
    {
        "autocast",
        "batch_input_shape",
        "batch_shape",
        "dynamic",
        "experimental_autocast",
        "fused",
        "implementation",
        "input_dtype",
        "input_length",
        "optional",
        "renorm_momentum",
        "seed",
        "unroll",
        "zero_output_for_mask",
    }
)


class KerasLayer(BaseModel):
    """A layer as Keras writes its configuration. What is null there is as if it were left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    holds: ClassVar[tuple[str, ...]] = ()  # the fields that hold layers
    blind: ClassVar[bool] = False  # whether it looks at each number for itself

    name: Annotated[str, Field(max_length=1000)] = ""
    trainable: bool = True
    dtype: Policy = "float32"
    activity_regularizer: Absent = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data

    @property
    def learns(self) -> bool:
        """Whether Keras trains it."""
        inner = getattr(self, "layer", None)
        return self.trainable and (not isinstance(inner, KerasLayer) or inner.learns)

    def place(self, chain: Chain) -> None:
        """Put what stands for it at the end of the chain. Raises ShapeError or SpecError where it does not fit."""
        raise NotImplementedError


class Activated(KerasLayer):
    """A layer with an activation, which is a layer of its own here."""

    holds: ClassVar[tuple[str, ...]] = ("activation",)

    activation: InstanceOf[KerasLayer] | None = None

    def activate(self, chain: Chain) -> None:
        """Put the activation after it."""
        if self.activation is not None:
            self.activation.place(chain)


ZEROS = Begin({"type": "zeros"})
ONES = Begin({"type": "ones"})
GLOROT = Begin({"type": "xavier_uniform"})


class WithBias(Activated):
    """What layers with a bias share."""

    use_bias: bool = True
    bias_initializer: Initializer = ZEROS
    bias_regularizer: Absent = None
    bias_constraint: Absent = None

    def bias(self) -> dict[str, Any]:
        """Whether there is one, and how it begins."""
        return {"bias_init": self.bias_initializer.init} if self.use_bias else {"bias": False}


class WithKernel(WithBias):
    """What layers with one kernel share."""

    kernel_initializer: Initializer = GLOROT
    kernel_regularizer: Penalty = {}
    kernel_constraint: Constraint | None = None

    bounded: ClassVar[frozenset[int]]  # the axes of the kernel that make up the weights of one output

    @field_validator("kernel_constraint")
    @classmethod
    def _of_each_output(cls, bound: Any) -> Any:
        if bound is not None and bound.axes != cls.bounded:
            axes = sorted(cls.bounded)
            wanted = axes[0] if len(axes) == 1 else axes
            raise ValueError(f"the norm is of the weights of each output here: axis should be {wanted}")
        return bound

    def weights(self, chain: Chain) -> dict[str, Any]:
        """How weight and bias begin and what bounds them, as our layers take it."""
        return weight(chain, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint) | self.bias()


def weight(chain: Chain, begin: Begin, penalty: dict[str, float], bound: Any = None) -> dict[str, Any]:
    """How a weight begins and what bounds it."""
    if begin.is_cut:
        chain.note(
            f"{begin.init['type']}: Keras draws from a normal distribution that is cut off at two deviations; here it "
            "is not cut, and of the same deviation."
        )
    return {"weight_init": begin.init, **penalty, "max_norm": bound.max_value if bound else None}
