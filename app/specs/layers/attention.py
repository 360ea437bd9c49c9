"""Attention, and the transformer layers that are made of it. Sequences are length×features.

Names of arguments are those of torch's modules; `embed_dim`, `d_model`, `kdim` and `vdim` follow from the inputs.
"""

from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from app.specs.base import Shape, ShapeError
from app.specs.layers.base import Example, Recipe, Weighted, documented, need_axes, written

_SEQUENCE = "a sequence (length×features)"
_HINT = "an embedding layer before it makes tokens features"


class _Attending(Weighted):
    """What attention and the layers made of it share."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """the share that is dropped"""
    bias: bool = True
    """whether something is added to each sum"""
    is_causal: bool = False
    """whether a place sees only itself and those before it: as one who writes on must"""
    rotary: bool = False
    """whether places are told apart by turning queries and keys, the further the later (Su et al., 2021)"""

    group: ClassVar[str] = "attention"

    def _check(self, shape: Shape, num_heads: int, field: str) -> None:
        need_axes(shape, 2, _SEQUENCE, _HINT)
        if shape[1] % num_heads:
            raise ShapeError(f"{num_heads} heads do not divide {shape[1]} features evenly", field)
        if self.rotary and shape[1] // num_heads % 2:
            raise ShapeError(f"rotary turns pairs, and {shape[1] // num_heads} features a head are odd", "rotary")

    def _attention_parameters(self, width: int, memory_width: int) -> int:
        """Of queries, keys, values and what goes out."""
        return 2 * width * width + 2 * width * memory_width + (4 * width if self.bias else 0)

    def _attention_multiply_adds(self, query: Shape, memory: Shape) -> int:
        (length, width), (seen, memory_width) = query, memory
        return 2 * length * width * width + 2 * seen * memory_width * width + 2 * length * seen * width

    def _kept_by_attention(self, query: Shape, memory: Shape, num_heads: int) -> int:
        """Queries, keys, values and what they make, rotated once more.

        What each looked at is made anew on the way back; on a CPU not where some of it is dropped.
        """
        (length, width), seen = query, memory[0]
        turned = (length + seen) * width if self.rotary else 0
        dropped = (length + seen) * width + 3 * num_heads * length * seen if self.dropout else 0
        return 2 * length * width + 2 * seen * width + turned + dropped


class MultiheadAttention(_Attending):
    """Each place looks at all places, and takes from those that matter to it (Vaswani et al., 2017)."""

    # One input looks at itself; of two, the first looks at the second; three are queries, keys and values.
    type: Literal["multihead_attention"] = "multihead_attention"
    also_called: ClassVar[tuple[str, ...]] = ("multi_head_attention", "self_attention", "attention")
    num_heads: int = Field(ge=1, le=1000)
    """how many look in parallel, each with a part of the features"""

    source: ClassVar[str] = documented("MultiheadAttention")
    num_inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_heads": 2}, ((5, 8),)),
        Example({"num_heads": 2, "is_causal": True, "rotary": True, "bias": False}, ((6, 8),)),
        Example({"num_heads": 2, "dropout": 0.1}, ((3, 8), (5, 6))),
        Example({"num_heads": 4}, ((3, 8), (5, 6), (5, 7))),
    )

    def _each(self, inputs: tuple[Shape, ...]) -> tuple[Shape, Shape, Shape]:
        query = inputs[0]
        keys = inputs[1] if len(inputs) > 1 else query
        return query, keys, inputs[2] if len(inputs) > 2 else keys

    def output_shape(self, *inputs: Shape) -> Shape:
        query, keys, values = self._each(inputs)
        self._check(query, self.num_heads, "num_heads")
        for shape in (keys, values):
            need_axes(shape, 2, _SEQUENCE, _HINT)
        if keys[0] != values[0]:
            message = f"there are {keys[0]} keys and {values[0]} values: one of each for each place"
            raise ShapeError(message, "inputs")
        if self.is_causal and query[0] != keys[0]:
            message = f"is_causal is for a sequence that looks at itself, not {written(query)} at {written(keys)}"
            raise ShapeError(message, "is_causal")
        return query

    def num_parameters(self, *inputs: Shape) -> int:
        (_, width), (_, key_width), (_, value_width) = self._each(inputs)
        return width * (2 * width + key_width + value_width) + (4 * width if self.bias else 0)

    def num_multiply_adds(self, *inputs: Shape) -> int:
        query, keys, values = self._each(inputs)
        difference = (values[1] - keys[1]) * keys[0] * query[1]  # values may be wider than keys
        return self._attention_multiply_adds(query, keys) + difference

    def num_kept(self, *inputs: Shape) -> int:
        query, keys, _ = self._each(inputs)
        return self._kept_by_attention(query, keys, self.num_heads)

    def recipe(self, *inputs: Shape) -> Recipe:
        query, keys, values = self._each(inputs)
        widths = {"embed_dim": query[1], "kdim": keys[1], "vdim": values[1]}
        return Recipe("worker.nn.attention.MultiheadAttention", widths | self.own_fields())


class _Transformer(_Attending):
    nhead: int = Field(ge=1, le=1000)
    """how many heads attend in parallel, each with a part of the features"""
    dim_feedforward: int = Field(default=2048, ge=1, le=1_000_000)
    """how wide the two linear layers are in between"""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """the share that is dropped"""
    activation: Literal["relu", "gelu"] = "relu"
    """what stands between the two linear layers"""
    layer_norm_eps: float = Field(default=1e-5, gt=0)
    """added to variances, against division by zero"""
    norm_first: bool = False
    """whether normalisation comes before each part rather than after: steadier to train (Xiong et al., 2020)"""

    def _feedforward_parameters(self, width: int) -> int:
        return 2 * width * self.dim_feedforward + (width + self.dim_feedforward if self.bias else 0)

    def _norm_parameters(self, width: int) -> int:
        return 2 * width if self.bias else width

    def _kept_by_rest(self, shape: Shape, num_norms: int) -> int:
        """What norms and linear layers are given, and of dropout what was dropped."""
        masks = num_norms * prod(shape) + shape[0] * self.dim_feedforward if self.dropout else 0
        return (2 * num_norms - 1) * prod(shape) + 2 * shape[0] * self.dim_feedforward + masks


class TransformerEncoderLayer(_Transformer):
    """A sequence attends to itself, then each place is worked on alone. With is_causal, the layer of GPT."""

    type: Literal["transformer_encoder_layer"] = "transformer_encoder_layer"
    source: ClassVar[str] = documented("TransformerEncoderLayer")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"nhead": 2, "dim_feedforward": 12}, ((5, 8),)),
        Example(
            {"nhead": 4, "dim_feedforward": 6, "norm_first": True, "is_causal": True, "activation": "gelu"}, ((5, 8),)
        ),
        Example({"nhead": 2, "dim_feedforward": 6, "bias": False, "rotary": True}, ((5, 8),)),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        self._check(inputs[0], self.nhead, "nhead")
        return inputs[0]

    def num_parameters(self, *inputs: Shape) -> int:
        width = inputs[0][1]
        norms = 2 * self._norm_parameters(width)
        return self._attention_parameters(width, width) + self._feedforward_parameters(width) + norms

    def num_multiply_adds(self, *inputs: Shape) -> int:
        (shape,) = inputs
        return self._attention_multiply_adds(shape, shape) + 2 * prod(shape) * self.dim_feedforward

    def num_kept(self, *inputs: Shape) -> int:
        (shape,) = inputs
        return self._kept_by_attention(shape, shape, self.nhead) + self._kept_by_rest(shape, 2)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.attention.TransformerEncoderLayer", {"d_model": inputs[0][1]} | self.own_fields())


class TransformerDecoderLayer(_Transformer):
    """A sequence attends to itself, then to a second one, its memory; then each place is worked on alone."""

    type: Literal["transformer_decoder_layer"] = "transformer_decoder_layer"
    is_causal: bool = True
    """whether a place sees only itself and those before it: as one who writes on must"""
    source: ClassVar[str] = documented("TransformerDecoderLayer")
    num_inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"nhead": 2, "dim_feedforward": 12}, ((5, 8), (7, 8))),
        Example({"nhead": 4, "dim_feedforward": 6, "norm_first": True, "is_causal": False}, ((5, 8), (2, 8))),
    )

    def output_shape(self, *inputs: Shape) -> Shape:
        shape, memory = inputs
        self._check(shape, self.nhead, "nhead")
        need_axes(memory, 2, _SEQUENCE, _HINT)
        if shape[1] != memory[1]:
            raise ShapeError(f"both have the same features: {written(shape)} and {written(memory)} differ", "inputs")
        return shape

    def num_parameters(self, *inputs: Shape) -> int:
        width = inputs[0][1]
        norms = 3 * self._norm_parameters(width)
        return 2 * self._attention_parameters(width, width) + self._feedforward_parameters(width) + norms

    def num_multiply_adds(self, *inputs: Shape) -> int:
        shape, memory = inputs
        attention = self._attention_multiply_adds(shape, shape) + self._attention_multiply_adds(shape, memory)
        return attention + 2 * prod(shape) * self.dim_feedforward

    def num_kept(self, *inputs: Shape) -> int:
        shape, memory = inputs
        attention = (self._kept_by_attention(shape, seen, self.nhead) for seen in (shape, memory))
        return sum(attention) + self._kept_by_rest(shape, 3)

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.attention.TransformerDecoderLayer", {"d_model": inputs[0][1]} | self.own_fields())


class _Stacked(_Transformer):
    """Several layers on one another: mixed into the layer that they are."""

    num_layers: int = Field(ge=1, le=1000)
    """how many there are"""
    norm: bool = False
    """whether what comes out is normalised once more, as goes with norm_first"""

    def num_parameters(self, *inputs: Shape) -> int:
        return self.num_layers * super().num_parameters(*inputs) + self.norm * self._norm_parameters(inputs[0][1])

    def num_multiply_adds(self, *inputs: Shape) -> int:
        return self.num_layers * super().num_multiply_adds(*inputs)

    def num_kept(self, *inputs: Shape) -> int:
        between = self.num_layers - 1 + self.norm  # what comes out of each layer, and goes into the next
        return self.num_layers * super().num_kept(*inputs) + between * prod(inputs[0])


class TransformerEncoder(_Stacked, TransformerEncoderLayer):
    """Several transformer_encoder_layer on one another: what BERT, and with is_causal what GPT, is made of."""

    type: Literal["transformer_encoder"] = "transformer_encoder"  # type: ignore[assignment]
    source: ClassVar[str] = documented("TransformerEncoder")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_layers": 2, "nhead": 2, "dim_feedforward": 12}, ((5, 8),)),
        Example(
            {"num_layers": 2, "nhead": 2, "dim_feedforward": 6, "is_causal": True, "norm_first": True, "norm": True},
            ((5, 8),),
        ),
    )

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.attention.TransformerEncoder", {"d_model": inputs[0][1]} | self.own_fields())


class TransformerDecoder(_Stacked, TransformerDecoderLayer):
    """Several transformer_decoder_layer on one another, all with the same memory: what translates (Vaswani, 2017)."""

    type: Literal["transformer_decoder"] = "transformer_decoder"  # type: ignore[assignment]
    source: ClassVar[str] = documented("TransformerDecoder")
    examples: ClassVar[tuple[Example, ...]] = (
        Example({"num_layers": 2, "nhead": 2, "dim_feedforward": 12, "norm": True}, ((5, 8), (7, 8))),
    )

    def recipe(self, *inputs: Shape) -> Recipe:
        return Recipe("worker.nn.attention.TransformerDecoder", {"d_model": inputs[0][1]} | self.own_fields())
