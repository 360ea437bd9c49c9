"""A training that is tried before it begins, and is afterwards what it was, bit for bit."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from worker.train import checkpoints
from worker.train.plan import Plan


@contextmanager
def untouched(plan: Plan, *, steps: bool = False) -> Iterator[None]:
    """Meanwhile batches may go through the model, forward and back, and with `steps` the optimizer may take some.

    Chance, the running figures of norms and gradients are put back; after steps weights and the optimizer, too.
    """
    tensors = [*plan.model.buffers(), *(plan.model.parameters() if steps else ())]
    kept = [one.detach().clone() for one in tensors]
    remembered = copy.deepcopy(plan.optimizer.state_dict()) if steps else None
    precision, random = copy.deepcopy(plan.precision.state()), checkpoints.random_state()
    try:
        yield
    finally:
        plan.gradients.clear()
        _put_back(tensors, kept)
        if remembered is not None:
            plan.optimizer.load_state_dict(remembered)
        if precision is not None:
            plan.precision.restore(precision)
        checkpoints.restore_random_state(random)


@torch.no_grad()
def _put_back(tensors: list[Tensor], kept: list[Tensor]) -> None:
    for tensor, value in zip(tensors, kept, strict=True):
        tensor.copy_(value)
