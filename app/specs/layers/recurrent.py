"""Layers that read a sequence step by step."""

from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape
from app.specs.layers.base import Example, Recipe, Weighted, documented, need_axes


class _Recurrent(Weighted):
    """What lstm and gru share: input (length, features), output the last step's state or every step's.

    Dropout with one mask a sequence: Gal and Ghahramani, 2016, https://arxiv.org/abs/1512.05287.
    """

    hidden_size: int = Field(ge=1, le=100_000)
    """how many numbers the state has"""
    num_layers: int = Field(default=1, ge=1, le=64)
    """how many are stacked"""
    bidirectional: bool = False
    """whether a second one reads from the end"""
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    """the share of each step's inputs that is dropped: one mask for the whole sequence"""
    recurrent_dropout: float = Field(default=0.0, ge=0, lt=1)
    """the share of the state that is dropped on its way to the next step: one mask for the whole sequence"""
    output: Literal["last", "all"] = "last"
    """the state after the last step, or after each"""

    group: ClassVar[str] = "sequence"
    gates: ClassVar[int]
    states_kept: ClassVar[int]  # of each step, for the way back: gates, states and what is between, as torch keeps them
    module: ClassVar[str]

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        need_axes(shape, 2, "a sequence (length×features)", "an embedding layer before it makes tokens features")
        width = self.hidden_size * (2 if self.bidirectional else 1)
        return (width,) if self.output == "last" else (shape[0], width)

    def num_parameters(self, *inputs: Shape) -> int:
        ways = 2 if self.bidirectional else 1
        widths = [inputs[0][1]] + [self.hidden_size * ways] * (self.num_layers - 1)
        return sum(ways * self.gates * self.hidden_size * (width + self.hidden_size + 2) for width in widths)

    def num_multiply_adds(self, *inputs: Shape) -> int:
        biases = 2 * self.gates * self.hidden_size * (2 if self.bidirectional else 1) * self.num_layers
        return inputs[0][0] * (self.num_parameters(*inputs) - biases)

    def num_kept(self, *inputs: Shape) -> int:
        ways = 2 if self.bidirectional else 1
        return inputs[0][0] * self.num_layers * ways * self.hidden_size * self.states_kept

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe(self.module, {"input_size": inputs[0][1]} | self.own_fields())


_EXAMPLES = (
    Example({"hidden_size": 4}, ((5, 3),)),
    Example({"hidden_size": 4, "num_layers": 2, "bidirectional": True, "output": "all"}, ((5, 3),)),
    Example({"hidden_size": 6, "input_dropout": 0.2, "recurrent_dropout": 0.2}, ((7, 2),)),
)


class RNN(_Recurrent):
    """A plain state: new from the step's input and the state before (Elman, 1990)."""

    type: Literal["rnn"] = "rnn"
    also_called: ClassVar[tuple[str, ...]] = ("simple_rnn", "elman")
    nonlinearity: Literal["tanh", "relu"] = "tanh"
    """what the new state goes through"""
    gates: ClassVar[int] = 1
    states_kept: ClassVar[int] = 1
    module: ClassVar[str] = "worker.nn.recurrent.RNN"
    source: ClassVar[str] = documented("RNN")
    examples: ClassVar[tuple[Example, ...]] = (
        *_EXAMPLES,
        Example({"hidden_size": 4, "nonlinearity": "relu"}, ((5, 3),)),
    )


class LSTM(_Recurrent):
    """Long short-term memory: a state with gates that say what to keep (Hochreiter, Schmidhuber, 1997)."""

    type: Literal["lstm"] = "lstm"
    gates: ClassVar[int] = 4
    states_kept: ClassVar[int] = 7
    module: ClassVar[str] = "worker.nn.recurrent.LSTM"
    source: ClassVar[str] = documented("LSTM")
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES


class GRU(_Recurrent):
    """Gated recurrent unit: as lstm, with fewer gates (Cho et al., 2014)."""

    type: Literal["gru"] = "gru"
    gates: ClassVar[int] = 3
    states_kept: ClassVar[int] = 7
    module: ClassVar[str] = "worker.nn.recurrent.GRU"
    source: ClassVar[str] = documented("GRU")
    examples: ClassVar[tuple[Example, ...]] = _EXAMPLES
