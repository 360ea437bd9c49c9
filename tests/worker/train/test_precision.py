"""What steps compute in: layers in half the size, the rest in float32; float16 with its factor."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from app.errors import JobFailure
from app.specs.layers import Example, Layer
from tests.worker.nn.cases import kind, skip_unbuildable
from tests.worker.nn.test_layers import CASE_NAMES, CASES, fed
from worker.nn.build import make
from worker.train import precision
from worker.train.learner import Learner
from worker.train.plan import Plan
from worker.train.precision import SKIPPED, Autocast, Scaled
from worker.train.trainer import Trainer

from .conftest import CPU, Bench, make_plan
from .test_learner import DENSE, batch_of, plan_of


def test_a_step_in_bfloat16_is_torchs_autocast() -> None:
    ours, theirs = plan_of(DENSE[1:], precision="bfloat16"), plan_of(DENSE[1:])
    model, optimizer, batch = theirs.model, theirs.optimizer, batch_of(theirs)
    learner = Learner(ours)
    for step in range(3):
        learned = learner.learn(batch.inputs, batch.targets, step)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            outputs = model(batch.inputs)
        assert outputs.dtype == torch.bfloat16
        loss = nn.functional.cross_entropy(outputs.float(), batch.targets)
        loss.backward()
        optimizer.step()
        assert torch.equal(learned.loss, loss) and torch.equal(learned.outputs, outputs.float())
    assert all(parameter.dtype == torch.float32 for parameter in ours.model.parameters())
    for one, other in zip(ours.model.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_losses_that_autocast_refuses_are_computed_outside_of_it() -> None:
    plan = make_plan("a-run", precision=precision.build("bfloat16", CPU, nn.Identity()))
    plan.judge = type(plan.judge)(
        lambda outputs, targets: nn.functional.binary_cross_entropy(outputs.sigmoid(), (outputs > 0).float()),
        [],
        None,
        None,
    )
    learned = Learner(plan).learn(plan.parts["train"].inputs, plan.parts["train"].targets, 0)  # type: ignore[union-attr]
    assert learned.loss.dtype == torch.float32 and learned.loss.isfinite()


def test_evaluation_is_in_float32(bench: Bench) -> None:
    seen: set[tuple[bool, torch.dtype]] = set()
    plan = make_plan(bench.run_id, precision=precision.build("bfloat16", CPU, nn.Identity()), num_epochs=1)
    plan.model.register_forward_hook(lambda model, inputs, outputs: seen.add((model.training, outputs.dtype)))
    Trainer(bench.claim(), plan).fit()
    assert seen == {(True, torch.bfloat16), (False, torch.float32)}


@pytest.mark.parametrize(("cls", "example"), CASES, ids=CASE_NAMES)
def test_every_layer_learns_in_bfloat16(cls: type[Layer], example: Example) -> None:
    """Fed as by a layer before it that autocast has made smaller."""
    skip_unbuildable(cls)
    if kind(cls) == "backbone":  # made of layers that are here
        return
    layer = cls.model_validate({"type": kind(cls), **example.args})
    module = make(layer.recipe(*example.inputs))
    made = precision.build("bfloat16", CPU, module)
    given = [one.bfloat16().requires_grad_() if one.is_floating_point() else one for one in fed(layer, example.inputs)]
    outputs = made.cast(lambda _: module(*given))(given[0])
    assert outputs.dtype == torch.float32 and outputs.isfinite().all()
    if outputs.requires_grad:
        made.backward(outputs.sum())
    assert all(one.grad is None or one.grad.dtype == torch.float32 for one in module.parameters())


def test_float16_needs_a_gpu() -> None:
    with pytest.raises(JobFailure, match="float16, which is for GPUs") as caught:
        precision.build("float16", CPU, nn.Identity())
    assert caught.value.kind == "no_float16" and "bfloat16" in (caught.value.hint or "")


def scaled(plan: Plan) -> Plan:
    """What runs on a GPU alone, on a CPU: its scaler knows both."""
    plan.precision = Scaled(CPU)
    return plan


def by_hand(plan: Plan, num_steps: int) -> tuple[list[Tensor], GradScaler]:
    """Losses of the steps that torch's documentation tells of, with gradients bounded."""
    scaler, batch, losses = GradScaler("cpu"), batch_of(plan), []
    for step in range(num_steps):
        plan.optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            outputs = plan.model(batch.inputs)
        loss = nn.functional.cross_entropy(outputs.float(), batch.targets)
        scaler.scale(loss).backward()
        if step == 2:
            _spoil(plan.model)
        scaler.unscale_(plan.optimizer)
        nn.utils.clip_grad_norm_(plan.model.parameters(), 0.5)
        scaler.step(plan.optimizer)
        scaler.update()
        losses.append(loss.detach())
    return losses, scaler


def _spoil(model: nn.Module) -> None:
    """A gradient overflows."""
    gradient = next(model.parameters()).grad
    assert gradient is not None
    gradient[0, 0] = torch.inf


def test_a_step_in_float16_is_torchs_and_skips_what_overflows() -> None:
    ours, theirs = (plan_of(DENSE[1:], max_grad_norm=0.5, optimizer={"type": "adam", "lr": 0.05}) for _ in range(2))
    learner, batch = Learner(scaled(ours)), batch_of(ours)
    backward, calls = ours.precision.backward, itertools.count()

    def backward_and_spoil(loss: Tensor) -> None:
        backward(loss)
        if next(calls) == 2:
            _spoil(ours.model)

    ours.precision.backward = backward_and_spoil  # type: ignore[method-assign]
    losses = [learner.learn(batch.inputs, batch.targets, step).loss for step in range(5)]
    expected, scaler = by_hand(theirs, 5)
    assert torch.equal(torch.stack(losses), torch.stack(expected))
    assert torch.equal(losses[2], losses[3]), "the step after which weights were to change was skipped"
    assert int(ours.precision.figures()[SKIPPED]) == 1
    assert ours.precision.state() == {"scaler": scaler.state_dict(), "num_skipped": 1}
    assert scaler.get_scale() == 2.0**15


def test_skipped_steps_are_told(bench: Bench) -> None:
    plan = make_plan(bench.run_id, precision=Scaled(CPU), num_epochs=2)
    plan.precision.restore({"scaler": GradScaler("cpu").state_dict() | {"scale": 2.0**127}, "num_skipped": 0})
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    first, last = trainer.history.epochs[SKIPPED]
    assert 0 < first <= last
    assert f"{SKIPPED} {last:.4g}" in trainer._line(2)


@pytest.mark.parametrize(
    "build", [Scaled, lambda device: Autocast(torch.bfloat16, device)], ids=["float16", "bfloat16"]
)
def test_pieces_add_up_in_half_the_size_too(build: Any) -> None:
    found = []
    for size in (None, 6):
        plan = plan_of(DENSE, micro_batch_size=size)
        plan.precision = build(CPU)
        batch = batch_of(plan)
        learned = Learner(plan).learn(batch.inputs, batch.targets, 0)
        found.append((learned.loss, learned.grad_norm))
    torch.testing.assert_close(found[0], found[1], rtol=2e-2, atol=1e-3)
