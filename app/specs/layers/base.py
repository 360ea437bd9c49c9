"""What every layer has: a name, inputs, a shape rule, a parameter count, a recipe, examples."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field, field_validator

from app.specs.base import Shape, ShapeError, Spec
from app.specs.initializers import NEEDS_MATRIX, AnyInitializer


@dataclass(frozen=True)
class Recipe:
    """How the worker makes the module: a class of torch or of `worker.nn`, and its keyword arguments."""

    cls: str
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A layer and what it is fed: shapes for the docs, cases for the tests."""

    args: dict[str, Any]
    inputs: tuple[Shape, ...]


class Layer(Spec):
    """A layer of a model. Shapes leave the batch out, channels first."""

    type: str
    name: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)
    """what other layers call it by; also the name of its parameters"""
    inputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    """the layers it takes from, where that is not the one before; "input" is the model's own input"""

    group: ClassVar[str] = "other"
    examples: ClassVar[tuple[Example, ...]] = ()
    num_inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # least, most (None: any)
    takes_integers: ClassVar[bool] = False

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, name: str | None) -> str | None:
        if name in ("input", "forward", "training"):
            raise ValueError(f"{name!r} means something else here; choose another name")
        return name

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape that comes out. Raises ShapeError when an input does not fit."""
        raise NotImplementedError

    def num_parameters(self, *inputs: Shape) -> int:
        """How many numbers are learned."""
        return 0

    def recipe(self, *inputs: Shape) -> Recipe:
        """How the worker makes it for these inputs."""
        raise NotImplementedError


class Weighted(Layer):
    """A layer with a weight, and perhaps a bias."""

    weight_init: AnyInitializer | None = None
    """how the weight begins; torch's own way if empty"""
    bias_init: AnyInitializer | None = None
    """how the bias begins; torch's own way if empty"""
    l1: float = Field(default=0.0, ge=0)
    """penalty: this times the sum of |weight| joins the loss"""
    l2: float = Field(default=0.0, ge=0)
    """penalty: this times the sum of weight² joins the loss"""

    @field_validator("bias_init")
    @classmethod
    def _fits_a_vector(cls, init: Any) -> Any:
        if init is not None and init.type in NEEDS_MATRIX:
            raise ValueError(f"{init.type} needs a matrix, a bias is a vector")
        return init


def written(shape: Shape) -> str:
    """A shape in words: 4×4, 1×28×28."""
    return "×".join(map(str, shape)) or "a single number"


def need_axes(shape: Shape, count: int, meaning: str, hint: str = "") -> None:
    """Raises ShapeError unless `shape` has `count` axes."""
    if len(shape) != count:
        raise ShapeError(f"needs {meaning}, but gets {written(shape)}{'; ' + hint if hint else ''}")
