"""The running figures of batch normalization, taken anew: those of weights that no step has seen, as means are."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def learning_norms(model: nn.Module) -> list[_BatchNorm]:
    """Those that keep running figures, and are not frozen."""
    norms = (one for one in model.modules() if isinstance(one, _BatchNorm))
    return [one for one in norms if one.training and one.track_running_stats]


@torch.no_grad()
def measure(model: nn.Module, batches: Iterable[Tensor], seed: int, device: torch.device) -> None:
    """Give batch normalization the mean of the figures of `batches`, as torch.optim.swa_utils.update_bn does.

    The model is in training, but for what is frozen: that keeps its figures. What is dropped out on the way follows
    from `seed`, and the training's own chance is left as it was.
    """
    norms = learning_norms(model)
    if not norms:
        return
    momenta = [one.momentum for one in norms]
    for one in norms:
        one.reset_running_stats()
        one.momentum = None  # the plain mean of all batches
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for inputs in batches:
            model(inputs)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum
