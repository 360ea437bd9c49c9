"""What every layer has: a name, inputs, a shape rule, a parameter count, a recipe, examples."""

import math
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from app.specs.base import Shape, ShapeError, Spec, in_four_bytes
from app.specs.described import descriptions
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


@dataclass(frozen=True)
class Pace:
    """How a layer learns: after how many epochs it begins to, infinitely many for never, and how fast."""

    frozen_epochs: float = 0
    lr_factor: float = 1.0

    def within(self, other: "Pace") -> "Pace":
        """Of a layer in a block whose use has a pace of its own."""
        return Pace(max(self.frozen_epochs, other.frozen_epochs), self.lr_factor * other.lr_factor)

    @property
    def learns(self) -> bool:
        """Whether it does at any time."""
        return not math.isinf(self.frozen_epochs)


USUAL_PACE = Pace()  # from the start, as fast as the run
NAME = "[A-Za-z][A-Za-z0-9_]*"  # of a layer, an input, a block or its arguments

_WORDS_OF_TORCH = """
    T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches
    eval extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half insert ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters pop
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    set_submodule share_memory state_dict to to_empty train training type xpu zero_grad
"""
# "input" is the model's own; what a torch module has besides is no name for a module inside it.
RESERVED = frozenset({"input", *_WORDS_OF_TORCH.split()})


class Layer(Spec):
    """A layer of a model. Shapes leave the batch out, channels first."""

    # Built within the union, and alone only where one is used alone; `descriptions` reads what stands after fields.
    model_config = ConfigDict(defer_build=True, use_attribute_docstrings=False)

    type: str
    name: str | None = Field(default=None, max_length=60, json_schema_extra={"pattern": f"^{NAME}$"})
    """what other layers call it by; also the name of its parameters"""
    inputs: tuple[str, ...] | None = Field(default=None, min_length=1, max_length=200)
    """the layers it takes from, where that is not the one before; "input" is the model's own input"""

    group: ClassVar[str] = "other"
    source: ClassVar[str]  # where what it computes is written down
    examples: ClassVar[tuple[Example, ...]] = ()
    num_inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # least, most (None: any)
    takes_integers: ClassVar[bool] = False  # reads whole numbers, to look them up
    takes_columns: ClassVar[bool] = False  # reads rows as they are made ready: nothing may be computed before it
    keeps_inputs: ClassVar[bool] = False  # needs what it was given on the way back, so that it stays in memory
    keeps_output: ClassVar[bool] = False  # needs what it gave
    keeps_integers: ClassVar[bool] = False  # gives whole numbers where it is given them: it only rearranges

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            found = (words for base in cls.__mro__ if (words := descriptions(base).get(name)))
            info.description = next(found, info.description)

    @field_validator("*")
    @classmethod
    def _can_be_computed_with(cls, value: Any) -> Any:
        return in_four_bytes(value)

    @field_validator("name")
    @classmethod
    def _can_be_called(cls, name: str | None) -> str | None:
        if name is not None and not re.fullmatch(NAME, name):
            raise ValueError("a name is of letters, digits and _, and begins with a letter")
        if name in RESERVED:
            raise ValueError(f"{name!r} means something else here; choose another name")
        return name

    @property
    def pace(self) -> Pace:
        """From when on it learns, and how fast."""
        return USUAL_PACE

    @property
    def measures(self) -> bool:
        """Whether it takes figures of the training rows before the first step."""
        return False

    def output_shape(self, *inputs: Shape) -> Shape:
        """The shape that comes out. Raises ShapeError when an input does not fit."""
        raise NotImplementedError

    def num_parameters(self, *inputs: Shape) -> int:
        """How many numbers are learned."""
        return 0

    def num_multiply_adds(self, *inputs: Shape) -> int:
        """Multiplications, each with its addition, of one row's way through: of matrix products and convolutions.

        What is done number by number does not count, as in `torch.utils.flop_counter`, whose figure is twice this.
        """
        return 0

    def num_kept(self, *inputs: Shape) -> int:
        """How many numbers of four bytes one row leaves for the way back, beside what it is given and gives."""
        return 0

    def recipe(self, *inputs: Shape) -> Recipe:
        """How the worker makes it for these inputs."""
        raise NotImplementedError

    def own_fields(self) -> dict[str, Any]:
        """The values of the fields that its class adds, by name: what torch's class of the same name takes."""
        common = next(cls for cls in (Weighted, Learned, Layer) if isinstance(self, cls))
        return {name: getattr(self, name) for name in type(self).model_fields if name not in common.model_fields}


class Learned(Layer):
    """A layer that learns, or could."""

    freeze: bool = False
    """whether it stays as it begins: nothing in it learns, normalises by the batch, or is dropped"""
    unfreeze_after: int | None = Field(default=None, ge=1)
    """after so many epochs a frozen layer learns after all; never if empty"""
    lr_factor: float = Field(default=1.0, gt=0, le=1000)
    """its learning rate is this times the run's"""

    @field_validator("unfreeze_after")
    @classmethod
    def _was_frozen(cls, epochs: int | None, info: ValidationInfo) -> int | None:
        if epochs is not None and not info.data.get("freeze", True):
            raise ValueError("unfreeze_after is for a layer that is frozen: set freeze to true")
        return epochs

    @property
    def pace(self) -> Pace:
        """From when on it learns, and how fast."""
        never = math.inf if self.unfreeze_after is None else self.unfreeze_after
        return Pace(never if self.freeze else 0, self.lr_factor)


class Weighted(Learned):
    """A layer with a weight, and perhaps a bias."""

    keeps_inputs: ClassVar[bool] = True

    weight_init: AnyInitializer | None = None
    """how the weight begins; torch's own way if empty"""
    bias_init: AnyInitializer | None = None
    """how the bias begins; torch's own way if empty"""
    l1: float = Field(default=0.0, ge=0)
    """penalty: this times the sum of |weight| joins the loss"""
    l2: float = Field(default=0.0, ge=0)
    """penalty: this times the sum of weight² joins the loss"""
    max_norm: float | None = Field(default=None, gt=0)
    """the weights of each output, as a vector, are cut to this length after each step (Srivastava et al., 2014)"""

    def weight_shape(self, *inputs: Shape) -> Shape | None:
        """The shape of its weight; None where it has several."""
        return None

    @field_validator("bias_init")
    @classmethod
    def _fits_a_vector(cls, init: Any) -> Any:
        if init is not None and init.type in NEEDS_MATRIX:
            raise ValueError(f"{init.type} needs a matrix, a bias is a vector")
        return init


def documented(name: str) -> str:
    """Where PyTorch documents one of its modules."""
    return f"https://docs.pytorch.org/docs/stable/generated/torch.nn.{name}.html"


def written(shape: Shape) -> str:
    """A shape in words: 4×4, 1×28×28."""
    return "×".join(map(str, shape)) or "a single number"


def axis_at(shape: Shape, dim: int) -> int:
    """The place in `shape`, which leaves the batch out, of an axis that is counted with the batch as 0.

    Raises ShapeError where there is none.
    """
    if dim == 0 or not -len(shape) <= dim <= len(shape):
        raise ShapeError(f"there is no axis {dim} in {written(shape)} (the batch is axis 0)", "dim")
    return dim - 1 if dim > 0 else dim + len(shape)


def need_axes(shape: Shape, count: int, meaning: str, hint: str = "") -> None:
    """Raises ShapeError unless `shape` has `count` axes."""
    if len(shape) != count:
        raise ShapeError(f"needs {meaning}, but gets {written(shape)}{'; ' + hint if hint else ''}")
