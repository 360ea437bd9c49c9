"""Optimizers: torch's own, by their own names and arguments, in the variant that is fastest on the device."""

import inspect
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_CLASSES: dict[str, type[Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
# On a CPU the fused step takes 38 us in place of 100 for one linear unit, 104 in place of 670 for four layers;
# SGD gains nothing from it there (2 cores, torch 2.13).
_FUSED = {"cpu": {"adam", "adamw"}, "cuda": {"adam", "adamw", "sgd"}}


Group = dict[str, Any]  # parameters, and by what their rate differs from the run's


def groups(paced: Iterable[tuple[Iterable[Tensor], float]]) -> list[Group]:
    """Parameters with the factors of their rates, those of one factor together, in the order of their first."""
    by_factor: dict[float, list[Tensor]] = {}
    for parameters, factor in paced:
        by_factor.setdefault(factor, []).extend(parameters)
    return [{"params": some, "lr_factor": factor} for factor, some in by_factor.items() if some]


def build(type: str, parameters: Iterable[Tensor] | list[Group], device: torch.device, **arguments: Any) -> Optimizer:
    """The optimizer over `parameters`. `arguments` are torch's own, `lr` among them."""
    if type in _FUSED.get(device.type, ()):
        arguments["fused"] = True
    return _CLASSES[type](parameters, **arguments)


def takes_closure(optimizer: Optimizer) -> bool:
    """Whether its step calls for loss and gradients itself, at other weights too, as that of LBFGS."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def set_rate(optimizer: Optimizer, lr: float) -> None:
    """Give every group the learning rate `lr`, times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_factor", 1.0)


def state_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """What the optimizer remembers, as `<parameter index>/<name>`: its groups follow from the specification."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}/{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_state(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Take up what `state_tensors` gave, each tensor laid out in memory as its parameter is.

    A fused step walks parameter and state side by side, so their strides have to agree (channels last).
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split("/", 1)
        like = parameters[int(index)]
        laid_out = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(index), {})[name] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
