"""Optimizers: torch's own, by their own names and arguments, in the variant that is fastest on the device."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from app.specs.optimizers import FASTEST
from worker.train import quick
from worker.train.groups import Group
from worker.train.paired import Paired

_CLASSES: dict[str, type[Optimizer]] = {
    "sgd": quick.SGD,
    "adam": quick.Adam,
    "adamw": quick.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "adafactor": torch.optim.Adafactor,
    "asgd": torch.optim.ASGD,
    "rprop": torch.optim.Rprop,
    "lbfgs": torch.optim.LBFGS,
}
_SCRATCH = ("al",)  # of lbfgs: written before it is read, in every step


def variant(type: str, device: str) -> dict[str, Any]:
    """The argument by which torch takes its fastest way on a kind of device, if that is not its own choice."""
    way = FASTEST.get(device, {}).get(type)
    return {way: True} if way else {}


def build(type: str, parameters: Iterable[Tensor] | list[Group], device: torch.device, **arguments: Any) -> Optimizer:
    """The optimizer over `parameters`. `arguments` are torch's own, `lr` among them, and of muon those of its AdamW."""
    if type == "muon":
        return _muon(parameters, device, arguments)
    optimizer = _CLASSES[type](parameters, **arguments, **variant(type, device.type))
    if type == "adagrad":  # makes its state at once, also of what is frozen; it does so later too
        optimizer.state.clear()
    return optimizer


def _muon(groups: Iterable[Any], device: torch.device, arguments: dict[str, Any]) -> Optimizer:
    """Muon for the groups of hidden matrices, and AdamW for the others."""
    own = {name: value for name, value in arguments.items() if not name.startswith("adamw_")}
    others = {name.removeprefix("adamw_"): value for name, value in arguments.items() if name not in own}
    parts: dict[bool, list[Group]] = {True: [], False: []}
    for group in groups:
        parts[group["is_hidden"]].append(group)
    made: list[Optimizer] = [torch.optim.Muon(parts[True], **own)] if parts[True] else []
    if parts[False]:
        made.append(build("adamw", parts[False], device, **others))
    return Paired(made)


def takes_closure(optimizer: Optimizer) -> bool:
    """Whether its step calls for loss and gradients itself, at other weights too, as that of LBFGS."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def step(optimizer: Optimizer) -> None:
    """Take a step; where no hook waits for it, without what torch wraps around it for hooks and its profiler.

    That takes 15 µs, a sixth of a step of the smallest models.
    """
    taken: Any = type(optimizer).step
    has_hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    (taken if has_hooks else quick.plain(taken))(optimizer)


def set_rate(optimizer: Optimizer, lr: float) -> None:
    """Give every group the learning rate `lr`, times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_factor", 1.0)


def set_momentum(optimizer: Optimizer, momentum: float) -> None:
    """Give every group this momentum, or first beta, whichever it has."""
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


def state_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """What the optimizer remembers, as `<parameter index>/<name>`: its groups follow from the specification.

    A number is a tensor of eight bytes, `<name>=`; of a list the members are `<name>[<i>]`, their count `<name>[]`.
    """
    state = optimizer.state_dict()["state"]
    return {
        f"{index}/{key}": tensor
        for index, values in state.items()
        for name, value in values.items()
        if name not in _SCRATCH
        for key, tensor in _tensors(name, value)
    }


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, list):
        yield f"{name}[]", torch.tensor(len(value))
        for i, one in enumerate(value):
            yield f"{name}[{i}]", one
    elif isinstance(value, float | int):
        yield f"{name}=", torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else torch.int64)


def restore_state(optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Take up what `state_tensors` gave, each tensor laid out in memory as its parameter is.

    A fused step walks parameter and state side by side, so their strides have to agree (channels last).
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, name = key.split("/", 1)
        like = parameters[int(index)]
        laid_out = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(index), {})[name] = laid_out
    named = {index: _values(found) for index, found in state.items()}
    optimizer.load_state_dict({"state": named, "param_groups": optimizer.state_dict()["param_groups"]})


def _values(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The inverse of `_tensors`, of everything that is remembered of one parameter."""
    found: dict[str, Any] = {}
    for key, tensor in tensors.items():
        if key.endswith("[]"):
            name = key.removesuffix("[]")
            found[name] = [tensors[f"{name}[{i}]"] for i in range(int(tensor))]
        elif key.endswith("="):
            found[key.removesuffix("=")] = tensor.item()
        elif "[" not in key:
            found[key] = tensor
    return found
