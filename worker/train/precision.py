"""What a step computes in: float32 throughout, or layers in numbers of half the size.

Weights, gradients, the loss and the optimizer stay float32 in any case. So does evaluation: what is exported computes
so, and a curve of validation is to tell what will be served.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from app.errors import JobFailure
from worker.train import optimizers

Forward = Callable[[Tensor], Tensor]

SKIPPED = "optimizer/skipped_steps"
_WIDE = (nn.Bilinear, nn.RMSNorm)


class Precision:
    """float32 throughout."""

    def cast(self, forward: Forward) -> Forward:
        """The model as a step calls it. Its outputs are float32."""
        return forward

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients."""
        torch.autograd.backward(loss)

    def unscale(self, optimizer: Optimizer) -> None:
        """Make gradients that were added up what they are."""

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer take its step."""
        optimizers.step(optimizer)

    def figures(self) -> dict[str, Tensor]:
        """What there is to tell of the steps so far: 0-d tensors by the names of series."""
        return {}

    def state(self) -> dict[str, Any] | None:
        """What changes while training."""
        return None

    def restore(self, state: Any) -> None:
        """Take up what `state` gave."""


class Autocast(Precision):
    """Layers in `dtype` where torch.autocast holds that they bear it, and their outputs in float32."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype, self.device = dtype, device

    def cast(self, forward: Forward) -> Forward:
        """The model within torch.autocast."""

        def within(inputs: Tensor) -> Tensor:
            with torch.autocast(self.device.type, self.dtype):
                outputs = forward(inputs)
            return outputs.float()

        return within


class Scaled(Autocast):
    """The same in float16, whose smallest gradients would be 0: the loss is multiplied before backward (GradScaler).

    A step whose gradients overflowed is skipped, and the factor halved (Micikevicius et al., 2018).
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__(torch.float16, device)
        self._scaler = GradScaler(device.type)
        self._one = torch.ones((), device=device)
        self._num_skipped = torch.zeros((), device=device)

    def backward(self, loss: Tensor) -> None:
        """Add to the gradients, multiplied."""
        torch.autograd.backward(self._scaler.scale(loss))

    def unscale(self, optimizer: Optimizer) -> None:
        """Divide them again, so that penalties and bounds find them as they are."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: Optimizer) -> None:
        """Let the optimizer take its step, unless a gradient overflowed; a smaller factor tells, so nothing waits."""
        before = self._scaler.scale(self._one)
        self._scaler.step(optimizer)
        self._scaler.update()
        self._num_skipped += self._scaler.scale(self._one) < before

    def figures(self) -> dict[str, Tensor]:
        """How many steps were skipped so far."""
        return {SKIPPED: self._num_skipped.clone()}

    def state(self) -> dict[str, Any]:
        """The factor, and what it has seen."""
        return {"scaler": self._scaler.state_dict(), "num_skipped": int(self._num_skipped)}

    def restore(self, state: Any) -> None:
        """Take up what `state` gave."""
        self._scaler.load_state_dict(state["scaler"])
        self._num_skipped.fill_(state["num_skipped"])


def build(name: str, device: torch.device, model: nn.Module) -> Precision:
    """The precision of that name, for a model on a device. Raises JobFailure `no_float16` on a CPU."""
    if name == "float32":
        return Precision()
    widen(model)
    if name == "bfloat16":
        return Autocast(torch.bfloat16, device)
    if device.type != "cuda":
        raise JobFailure(
            "no_float16",
            "The run asks for float16, which is for GPUs, and this worker trains on a CPU.",
            hint='Set precision to "bfloat16", which both compute in, or start a worker on a machine with a GPU.',
        )
    return Scaled(device)


def widen(model: nn.Module) -> None:
    """Feed float32 to layers whose weights have it, and that autocast does not know."""
    for layer in model.modules():
        if isinstance(layer, _WIDE):
            layer.register_forward_pre_hook(_widened)


def _widened(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(one.float() for one in inputs)
