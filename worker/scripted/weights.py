"""How weights begin, what pulls at them and what bounds them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from worker.nn.build import _biases, _weights
from worker.train.measured import NUMBERS_AT_ONCE, _Moments
from worker.train.weights import _WITHIN

Begin = Callable[[Tensor], Any] | Sequence[float]


@torch.no_grad()
def initialised(module: nn.Module, weight: Begin | None = None, bias: Begin | None = None) -> Any:
    """The module, its weights and biases begun anew: by a function of torch.nn.init, or with given values."""
    for begin, parameters in ((weight, _weights(module)), (bias, _biases(module))):
        for parameter in parameters if begin is not None else ():
            if callable(begin):
                begin(parameter)
            else:
                parameter.copy_(torch.tensor(begin).reshape(parameter.shape))
    return module


def tensors_of(path: str) -> dict[str, Tensor]:
    """What torch.save has written: the tensors of a state_dict, or of the one in what a training saves."""
    found = torch.load(path, map_location="cpu", weights_only=True)
    for name in _WITHIN:
        if isinstance(found.get(name), dict):
            found = found[name]
    return {str(name): one for name, one in found.items() if isinstance(one, Tensor)}


@torch.no_grad()
def begin(layers: Mapping[str, nn.Module], given: Mapping[str, Tensor]) -> int:
    """Copy into layers what has the names and shapes of their own tensors, which all begin with the layer's key.

    Returns how many were taken. Raises ValueError where none was: then it is another model's file.
    """
    num_taken = 0
    for prefix, layer in layers.items():
        for name, own in layer.state_dict(prefix=prefix).items():
            if name in given and given[name].shape == own.shape:
                own.copy_(given[name])
                num_taken += 1
    if not num_taken:
        raise ValueError("nothing in the file is called and shaped as the layers here")
    return num_taken


def among(parameters: Iterable[Tensor], chosen: Iterable[Tensor]) -> list[Tensor]:
    """Those of the parameters that are chosen."""
    ids = {id(one) for one in chosen}
    return [one for one in parameters if id(one) in ids]


def without(parameters: Iterable[Tensor], chosen: Iterable[Tensor]) -> list[Tensor]:
    """The others."""
    ids = {id(one) for one in chosen}
    return [one for one in parameters if id(one) not in ids]


def hold(module: nn.Module, *, is_frozen: bool) -> None:
    """Freeze a layer, or let it learn. What is frozen takes no gradients, drops nothing, and keeps its running figures.

    But for recurrent layers, through which cuDNN has no way back in evaluation.
    """
    module.requires_grad_(not is_frozen)
    for one in module.modules():
        if not isinstance(one, nn.RNNBase):
            one.training = not is_frozen


@torch.no_grad()
def pull(module: nn.Module, l1: float, l2: float) -> None:
    """Add the gradient of l1·Σ|w| + l2·Σw² to that of a layer's weights; the loss stays the data's."""
    for weight in _weights(module):
        if weight.grad is not None:
            if l2:
                weight.grad.add_(weight, alpha=2 * l2)
            if l1:
                weight.grad.add_(weight.sign(), alpha=l1)


@torch.no_grad()
def bound(module: nn.Module, max_norm: float) -> None:
    """Shorten the weights of each output that are, as a vector, longer (Srivastava et al., 2014)."""
    for weight in _weights(module):
        if weight.requires_grad:
            weight.renorm_(2, 0, max_norm)


@torch.no_grad()
def bound_transposed(module: nn.Module, max_norm: float, groups: int) -> None:
    """The same of a transposed convolution, whose weight is (in, out / groups, …)."""
    for weight in _weights(module):
        for group in weight.detach().chunk(groups) if weight.requires_grad else ():
            group.renorm_(2, 1, max_norm)


@torch.no_grad()
def measure(model: nn.Module, layers: Sequence[Any], num_rows: int, take: Callable[[slice], Any]) -> None:
    """Give normalization layers the figures of all training rows; what does not vary is divided by 1."""
    moments = {one: _Moments() for one in layers}
    hooks = [one.register_forward_pre_hook(lambda layer, x: moments[layer].add(x[0], layer.dim)) for one in layers]
    model.eval()
    at_once = max(1, NUMBERS_AT_ONCE // sum(one.numel() for one in take(slice(0, 1))))
    for start in range(0, num_rows, at_once):
        model(*take(slice(start, start + at_once)))
    for hook in hooks:
        hook.remove()
    for layer, found in moments.items():
        std = torch.as_tensor(found.squares_C / found.count).sqrt()
        layer.mean.copy_(torch.as_tensor(found.mean_C))
        layer.std.copy_(torch.where(std > 0, std, torch.ones_like(std)))
