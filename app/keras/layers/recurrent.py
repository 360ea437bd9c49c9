"""Layers that read a sequence step by step."""

from typing import Any, ClassVar, Literal

from pydantic import InstanceOf, field_validator

from app.keras.chain import Chain
from app.keras.layers.activation import Named
from app.keras.layers.base import GLOROT, ZEROS, KerasLayer, Positive, weight
from app.keras.objects import Absent, Begin, Constraint, Initializer, No, Penalty, Yes
from app.specs.layers.base import need_axes

_ALIKE = "what bounds kernel and recurrent weights is the same here: say both alike, or leave both out"


class Recurrent(KerasLayer):
    """What they share: input (length, features), output the last state or every step's."""

    holds: ClassVar[tuple[str, ...]] = ("activation", "recurrent_activation")
    type: ClassVar[str]
    gates: ClassVar[int]
    num_biases: ClassVar[int] = 1  # that Keras has, where torch has two

    units: Positive
    activation: InstanceOf[KerasLayer] | None = Named(type="tanh")
    recurrent_activation: InstanceOf[KerasLayer] | None = Named(type="sigmoid")
    use_bias: Yes = True
    return_sequences: bool = False
    return_state: No = False
    go_backwards: No = False
    stateful: No = False
    time_major: No = False
    kernel_initializer: Initializer = GLOROT
    recurrent_initializer: Initializer = Begin({"type": "orthogonal", "gain": 1.0})
    bias_initializer: Initializer = ZEROS
    kernel_regularizer: Penalty = {}
    recurrent_regularizer: Penalty = {}
    bias_regularizer: Absent = None
    kernel_constraint: Constraint | None = None
    recurrent_constraint: Constraint | None = None
    bias_constraint: Absent = None
    dropout: float = 0.0
    recurrent_dropout: float = 0.0

    @field_validator("activation", "recurrent_activation")
    @classmethod
    def _as_torch_has_it(cls, given: Any, info: Any) -> Any:
        wanted = cls.activations(info.field_name)
        if not isinstance(given, Named) or given.type not in wanted:
            raise ValueError(f"it is {' or '.join(wanted)} here")
        return given

    @classmethod
    def activations(cls, field: str) -> tuple[str, ...]:
        """What an activation may be."""
        return ("tanh",) if field == "activation" else ("sigmoid",)

    @field_validator("bias_initializer")
    @classmethod
    def _of_all_biases(cls, begin: Begin) -> Begin:
        if cls.num_biases == 1 and begin.init["type"] != "zeros":
            raise ValueError("it begins with zeros here, for torch adds two biases that begin alike")
        return begin

    @field_validator("recurrent_regularizer")
    @classmethod
    def _penalised_alike(cls, penalty: Any, info: Any) -> Any:
        if penalty != info.data.get("kernel_regularizer", penalty):
            raise ValueError(_ALIKE)
        return penalty

    @field_validator("recurrent_constraint")
    @classmethod
    def _bounded_alike(cls, bound: Any, info: Any) -> Any:
        if bound != info.data.get("kernel_constraint", bound):
            raise ValueError(_ALIKE)
        return bound

    @field_validator("kernel_constraint")
    @classmethod
    def _of_each_output(cls, bound: Any) -> Any:
        if bound is not None and bound.axes != {0}:
            raise ValueError("the norm is of the weights of each output here: axis should be 0")
        return bound

    def place(self, chain: Chain) -> None:
        self.read(chain)

    def read(self, chain: Chain, **fields: Any) -> None:
        """Put it at the end of the chain, in one or both directions."""
        need_axes(chain.shape, 2, "a sequence (length×features)")
        chain.as_keras()
        output = "all" if self.return_sequences else None
        order = (0, 1) if self.return_sequences else (0,)
        fields |= {"hidden_size": self.units, "output": output, **self.own(), **self._disturbed()}
        weights = weight(chain, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint)
        chain.main(self.type, order=order, **fields, **weights, bias_init=self.bias_initializer.init)
        self._tell(chain)

    def own(self) -> dict[str, Any]:
        """What only this kind says."""
        return {}

    def _disturbed(self) -> dict[str, Any]:
        return {"input_dropout": self.dropout or None, "recurrent_dropout": self.recurrent_dropout or None}

    def _tell(self, chain: Chain) -> None:
        if self.num_biases == 1:
            chain.note(
                f"{self.type}: torch keeps two biases whose sum counts, Keras one, so each direction has {self.gates} "
                "numbers more for each unit; what can be computed is the same."
            )
        if self.recurrent_initializer != self.kernel_initializer:
            begins = self.recurrent_initializer.init["type"]
            chain.note(f"{self.type}: recurrent weights begin as the others do; in Keras they begin {begins}.")


class SimpleRNN(Recurrent):
    """`rnn`."""

    type: ClassVar[str] = "rnn"
    gates: ClassVar[int] = 1

    @classmethod
    def activations(cls, field: str) -> tuple[str, ...]:
        return ("tanh", "relu")

    def own(self) -> dict[str, Any]:
        is_relu = isinstance(self.activation, Named) and self.activation.type == "relu"
        return {"nonlinearity": "relu"} if is_relu else {}


class LSTM(Recurrent):
    """`lstm`."""

    type: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    unit_forget_bias: bool = True

    def _tell(self, chain: Chain) -> None:
        super()._tell(chain)
        if self.unit_forget_bias:
            begins = self.bias_initializer.init["type"]
            chain.note(f"lstm: the forget gate's bias begins at 1 in Keras; here as the others do, with {begins}.")


class GRU(Recurrent):
    """`gru`. Only with reset_after, as torch computes it."""

    type: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    num_biases: ClassVar[int] = 2
    reset_after: bool  # before Keras 2.1.3 it was not said, and false

    @field_validator("reset_after")
    @classmethod
    def _is_after(cls, reset_after: bool) -> bool:
        if not reset_after:
            raise ValueError("torch's gru resets after the matrix product: only true has a counterpart here")
        return reset_after


class Bidirectional(KerasLayer):
    """A recurrent layer in both directions."""

    holds: ClassVar[tuple[str, ...]] = ("layer", "backward_layer")

    layer: InstanceOf[KerasLayer]
    backward_layer: InstanceOf[KerasLayer] | None = None
    merge_mode: Literal["concat"]

    @field_validator("layer")
    @classmethod
    def _is_recurrent(cls, layer: KerasLayer) -> KerasLayer:
        if not isinstance(layer, Recurrent):
            raise ValueError(f"{type(layer).__name__} in both directions has no counterpart here")
        return layer

    @field_validator("backward_layer")
    @classmethod
    def _is_the_same(cls, backward: KerasLayer, info: Any) -> KerasLayer:
        forward = info.data.get("layer")
        if forward is not None and _told(backward) != _told(forward):
            raise ValueError("the way back has to be like the way there, with go_backwards turned round")
        return backward

    def place(self, chain: Chain) -> None:
        assert isinstance(self.layer, Recurrent)
        self.layer.read(chain, bidirectional=True)


def _told(layer: KerasLayer) -> Any:
    """What both directions have to say alike."""
    return type(layer), {name: value for name, value in layer if name != "name"}


RECURRENT: tuple[type[KerasLayer], ...] = (SimpleRNN, LSTM, GRU, Bidirectional)
