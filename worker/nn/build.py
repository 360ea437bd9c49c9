"""A model's specification becomes a module. Weights are drawn from torch's global generator, in the order of layers."""

import importlib
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from app.errors import JobFailure
from app.specs.base import Shape
from app.specs.initializers import Values
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
    """The module of a recipe, whose arguments may be recipes. Its class is a constant of ours, never a user's word."""
    place, _, name = recipe.cls.rpartition(".")
    assert place.startswith(("torch.nn", "worker.nn")), recipe.cls
    kwargs = {key: make(value) if isinstance(value, Recipe) else value for key, value in recipe.kwargs.items()}
    try:
        module: nn.Module = getattr(importlib.import_module(place), name)(**kwargs)
    except ImportError as error:
        raise JobFailure(
            "missing_library",
            f"The worker lacks a library that the model needs: {error}.",
            "pip install 'traindeck[vision]' in the worker's environment brings torchvision.",
        ) from error
    return module


@torch.no_grad()
def initialise(module: nn.Module, layer: Layer) -> None:
    """Give a layer's parameters the beginning that it asks for; torch's own stays where it asks for none."""
    if not isinstance(layer, Weighted):
        return
    for asked, parameters in ((layer.weight_init, _weights(module)), (layer.bias_init, _biases(module))):
        for parameter in parameters if asked is not None else ():
            _begin(parameter, asked)


def _begin(parameter: nn.Parameter, asked: Any) -> None:
    if isinstance(asked, Values):
        parameter.copy_(torch.tensor(asked.values).reshape(parameter.shape))
        return
    arguments: dict[str, Any] = asked.model_dump(exclude={"type"})
    getattr(nn.init, f"{asked.type}_")(parameter, **arguments)


def _weights(module: nn.Module) -> list[nn.Parameter]:
    """What is multiplied with: the scales of norms within a layer are not, though torch calls them weights too."""
    found = [(name, one) for name, one in module.named_parameters() if "weight" in name]
    return [one for name, one in found if "norm" not in name]


def _biases(module: nn.Module) -> list[nn.Parameter]:
    return [one for name, one in module.named_parameters() if "bias" in name and "norm" not in name]


def penalties(model: ModelSpec, module: nn.Module) -> list[tuple[nn.Parameter, float, float]]:
    """The weights that join the loss: each with its factor of Σ|w| and its factor of Σw²."""
    found = []
    for node in model.nodes:
        layer = node.layer
        if isinstance(layer, Weighted) and (layer.l1 or layer.l2):
            weights = _weights(module.get_submodule(node.name))
            found += [(parameter, layer.l1, layer.l2) for parameter in weights]
    return found


def max_norms(model: ModelSpec, module: nn.Module) -> list[tuple[Tensor, int, float, nn.Parameter]]:
    """The weights that are bounded: each with the axis of its outputs, their greatest norm, and the whole parameter.

    Of a transposed convolution the weight is (in, out / groups, …): its groups are given one by one, as views.
    """
    found: list[tuple[Tensor, int, float, nn.Parameter]] = []
    for node in model.nodes:
        layer = node.layer
        if not isinstance(layer, Weighted) or layer.max_norm is None:
            continue
        for weight in _weights(module.get_submodule(node.name)):
            if layer.type.startswith("conv_transpose"):
                groups = weight.detach().chunk(layer.own_fields()["groups"])
                found += [(group, 1, layer.max_norm, weight) for group in groups]
            else:
                found.append((weight, 0, layer.max_norm, weight))
    return found
