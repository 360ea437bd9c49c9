"""Activations, and dropout: layers that keep the shape they are given."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, written


class _Elementwise(Layer):
    """Changes each number for itself."""

    group: ClassVar[str] = "activation"
    module: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5,),)), Example({}, ((3, 4, 4),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(self.module, {name: getattr(self, name) for name in self.arguments})


class ReLU(_Elementwise):
    """What is negative becomes 0."""

    type: Literal["relu"] = "relu"
    module: ClassVar[str] = "torch.nn.ReLU"


class LeakyReLU(_Elementwise):
    """What is negative becomes small."""

    type: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: float = 0.01
    """what negative numbers are multiplied by"""
    module: ClassVar[str] = "torch.nn.LeakyReLU"
    arguments: ClassVar[tuple[str, ...]] = ("negative_slope",)


class ELU(_Elementwise):
    """What is negative bends smoothly towards −alpha (Clevert et al., 2015)."""

    type: Literal["elu"] = "elu"
    alpha: float = Field(default=1.0, gt=0)
    """what is approached"""
    module: ClassVar[str] = "torch.nn.ELU"
    arguments: ClassVar[tuple[str, ...]] = ("alpha",)


class GELU(_Elementwise):
    """A smooth relu, weighted by the normal distribution (Hendrycks, Gimpel, 2016)."""

    type: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = "none"
    """tanh takes a formula that is quicker and a little off"""
    module: ClassVar[str] = "torch.nn.GELU"
    arguments: ClassVar[tuple[str, ...]] = ("approximate",)


class SiLU(_Elementwise):
    """x · sigmoid(x), also called swish."""

    type: Literal["silu"] = "silu"
    also_called: ClassVar[tuple[str, ...]] = ("swish",)
    module: ClassVar[str] = "torch.nn.SiLU"


class Sigmoid(_Elementwise):
    """Everything between 0 and 1."""

    type: Literal["sigmoid"] = "sigmoid"
    module: ClassVar[str] = "torch.nn.Sigmoid"


class Tanh(_Elementwise):
    """Everything between −1 and 1."""

    type: Literal["tanh"] = "tanh"
    module: ClassVar[str] = "torch.nn.Tanh"


class Softplus(_Elementwise):
    """A smooth relu: log(1 + eˣ)."""

    type: Literal["softplus"] = "softplus"
    beta: float = Field(default=1.0, gt=0)
    """how sharp the bend is"""
    module: ClassVar[str] = "torch.nn.Softplus"
    arguments: ClassVar[tuple[str, ...]] = ("beta",)


class _OverAxis(Layer):
    """Looks at all numbers along an axis at once."""

    dim: int = -1
    """the axis, counted with the batch as 0"""

    group: ClassVar[str] = "activation"
    module: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5,),)), Example({"dim": 1}, ((3, 4),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if self.dim == 0 or not -len(shape) <= self.dim <= len(shape):
            raise ShapeError(f"there is no axis {self.dim} in {written(shape)} (the batch is axis 0)", "dim")
        return shape

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(self.module, {"dim": self.dim})


class Softmax(_OverAxis):
    """Positive, and 1 in sum: probabilities."""

    type: Literal["softmax"] = "softmax"
    module: ClassVar[str] = "torch.nn.Softmax"


class LogSoftmax(_OverAxis):
    """The logarithm of softmax: what nll_loss takes."""

    type: Literal["log_softmax"] = "log_softmax"
    module: ClassVar[str] = "torch.nn.LogSoftmax"


class Dropout(_Elementwise):
    """Sets a random share to 0 while training, so that nothing is relied on alone (Srivastava et al., 2014)."""

    type: Literal["dropout"] = "dropout"
    p: float = Field(default=0.5, ge=0, lt=1)
    """the share that is dropped"""
    group: ClassVar[str] = "regularisation"
    module: ClassVar[str] = "torch.nn.Dropout"
    arguments: ClassVar[tuple[str, ...]] = ("p",)
    examples: ClassVar[tuple[Example, ...]] = (Example({"p": 0.2}, ((5,),)), Example({}, ((3, 4, 4),)))
