"""A model: a graph of layers. They follow one another unless one names its inputs; blocks are used many times."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import Field, field_validator

from app.specs.base import Fed, Problem, Shape, Spec, SpecError
from app.specs.graph import MAX_LAYERS, Graph, Node, nodes_of, read_layer, wire
from app.specs.inspection import Inspection, LayerReport, inspect, lookups
from app.specs.layers import AnyLayer, Layer
from app.specs.layers.block import Block, Name, Use, check_names
from app.specs.layers.embedding import Embedding

__all__ = ["INPUT", "Inspection", "LayerReport", "ModelSpec"]

INPUT = "input"  # the only input of most models, as layers call it
MAX_ENDS = 100  # inputs of a model, and its outputs
_ONE = (INPUT,)


class ModelSpec(Spec):
    """A named graph of layers; the last one's output is the model's, or those of several that are named."""

    name: str | None = Field(default=None, max_length=200)
    """how it is called in lists"""
    inputs: tuple[Name, ...] = Field(
        default=_ONE, min_length=1, max_length=MAX_ENDS, exclude_if=lambda names: names == _ONE
    )
    """what layers call what it is fed; the first layer takes the first"""
    outputs: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=MAX_ENDS, exclude_if=lambda names: names is None
    )
    """the layers whose outputs are the model's; the last one if empty"""
    blocks: dict[Name, Block] = Field(default={}, max_length=200)
    """layers under a name, for layers of type block to put in their place"""
    layers: tuple[AnyLayer, ...] = Field(min_length=1, max_length=MAX_LAYERS)
    """in the order of computation"""

    @field_validator("blocks", "inputs")
    @classmethod
    def _can_be_called(cls, names: Any) -> Any:
        check_names(names)
        return names

    @field_validator("inputs", "outputs")
    @classmethod
    def _are_named_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for i, name in enumerate(names or ()):
            if names is not None and name in names[:i]:
                raise ValueError(f"{name!r} is named twice")
        return names

    @cached_property
    def normalises_by_batch(self) -> bool:
        """Whether what a row becomes follows from the other rows of its batch, too: layers of batch_norm, backbones."""
        layers = [node.layer for node in self.nodes]
        return any(layer.type == "batch_norm" or getattr(layer, "normalises", False) for layer in layers)

    @cached_property
    def graph(self) -> Graph:
        """Every layer in its place, those of blocks too, and what is wrong with how they are wired."""
        return wire(self.layers, self.blocks, self.inputs, self.outputs)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every layer in the order of computation. Raises SpecError where they are wired wrongly."""
        return nodes_of(self.graph)

    def layers_of(self, use: Use) -> tuple[Layer, ...]:
        """The layers that stand for the use of a block. Raises ValidationError where they do not hold."""
        block = self.blocks[use.block]
        return tuple(map(read_layer, block.filled({**block.arguments, **use.arguments})))

    def layers_up_to(self, name: str | None) -> tuple[Node, ...]:
        """The layers in order, to the last one of that name or in the use of a block of that name; none if none is.

        All of them where no name is given.
        """
        if name is None:
            return self.nodes
        last = [i for i, node in enumerate(self.nodes) if f"{node.name}.".startswith(f"{name}.")]
        return self.nodes[: last[-1] + 1] if last else ()

    @property
    def is_chain(self) -> bool:
        """Whether each layer takes from the one before alone, and none from a block."""
        one_end = len(self.inputs) == 1 and len(self.outputs or _ONE) == 1
        return one_end and not self.blocks and all(layer.inputs is None for layer in self.layers)

    @cached_property
    def vocabularies(self) -> dict[str, int]:
        """Of each input that is whole numbers to look up, how many are known, from 0 on."""
        found: dict[str, int] = {}
        for node, names in lookups(self.graph.nodes, self.inputs):
            assert isinstance(node.layer, Embedding), "nothing else looks whole numbers up"
            for name in names:
                found[name] = min(node.layer.num_embeddings, found.get(name, node.layer.num_embeddings))
        return found

    @property
    def takes_integers(self) -> bool:
        """Whether the model's only input is whole numbers: it is when a layer looks them up."""
        return len(self.inputs) == 1 and bool(self.vocabularies)

    def shapes(self, fed: Fed) -> dict[str, Shape]:
        """The shape of each input, in the order in which they are fed. Raises SpecError where some are not said."""
        if not isinstance(fed, Mapping):
            if len(self.inputs) == 1:
                return {self.inputs[0]: tuple(fed)}
            raise SpecError([Problem(loc=["input_shapes"], msg=self._several, received=None)])
        if found := list(self._name_problems(fed)):
            raise SpecError(found)
        return {name: tuple(shape) for name, shape in fed.items()}

    @property
    def _several(self) -> str:
        example = ", ".join(f'"{name}": [4]' for name in self.inputs)
        return f"the model has the inputs {', '.join(self.inputs)}: say the shape of each, as {{{example}}}"

    def _name_problems(self, fed: Mapping[str, Shape]) -> Iterator[Problem]:
        for name in fed:
            if name not in self.inputs:
                message = f"the model has no input {name!r}; it has {', '.join(self.inputs)}"
                yield Problem(loc=["input_shapes", name], msg=message, received=list(fed[name]))
        for name in self.inputs:
            if name not in fed:
                message = f"the shape of the input {name!r} is missing"
                yield Problem(loc=["input_shapes", name], msg=message, received=None)

    def inspect(self, fed: Fed) -> Inspection:
        """Shapes and costs of every layer. Raises SpecError with every layer that does not fit."""
        return inspect(self.graph, self.shapes(fed))
