"""One step of training: what a batch does to the weights. When to take one is the trainer's."""

from typing import NamedTuple

import torch
from torch import Tensor

from worker.train import optimizers
from worker.train.plan import Plan


class Learned(NamedTuple):
    """What a step leaves. Tensors stay on the device, and nothing waits for them."""

    outputs: Tensor  # (N, …) of the model, before the step
    targets: Tensor  # (N, …) what they were held to
    loss: Tensor  # 0-d
    grad_norm: Tensor  # 0-d, before it was bounded
    lr: float


class Learner:
    """Takes steps as a plan says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def learn(self, inputs: Tensor, targets: Tensor, step: int) -> Learned:
        """Take the step with this number, from 0, on a batch (N, …)."""
        plan = self.plan
        lr = plan.rate(step)
        mix = None
        if plan.augment is not None:
            inputs, targets, mix = plan.augment(inputs, targets, step)
        outputs = plan.model(inputs)
        loss = plan.judge.loss(outputs, targets) if mix is None else mix.loss(plan.judge.loss, outputs, targets)
        plan.gradients.clear()
        torch.autograd.backward(loss)
        grad_norm = plan.gradients.finish()
        optimizers.set_rate(plan.optimizer, lr)
        plan.optimizer.step()
        for limit in plan.limits:
            limit.keep()
        return Learned(outputs.detach(), targets, loss.detach(), grad_norm, lr)
