"""SGD and Adam on a CPU, whose steps go straight to torch's kernels.

Torch gathers parameters, gradients and state anew in each step, groups them by device and kind of number, and counts
the step of each parameter with a kernel of its own. Of small models that is most of the step. Here what stays is
gathered once, the counts lie in one tensor, and the kernels are torch's own: the same weights and state, to the bit.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def plain(step: Any) -> Callable[..., Any]:
    """An optimizer's `step` without what torch wraps around it for hooks and its profiler."""
    found: Callable[..., Any] = step.__wrapped__ if getattr(step, "hooked", False) else step
    return found


class SGD(torch.optim.SGD):
    """torch's."""

    def step(self, closure: Any = None) -> Any:
        """Take one."""
        if closure is not None or not all(map(_is_simple, self.param_groups)):
            return plain(torch.optim.SGD.step)(self, closure)
        with torch.no_grad():
            for group in self.param_groups:
                rate = -group["lr"]
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.add_(parameter.grad, alpha=rate)
        return None


def _is_simple(group: dict[str, Any]) -> bool:
    """Whether its step is a multiple of the gradient, parameter by parameter."""
    others = group["momentum"] or group["weight_decay"] or group["maximize"] or group["differentiable"]
    return not (others or group["foreach"] or group["fused"] or group["params"][0].device.type != "cpu")


class _Gathered:
    """What of a group's parameters stays, and the counts of its steps."""

    def __init__(self, group: dict[str, Any], state: dict[Tensor, dict[str, Tensor]]) -> None:
        self.parameters: list[Tensor] = group["params"]
        states = [state[one] for one in self.parameters]
        self.means, self.squares = ([one[name] for one in states] for name in ("exp_avg", "exp_avg_sq"))
        self.greatest = [one["max_exp_avg_sq"] for one in states] if group["amsgrad"] else []
        self.count = torch.stack([one["step"] for one in states])
        self.counts = list(self.count.unbind())
        for one, count in zip(states, self.counts, strict=True):
            one["step"] = count

    def is_of(self, state: dict[Tensor, dict[str, Tensor]]) -> bool:
        """Whether it is what an optimizer remembers still."""
        own = state.get(self.parameters[0], {})
        return own.get("step") is self.counts[0] and own.get("exp_avg") is self.means[0]


class _Fused(Optimizer):
    """Adam or AdamW with `fused`."""

    _torchs: type[Optimizer]
    _kernel: Callable[..., None]
    _gathered: list[_Gathered] | None = None

    def step(self, closure: Any = None) -> Any:
        """Take one; the first, which makes the state, is torch's, and so is any in which a gradient is missing."""
        gathered = None if closure is not None or hasattr(self, "grad_scale") else self._gather()
        gradients = [[parameter.grad for parameter in one.parameters] for one in gathered or ()]
        if gathered is None or any(one is None for group in gradients for one in group):
            return plain(self._torchs.step)(self, closure)
        with torch.no_grad():
            for group, one, own in zip(self.param_groups, gathered, gradients, strict=True):
                one.count.add_(1)
                type(self)._kernel(
                    *(one.parameters, own, one.means, one.squares, one.greatest, one.counts),
                    amsgrad=group["amsgrad"],
                    lr=group["lr"],
                    beta1=group["betas"][0],
                    beta2=group["betas"][1],
                    weight_decay=group["weight_decay"],
                    eps=group["eps"],
                    maximize=group["maximize"],
                )
        return None

    def _gather(self) -> list[_Gathered] | None:
        """What stays of each group, once there is state of every parameter; anew where state was loaded."""
        if self._gathered is not None and all(one.is_of(self.state) for one in self._gathered):
            return self._gathered
        every = [parameter for group in self.param_groups for parameter in group["params"]]
        if not all(one.device.type == "cpu" and self.state.get(one) for one in every):
            return None
        self._gathered = [_Gathered(group, self.state) for group in self.param_groups]
        return self._gathered


class Adam(_Fused, torch.optim.Adam):
    """torch's."""

    _torchs, _kernel = torch.optim.Adam, torch._fused_adam_


class AdamW(_Fused, torch.optim.AdamW):
    """torch's."""

    _torchs, _kernel = torch.optim.AdamW, torch._fused_adamw_
