"""Which matrices of a model are hidden: of neither its first nor its last layers with weights. Muon is for those."""

from app.specs.graph import Graph, Node
from app.specs.layers import Layer
from app.specs.layers.activation import PReLU
from app.specs.layers.backbone import Backbone
from app.specs.layers.base import Weighted
from app.specs.layers.embedding import ClassToken, LearnedPosition
from app.specs.layers.linear import Linear
from app.specs.layers.scaling import LayerScale, SqueezeExcitation

_RECURRENT = ("rnn", "lstm", "gru")
_SHIFTS = (PReLU, LayerScale, LearnedPosition, ClassToken)  # have a number for each place, and mix nothing


def hidden_layers(graph: Graph) -> frozenset[str]:
    """The names of the layers whose two-dimensional weights are hidden.

    A linear layer's is where layers with weights lie both before and after it. What is of several matrices, as an
    attention, a recurrent layer or a backbone, has hidden ones wherever it stands.
    """
    between = _after_weights(graph) & _before_weights(graph)
    return frozenset(
        node.name
        for node in graph.nodes
        if has_several(node.layer)
        or isinstance(node.layer, Backbone)
        or (isinstance(node.layer, Linear) and node.name in between)
    )


def has_several(layer: Layer) -> bool:
    """Whether it is of several matrices."""
    return layer.group == "attention" or layer.type in _RECURRENT or isinstance(layer, SqueezeExcitation)


def _has_weights(node: Node) -> bool:
    return isinstance(node.layer, Weighted | Backbone) and not isinstance(node.layer, _SHIFTS)


def _after_weights(graph: Graph) -> set[str]:
    """The layers that are given something that has gone through weights."""
    made: set[str] = set()  # values that have
    found: set[str] = set()
    for node in graph.nodes:
        if made.intersection(node.inputs):
            found.add(node.name)
        if node.name in found or _has_weights(node):
            made.add(node.name)
    return found


def _before_weights(graph: Graph) -> set[str]:
    """The layers whose output goes through weights."""
    found: set[str] = set()
    for node in reversed(graph.nodes):
        if node.name in found or _has_weights(node):
            found.update(node.inputs)
    return found
