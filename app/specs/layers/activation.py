"""Activations: layers that keep the shape they are given, and change each number, or those along an axis."""

from math import prod
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Layer, Recipe, Weighted, axis_at, documented, need_axes, written


class Elementwise(Layer):
    """Changes each number for itself. The class of torch that does it is called `module`."""

    group: ClassVar[str] = "activation"
    keeps_inputs: ClassVar[bool] = True
    module: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5,),)), Example({}, ((3, 4, 4),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(f"torch.nn.{self.module}", self.own_fields())


class ReLU(Elementwise):
    """What is negative becomes 0."""

    type: Literal["relu"] = "relu"
    module: ClassVar[str] = "ReLU"
    source: ClassVar[str] = documented("ReLU")
    keeps_inputs: ClassVar[bool] = False
    keeps_output: ClassVar[bool] = True


class ReLU6(Elementwise):
    """relu that stops growing at 6: small numbers stay exact in low precision."""

    type: Literal["relu6"] = "relu6"
    module: ClassVar[str] = "ReLU6"
    source: ClassVar[str] = documented("ReLU6")


class LeakyReLU(Elementwise):
    """What is negative becomes small."""

    type: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: float = 0.01
    """what negative numbers are multiplied by"""
    module: ClassVar[str] = "LeakyReLU"
    source: ClassVar[str] = documented("LeakyReLU")


class RReLU(Elementwise):
    """leaky_relu with a slope drawn anew for each number while training (Xu et al., 2015)."""

    type: Literal["rrelu"] = "rrelu"
    lower: float = Field(default=1 / 8, ge=0)
    """the least slope"""
    upper: float = Field(default=1 / 3, ge=0)
    """the greatest slope; evaluation takes the middle"""
    module: ClassVar[str] = "RReLU"
    source: ClassVar[str] = documented("RReLU")

    def num_kept(self, *inputs: Shape) -> int:
        return prod(inputs[0])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.modules.RReLU", self.own_fields())

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(f"lower is {self.lower:g}, above upper, which is {self.upper:g}")
        return self


class ELU(Elementwise):
    """What is negative bends smoothly towards −alpha (Clevert et al., 2015)."""

    type: Literal["elu"] = "elu"
    alpha: float = Field(default=1.0, gt=0)
    """what is approached"""
    module: ClassVar[str] = "ELU"
    source: ClassVar[str] = documented("ELU")


class CELU(Elementwise):
    """elu whose slope at 0 is 1 for every alpha (Barron, 2017)."""

    type: Literal["celu"] = "celu"
    alpha: float = Field(default=1.0, gt=0)
    """what is approached"""
    module: ClassVar[str] = "CELU"
    source: ClassVar[str] = documented("CELU")


class SELU(Elementwise):
    """elu so scaled that signals keep mean 0 and deviation 1 by themselves (Klambauer et al., 2017)."""

    type: Literal["selu"] = "selu"
    module: ClassVar[str] = "SELU"
    source: ClassVar[str] = documented("SELU")


class GELU(Elementwise):
    """A smooth relu, weighted by the normal distribution (Hendrycks, Gimpel, 2016)."""

    type: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = "none"
    """tanh takes a formula that is quicker and a little off"""
    module: ClassVar[str] = "GELU"
    source: ClassVar[str] = documented("GELU")


class SiLU(Elementwise):
    """x · sigmoid(x), also called swish."""

    type: Literal["silu"] = "silu"
    also_called: ClassVar[tuple[str, ...]] = ("swish",)
    module: ClassVar[str] = "SiLU"
    source: ClassVar[str] = documented("SiLU")


class Mish(Elementwise):
    """x · tanh(softplus(x)), a smooth relu (Misra, 2019)."""

    type: Literal["mish"] = "mish"
    module: ClassVar[str] = "Mish"
    source: ClassVar[str] = documented("Mish")


class Hardswish(Elementwise):
    """silu in straight pieces, quicker on small devices (Howard et al., 2019)."""

    type: Literal["hardswish"] = "hardswish"
    also_called: ClassVar[tuple[str, ...]] = ("hard_swish", "h_swish")
    module: ClassVar[str] = "Hardswish"
    source: ClassVar[str] = documented("Hardswish")


class Sigmoid(Elementwise):
    """Everything between 0 and 1."""

    type: Literal["sigmoid"] = "sigmoid"
    module: ClassVar[str] = "Sigmoid"
    source: ClassVar[str] = documented("Sigmoid")
    keeps_inputs: ClassVar[bool] = False
    keeps_output: ClassVar[bool] = True


class Hardsigmoid(Elementwise):
    """sigmoid in straight pieces."""

    type: Literal["hardsigmoid"] = "hardsigmoid"
    also_called: ClassVar[tuple[str, ...]] = ("hard_sigmoid",)
    module: ClassVar[str] = "Hardsigmoid"
    source: ClassVar[str] = documented("Hardsigmoid")


class LogSigmoid(Elementwise):
    """The logarithm of sigmoid."""

    type: Literal["log_sigmoid"] = "log_sigmoid"
    also_called: ClassVar[tuple[str, ...]] = ("logsigmoid",)
    module: ClassVar[str] = "LogSigmoid"
    source: ClassVar[str] = documented("LogSigmoid")

    def num_kept(self, *inputs: Shape) -> int:
        return prod(inputs[0])


class Tanh(Elementwise):
    """Everything between −1 and 1."""

    type: Literal["tanh"] = "tanh"
    module: ClassVar[str] = "Tanh"
    source: ClassVar[str] = documented("Tanh")
    keeps_inputs: ClassVar[bool] = False
    keeps_output: ClassVar[bool] = True


class Hardtanh(Elementwise):
    """Cut off below min_val and above max_val."""

    type: Literal["hardtanh"] = "hardtanh"
    min_val: float = -1.0
    """the least that comes out"""
    max_val: float = 1.0
    """the greatest that comes out"""
    module: ClassVar[str] = "Hardtanh"
    source: ClassVar[str] = documented("Hardtanh")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_val >= self.max_val:
            raise ValueError(f"min_val is {self.min_val:g}: it should be below max_val, which is {self.max_val:g}")
        return self


class Tanhshrink(Elementwise):
    """x − tanh(x): what is small becomes smaller."""

    type: Literal["tanhshrink"] = "tanhshrink"
    module: ClassVar[str] = "Tanhshrink"
    source: ClassVar[str] = documented("Tanhshrink")
    keeps_inputs: ClassVar[bool] = False

    def num_kept(self, *inputs: Shape) -> int:
        return prod(inputs[0])


class Softsign(Elementwise):
    """x / (1 + |x|): between −1 and 1, more slowly than tanh."""

    type: Literal["softsign"] = "softsign"
    module: ClassVar[str] = "Softsign"
    source: ClassVar[str] = documented("Softsign")

    def num_kept(self, *inputs: Shape) -> int:
        return prod(inputs[0])


class Softplus(Elementwise):
    """A smooth relu: log(1 + eˣ)."""

    type: Literal["softplus"] = "softplus"
    beta: float = Field(default=1.0, gt=0)
    """how sharp the bend is"""
    threshold: float = 20.0
    """above it, times beta, it is taken as straight"""
    module: ClassVar[str] = "Softplus"
    source: ClassVar[str] = documented("Softplus")


class Softshrink(Elementwise):
    """Brought nearer to 0 by lambd, and 0 where that crosses it."""

    type: Literal["softshrink"] = "softshrink"
    lambd: float = Field(default=0.5, ge=0)
    """how far"""
    module: ClassVar[str] = "Softshrink"
    source: ClassVar[str] = documented("Softshrink")


class Hardshrink(Elementwise):
    """0 where nearer to 0 than lambd."""

    type: Literal["hardshrink"] = "hardshrink"
    lambd: float = Field(default=0.5, ge=0)
    """how near"""
    module: ClassVar[str] = "Hardshrink"
    source: ClassVar[str] = documented("Hardshrink")


class Threshold(Elementwise):
    """Replaced where not above a threshold."""

    type: Literal["threshold"] = "threshold"
    threshold: float
    """what must be exceeded"""
    value: float
    """what comes in its place"""
    module: ClassVar[str] = "Threshold"
    source: ClassVar[str] = documented("Threshold")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"threshold": 0.1, "value": 20.0}, ((5,),)),
        Example({"threshold": 0.0, "value": -1.0}, ((3, 4, 4),)),
    )


