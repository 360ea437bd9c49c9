"""A model's specification becomes a module. Weights are drawn from torch's global generator, in the order of layers."""

import importlib
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from app.specs.base import Shape
from app.specs.layers import Layer, Recipe
from app.specs.layers.base import Weighted
from app.specs.model import INPUT, ModelSpec


def build(model: ModelSpec, input_shape: Shape) -> nn.Module:
    """The module of a model for inputs (N, *input_shape). Raises SpecError when the model does not hold.

    Parameters are called by their layer: "dense.weight", or "0.weight" for a layer without a name; in a block by their
    place in it: "stage.2.conv.weight".
    """
    model.inspect(input_shape)
    shapes: dict[str, Shape] = {INPUT: tuple(input_shape)}
    modules: dict[str, nn.Module] = {}
    for node in model.nodes:
        given = [shapes[one] for one in node.inputs]
        shapes[node.name] = node.layer.output_shape(*given)
        modules[node.name] = make(node.layer.recipe(*given))
        initialise(modules[node.name], node.layer)
    if model.is_chain:
        return nn.Sequential(OrderedDict(modules))
    return Graph(modules, {node.name: node.inputs for node in model.nodes})


class Graph(nn.Module):
    """Modules that name what they take from; the last one's output is the whole's."""

    def __init__(self, modules: dict[str, nn.Module], wiring: dict[str, tuple[str, ...]]) -> None:
        super().__init__()
        for name, module in modules.items():
            _hold(self, name).add_module(name.rpartition(".")[2], module)
        reader = {one: name for name, inputs in wiring.items() for one in inputs}  # of each value, the last
        self._steps = [
            (name, inputs, [one for one in dict.fromkeys(inputs) if reader[one] == name])
            for name, inputs in wiring.items()
        ]

    def forward(self, x: Tensor) -> Tensor:
        values = {INPUT: x}
        for name, inputs, done in self._steps:
            x = values[name] = self.get_submodule(name)(*[values[one] for one in inputs])
            for one in done:  # in evaluation nothing else holds it, so its memory is free
                del values[one]
        return x


def _hold(root: nn.Module, name: str) -> nn.Module:
    """The module that holds the layer of that name: "stage.2.conv" lies in 2, which lies in stage."""
    for part in name.split(".")[:-1]:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root


def make(recipe: Recipe) -> nn.Module:
    """The module of a recipe. Its class is a constant of ours, never a user's word."""
    place, _, name = recipe.cls.rpartition(".")
    assert place.startswith(("torch.nn", "worker.nn")), recipe.cls
    module: nn.Module = getattr(importlib.import_module(place), name)(**recipe.kwargs)
    return module


@torch.no_grad()
def initialise(module: nn.Module, layer: Layer) -> None:
    """Give a layer's parameters the beginning that it asks for; torch's own stays where it asks for none."""
    for name, parameter in module.named_parameters():
        asked = getattr(layer, "bias_init" if "bias" in name else "weight_init", None)
        if asked is not None:
            arguments: dict[str, Any] = asked.model_dump(exclude={"type"})
            getattr(nn.init, f"{asked.type}_")(parameter, **arguments)


def penalties(model: ModelSpec, module: nn.Module) -> list[tuple[nn.Parameter, float, float]]:
    """The weights that join the loss: each with its factor of Σ|w| and its factor of Σw²."""
    found = []
    for node in model.nodes:
        layer = node.layer
        if isinstance(layer, Weighted) and (layer.l1 or layer.l2):
            weights = [(n, p) for n, p in module.get_submodule(node.name).named_parameters() if "weight" in n]
            found += [(parameter, layer.l1, layer.l2) for _, parameter in weights]
    return found
