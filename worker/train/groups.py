"""The parameters of a model in groups: by the factor of their rate, and by what an optimizer does to some alone."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from app.specs.hidden import hidden_layers
from app.specs.model import ModelSpec
from app.specs.optimizers import LBFGS, AnyOptimizer, Muon

Group = dict[str, Any]  # parameters, and by what their settings differ from the run's

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def groups_of(model: ModelSpec, module: nn.Module, optimizer: AnyOptimizer) -> list[Group]:
    """The groups of a model's parameters, in the order of their first."""
    found: dict[tuple[Any, ...], Group] = {}
    for parameter, own in _each(model, module, optimizer):
        found.setdefault(tuple(own.items()), {"params": [], **own})["params"].append(parameter)
    return list(found.values())


def _each(model: ModelSpec, module: nn.Module, optimizer: AnyOptimizer) -> Iterator[tuple[nn.Parameter, Group]]:
    """Each parameter, with what is its own."""
    hidden = hidden_layers(model.graph) if isinstance(optimizer, Muon) else frozenset()
    decays_all = getattr(optimizer, "decay_norms_and_biases", True)
    for node in model.nodes:
        if isinstance(optimizer, LBFGS) and not node.pace.learns:
            continue  # it would remember moves of 0
        layer = module.get_submodule(node.name)
        free = set() if decays_all else set(norms_and_biases(layer))
        turned = set(matrices(layer)) if node.name in hidden else set()
        for parameter in layer.parameters():
            own: Group = {"lr_factor": node.pace.lr_factor}
            if isinstance(optimizer, Muon):
                own["is_hidden"] = parameter in turned
                own["lr_factor"] *= 1.0 if own["is_hidden"] else optimizer.adamw_lr / optimizer.lr
            if parameter in free:
                own["weight_decay"] = 0.0
            yield parameter, own


def norms_and_biases(module: nn.Module) -> Iterator[nn.Parameter]:
    """What weight decay had better leave alone: biases, the weights of norms, and every other vector."""
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if parameter.dim() < 2 or "bias" in name or isinstance(owner, _NORMS):
                yield parameter


def matrices(module: nn.Module) -> Iterator[nn.Parameter]:
    """The two-dimensional weights that something is multiplied with, and so can be turned."""
    for owner in module.modules():
        for name, parameter in owner.named_parameters(recurse=False):
            if parameter.dim() == 2 and "bias" not in name and not isinstance(owner, nn.Embedding):
                yield parameter
