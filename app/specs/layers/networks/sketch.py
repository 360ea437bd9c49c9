"""A network on the way through which its costs are added up, layer by layer, from shapes alone.

Each layer is one of ours, so what it costs is written down once, where the layer is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

from app.specs.base import Shape
from app.specs.layers.activation import ReLU
from app.specs.layers.base import Layer
from app.specs.layers.conv import Conv2d
from app.specs.layers.norm import BatchNorm

_RELU = ReLU()


@dataclass(frozen=True)
class Value:
    """What a layer gives, or the network is given."""

    index: int
    shape: Shape


@dataclass(frozen=True)
class Costs:
    """What a network makes of its input, and at what price."""

    output_shape: Shape
    num_parameters: int
    num_multiply_adds: int
    num_kept: int


class Sketch:
    """What is added up on the way."""

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._needed: set[int] = set()
        self._num_parameters = self._num_multiply_adds = self._num_kept = 0

    def begin(self, shape: Shape) -> Value:
        """The network's input."""
        return self._value(shape)

    def add(self, layer: Layer, *inputs: Value) -> Value:
        """What `layer` gives. Raises ShapeError where it does not fit."""
        shapes = [one.shape for one in inputs]
        output = self._value(layer.output_shape(*shapes))
        self._num_parameters += layer.num_parameters(*shapes)
        self._num_multiply_adds += layer.num_multiply_adds(*shapes)
        self._num_kept += layer.num_kept(*shapes)
        if layer.keeps_inputs:
            self._needed.update(one.index for one in inputs)
        if layer.keeps_output:
            self._needed.add(output.index)
        return output

    def chain(self, x: Value, *layers: Layer) -> Value:
        """What layers that follow one another make of x."""
        for layer in layers:
            x = self.add(layer, x)
        return x

    def conv(
        self,
        x: Value,
        num_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: int | tuple[int, int] | None = None,
        groups: int = 1,
        activation: Layer | None = _RELU,
    ) -> Value:
        """A convolution without bias, its normalisation, and an activation. It keeps sizes where no padding is said."""
        if padding is None:
            padding = kernel_size // 2 if isinstance(kernel_size, int) else (kernel_size[0] // 2, kernel_size[1] // 2)
        conv = Conv2d(
            out_channels=num_channels,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            groups=groups,
            bias=False,
        )
        return self.chain(x, conv, BatchNorm(), *([activation] if activation is not None else []))

    def costs(self, output: Value) -> Costs:
        """What it comes to. The input is not the network's to keep."""
        kept = sum(prod(self._values[i].shape) for i in self._needed if i > 0)
        return Costs(output.shape, self._num_parameters, self._num_multiply_adds, self._num_kept + kept)

    def _value(self, shape: Shape) -> Value:
        self._values.append(Value(len(self._values), shape))
        return self._values[-1]


Maps = Callable[[Sketch, Value], Value]  # from the image to the maps before they are pooled
