"""A model's specification becomes a module. Weights are drawn from torch's global generator, in the order of layers."""

import importlib
from collections import OrderedDict
from collections.abc import Mapping, Set
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from app.errors import JobFailure
from app.specs.base import Fed, Shape
from app.specs.initializers import Values
from app.specs.layers import Layer, Recipe
from app.specs.layers.base import Weighted
from app.specs.model import ModelSpec


def build(model: ModelSpec, fed: Fed) -> nn.Module:
    """The module of a model for inputs (N, *fed). Raises SpecError when the model does not hold.

    Several inputs lie in a row one after the other, (N, all their numbers), and so do several outputs.

    Parameters are called by their layer: "dense.weight", or "0.weight" for a layer without a name; in a block by their
    place in it: "stage.2.conv.weight".
    """
    model.inspect(fed)
    inputs = model.shapes(fed)
    shapes = dict(inputs)
    modules: dict[str, nn.Module] = {}
    for node in model.nodes:
        given = [shapes[one] for one in node.inputs]
        shapes[node.name] = node.layer.output_shape(*given)
        modules[node.name] = make(node.layer.recipe(*given))
        initialise(modules[node.name], node.layer)
    if model.is_chain:
        return nn.Sequential(OrderedDict(modules))
    wiring = {node.name: node.inputs for node in model.nodes}
    return Graph(modules, wiring, Inputs(inputs, model.vocabularies.keys()), list(model.graph.outputs.values()))


class Inputs:
    """Several inputs as they lie in a row of numbers: cut out as views; those that are looked up become whole."""

    def __init__(self, shapes: Mapping[str, Shape], looked_up: Set[str]) -> None:
        self._shapes, self._looked_up = shapes, looked_up

    def cut(self, x: Tensor) -> dict[str, Tensor]:
        """Each by name, of x (N, …): x itself where there is one."""
        if len(self._shapes) == 1:
            return dict.fromkeys(self._shapes, x)
        found, at = {}, 0
        for name, shape in self._shapes.items():
            one = x[:, at : at + prod(shape)].view(-1, *shape)
            found[name] = one.long() if name in self._looked_up else one
            at += prod(shape)
        return found


def inputs_of(model: ModelSpec, module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What each input of a model is given of x, by name."""
    return module._inputs.cut(x) if isinstance(module, Graph) else dict.fromkeys(model.inputs, x)


class Graph(nn.Module):
    """Modules that name what they take from; of several outputs, one after the other in a row."""

    def __init__(
        self, modules: dict[str, nn.Module], wiring: dict[str, tuple[str, ...]], inputs: Inputs, outputs: list[str]
    ) -> None:
        super().__init__()
        self._inputs, self._outputs = inputs, outputs
        for name, module in modules.items():
            _hold(self, name).add_module(name.rpartition(".")[2], module)
        reader = {one: name for name, taken in wiring.items() for one in taken}  # of each value, the last
        self._steps = [
            (name, taken, [one for one in dict.fromkeys(taken) if reader[one] == name and one not in outputs])
            for name, taken in wiring.items()
        ]

    def forward(self, x: Tensor) -> Tensor:
        values = self._inputs.cut(x)
        for name, taken, done in self._steps:
            x = values[name] = self.get_submodule(name)(*[values[one] for one in taken])
            for one in done:  # in evaluation nothing else holds it, so its memory is free
                del values[one]
        return x if len(self._outputs) == 1 else torch.cat([values[one].flatten(1) for one in self._outputs], dim=1)


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
