"""A model: a graph of layers. They follow one another unless one names its inputs; blocks are used many times."""

from functools import cached_property

from pydantic import Field, field_validator

from app.specs.base import Shape, Spec
from app.specs.graph import MAX_LAYERS, Graph, Node, nodes_of, read_layer, wire
from app.specs.inspection import Inspection, LayerReport, inspect, looked_up
from app.specs.layers import AnyLayer, Layer
from app.specs.layers.block import Block, Name, Use, check_names
from app.specs.layers.embedding import Embedding

__all__ = ["INPUT", "Inspection", "LayerReport", "ModelSpec"]

INPUT = "input"  # the model's own input, as layers call it


class ModelSpec(Spec):
    """A named graph of layers; the last one's output is the model's."""

    name: str | None = Field(default=None, max_length=200)
    """how it is called in lists"""
    blocks: dict[Name, Block] = Field(default={}, max_length=200)
    """layers under a name, for layers of type block to put in their place"""
    layers: tuple[AnyLayer, ...] = Field(min_length=1, max_length=MAX_LAYERS)
    """in the order of computation"""

    @field_validator("blocks")
    @classmethod
    def _can_be_called(cls, blocks: dict[str, Block]) -> dict[str, Block]:
        check_names(blocks)
        return blocks

    @cached_property
    def graph(self) -> Graph:
        """Every layer in its place, those of blocks too, and what is wrong with how they are wired."""
        return wire(self.layers, self.blocks, [INPUT])

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
        return not self.blocks and all(layer.inputs is None for layer in self.layers)

    @property
    def takes_integers(self) -> bool:
        """Whether the model's input is whole numbers: it is when a layer looks them up, rearranged or as they are."""
        return INPUT in looked_up(self.graph.nodes, [INPUT])

    @property
    def num_embeddings(self) -> int | None:
        """How many whole numbers the model knows, from 0 on; None where it looks none up."""
        found = (node.layer.num_embeddings for node in self.graph.nodes if isinstance(node.layer, Embedding))
        return min(found, default=None)

    def inspect(self, input_shape: Shape) -> Inspection:
        """Shapes and costs of every layer. Raises SpecError with every layer that does not fit."""
        return inspect(self.graph, {INPUT: tuple(input_shape)})
