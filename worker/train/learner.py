"""One step of training: what a batch does to the weights. When to take one is the trainer's."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from worker.nn.straight import straight
from worker.train import optimizers
from worker.train.augment import Mix
from worker.train.batches import bounds
from worker.train.losses import Loss
from worker.train.plan import Plan
from worker.train.team import Replicated


class Batch(NamedTuple):
    """Rows that a step learns from, as the model is fed."""

    inputs: Tensor  # (N, …)
    targets: Tensor  # (N, …)
    mix: Mix | None = None

    def loss(self, loss: Loss, outputs: Tensor) -> Tensor:
        """That of outputs (N, …); 0-d."""
        return loss(outputs, self.targets) if self.mix is None else self.mix.loss(loss, outputs, self.targets)

    def of(self, rows: slice) -> "Batch":
        """Some of the rows."""
        return Batch(self.inputs[rows], self.targets[rows], self.mix and self.mix.of(rows))


class Tried(NamedTuple):
    """The model on a batch, with the gradients where the optimizer looks for them."""

    outputs: Tensor  # (N, …)
    loss: Tensor  # 0-d
    grad_norm: Tensor  # 0-d, before it was bounded


class Learned(NamedTuple):
    """What a step leaves. Tensors stay on the device, and nothing waits for them."""

    outputs: Tensor  # (N, …) of the model, before the step
    targets: Tensor  # (N, …) what they were held to
    loss: Tensor  # 0-d
    grad_norm: Tensor  # 0-d, before it was bounded
    lr: float


class Learner:
    """Takes steps as a plan says."""

    def __init__(self, plan: Plan, replicated: Replicated | None = None) -> None:
        self.plan = plan
        self.replicated = None if plan.team is None else replicated or Replicated(plan.model)
        self.forward = plan.precision.cast(self.replicated or plan.forward or straight(plan.model))
        self._searches = optimizers.takes_closure(plan.optimizer)

    def learn(self, inputs: Tensor, targets: Tensor, step: int) -> Learned:
        """Take the step with this number, from 0, on a batch (N, …)."""
        plan = self.plan
        lr = plan.rate(step)
        optimizers.set_rate(plan.optimizer, lr)
        if plan.momentum is not None:
            optimizers.set_momentum(plan.optimizer, plan.momentum(step))
        if plan.team is not None:
            plan.team.seed(step)
        batch = self.batch(inputs, targets, step)
        tried = self._search(batch) if self._searches else self._step(batch)
        for limit in plan.limits:
            limit.keep()
        plan.averaging.add(step + 1)
        return Learned(tried.outputs, self._own(batch).targets, tried.loss, tried.grad_norm, lr)

    def part(self) -> None:
        """Let go of other processes that learn with this one: no step is left."""
        if self.replicated is not None:
            self.replicated.part()

    def batch(self, inputs: Tensor, targets: Tensor, step: int) -> Batch:
        """What the step with this number learns from: images may be moved and mixed."""
        augment = self.plan.augment
        return Batch(inputs, targets) if augment is None else Batch(*augment(inputs, targets, step))

    def _step(self, batch: Batch) -> Tried:
        """Down the gradient."""
        tried = self._try(batch)
        self.plan.precision.step(self.plan.optimizer)
        return tried

    def _search(self, batch: Batch) -> Tried:
        """By an optimizer that tries several weights on the way, as LBFGS. Returns the first that it tried."""
        first: Tried | None = None

        def evaluate() -> Any:  # torch's own types say float, its optimizers take a tensor
            nonlocal first
            tried = self._try(batch)
            first = first or tried
            loss = tried.loss if self.plan.team is None else self.plan.team.total(tried.loss)
            return loss + self.plan.gradients.penalty()  # the gradient is that of both

        self.plan.optimizer.step(evaluate)
        assert first is not None, "a closure is called at least once"
        return first

    def _try(self, batch: Batch) -> Tried:
        """The gradients of the loss on a batch, with penalties, bounded."""
        plan = self.plan
        plan.gradients.clear()
        outputs, loss = self._pass(batch)
        plan.precision.unscale(plan.optimizer)
        return Tried(outputs, loss, plan.gradients.finish())

    def _pass(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Forward and back, all rows at once or piece by piece. Returns outputs and loss."""
        if self.plan.team is not None:
            return self._pass_share(batch, self.plan.team.size)
        found = [self._pass_once(piece, loss_of) for piece, loss_of in self.pieces(batch)]
        if len(found) == 1:
            return found[0]
        outputs, losses = zip(*found, strict=True)
        return torch.cat(outputs), torch.stack(losses).sum()

    def _own(self, batch: Batch) -> Batch:
        """The rows that are this process's."""
        return batch if self.plan.team is None else batch.of(self.plan.team.rows(len(batch.inputs)))

    def _pass_share(self, batch: Batch, num_shares: int) -> tuple[Tensor, Tensor]:
        """The same of this process's rows. Returns their outputs, and what they add to the loss of the batch."""
        own, loss_of = self._own(batch), self.plan.judge.share_of(batch.targets)
        pieces = list(self._cut(own)) or [batch.of(slice(0, 1))]  # every process takes part, if only for nothing
        weight, replicated = 1 if len(own.inputs) else 0, self.replicated
        assert replicated is not None
        outputs, losses = [], []
        for piece in pieces:
            with replicated.adding(is_last=piece is pieces[-1]):
                found = self.forward(piece.inputs)
                loss = weight * piece.loss(loss_of, found)
                self._backward(num_shares * loss)  # of gradients the mean is taken, not the sum
            outputs.append(found.detach())
            losses.append(loss.detach())
        return torch.cat(outputs)[: len(own.inputs)], torch.stack(losses).sum()

    def _pass_once(self, batch: Batch, loss_of: Loss) -> tuple[Tensor, Tensor]:
        outputs = self.forward(batch.inputs)
        loss = batch.loss(loss_of, outputs)
        self._backward(loss)
        return outputs.detach(), loss.detach()

    def _backward(self, loss: Tensor) -> None:
        self.plan.precision.backward(loss)

    def pieces(self, batch: Batch) -> Iterator[tuple[Batch, Loss]]:
        """The rows that go through the model at once, with what gives their part of the loss."""
        size = self.plan.micro_batch_size
        if size is None or len(batch.inputs) <= size:
            yield batch, self.plan.judge.loss
            return
        share = self.plan.judge.share_of(batch.targets)
        for piece in self._cut(batch):
            yield piece, share

    def _cut(self, batch: Batch) -> Iterator[Batch]:
        size, min_rows = self.plan.micro_batch_size, self.plan.batches.min_rows
        for start, end in bounds(len(batch.inputs), size or max(1, len(batch.inputs)), min_rows):
            yield batch.of(slice(start, end))