class PReLU(Weighted):
    """leaky_relu whose slope is learned: one for all, or one for each channel (He et al., 2015)."""

    type: Literal["prelu"] = "prelu"
    per_channel: bool = False
    """whether each channel has its own slope"""
    init: float = 0.25
    """the slope in the beginning"""

    group: ClassVar[str] = "activation"
    source: ClassVar[str] = documented("PReLU")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({}, ((5,),)),
        Example({"per_channel": True, "init": 0.1}, ((3, 4, 4),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def weight_shape(self, *inputs: Shape) -> Shape:
        return (self.num_parameters(*inputs),)

    def num_parameters(self, *inputs: Shape) -> int:
        return inputs[0][0] if self.per_channel and inputs[0] else 1

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.PReLU", {"num_parameters": self.num_parameters(*inputs), "init": self.init})


class GLU(Layer):
    """Halves an axis: the first half times the sigmoid of the second, a gate (Dauphin et al., 2016)."""

    type: Literal["glu"] = "glu"
    dim: int = -1
    """the axis, counted with the batch as 0"""

    group: ClassVar[str] = "activation"
    source: ClassVar[str] = documented("GLU")
    keeps_inputs: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((6,),)), Example({"dim": 1}, ((4, 5, 5),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        at = axis_at(shape, self.dim)
        if shape[at] % 2:
            raise ShapeError(f"halves an axis, but axis {self.dim} of {written(shape)} is odd", "dim")
        return (*shape[:at], shape[at] // 2, *shape[at + 1 :])

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.GLU", self.own_fields())


class _OverAxis(Layer):
    """Looks at all numbers along an axis at once."""

    dim: int = -1
    """the axis, counted with the batch as 0"""

    group: ClassVar[str] = "activation"
    keeps_output: ClassVar[bool] = True
    module: ClassVar[str]
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((5,),)), Example({"dim": 1}, ((3, 4),)))

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        axis_at(shape, self.dim)
        return shape

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(f"torch.nn.{self.module}", self.own_fields())


class Softmax(_OverAxis):
    """Positive, and 1 in sum: probabilities."""

    type: Literal["softmax"] = "softmax"
    module: ClassVar[str] = "Softmax"
    source: ClassVar[str] = documented("Softmax")


class Softmin(_OverAxis):
    """softmax of the negated numbers: the smallest gets most."""

    type: Literal["softmin"] = "softmin"
    module: ClassVar[str] = "Softmin"
    source: ClassVar[str] = documented("Softmin")


class LogSoftmax(_OverAxis):
    """The logarithm of softmax: what nll_loss takes."""

    type: Literal["log_softmax"] = "log_softmax"
    module: ClassVar[str] = "LogSoftmax"
    source: ClassVar[str] = documented("LogSoftmax")


class Softmax2d(Layer):
    """softmax over the channels at each point of an image."""

    type: Literal["softmax2d"] = "softmax2d"
    group: ClassVar[str] = "activation"
    source: ClassVar[str] = documented("Softmax2d")
    keeps_output: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (Example({}, ((3, 4, 5),)),)

    def output_shape(self, *inputs: Shape) -> Shape:
        need_axes(inputs[0], 3, "an image (channels×height×width)")
        return inputs[0]

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("torch.nn.Softmax2d")
