"""Fully connected layers, embeddings, and what does the same at each step of a series."""

from typing import Any, ClassVar

from pydantic import InstanceOf, field_validator

from app.keras.chain import Chain
from app.keras.layers.base import KerasLayer, Positive, WithKernel, weight
from app.keras.objects import Absent, Begin, Constraint, Initializer, No, Penalty


class Dense(WithKernel):
    """`linear`. Works on the last axis."""

    units: Positive
    lora_rank: Absent = None
    quantization_config: Absent = None

    bounded: ClassVar[frozenset[int]] = frozenset({0})

    def place(self, chain: Chain) -> None:
        chain.mix() if len(chain.shape) == 1 else chain.to_end(-1)
        chain.main("linear", out_features=self.units, **self.weights(chain))
        self.activate(chain)


class Embedding(KerasLayer):
    """`embedding`."""

    input_dim: Positive
    output_dim: Positive
    embeddings_initializer: Initializer = Begin({"type": "uniform", "a": -0.05, "b": 0.05})
    embeddings_regularizer: Penalty = {}
    embeddings_constraint: Constraint | None = None
    mask_zero: bool = False
    sparse: No = False
    lora_rank: Absent = None
    quantization_config: Absent = None

    @field_validator("embeddings_constraint")
    @classmethod
    def _of_each_vector(cls, bound: Any) -> Any:
        if bound is not None and bound.axes != {1}:
            raise ValueError("the norm is of each vector here: axis should be 1")
        return bound

    def place(self, chain: Chain) -> None:
        if self.mask_zero:
            chain.note(
                "mask_zero has no counterpart: zeros that fill a sequence up are read like any other token, and count "
                "in what is pooled or remembered."
            )
        chain.settle()
        begin = _turned(self.embeddings_initializer)
        weights = weight(chain, begin, self.embeddings_regularizer, self.embeddings_constraint)
        order = (*chain.order, len(chain.order))
        chain.main("embedding", order=order, num_embeddings=self.input_dim, embedding_dim=self.output_dim, **weights)


def _turned(begin: Begin) -> Begin:
    """The same with what goes in and what comes out changed round, which torch takes otherwise of a table."""
    if not begin.init["type"].startswith("kaiming"):
        return begin
    mode = "fan_in" if begin.init.get("mode") == "fan_out" else "fan_out"
    return Begin(begin.init | {"mode": mode}, begin.is_cut)


class TimeDistributed(KerasLayer):
    """A layer at each step of a series, where what it does is the same for every step anyway."""

    holds: ClassVar[tuple[str, ...]] = ("layer",)

    layer: InstanceOf[KerasLayer]

    @field_validator("layer")
    @classmethod
    def _sees_no_steps(cls, layer: KerasLayer) -> KerasLayer:
        if not (layer.blind or isinstance(layer, Dense)):
            name = type(layer).__name__
            raise ValueError(f"{name} at each step has no counterpart here; Dense, Dropout and activations have one")
        return layer

    def place(self, chain: Chain) -> None:
        self.layer.place(chain)
