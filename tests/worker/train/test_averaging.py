"""Means of weights are those of torch.optim.swa_utils, and what a training leaves."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from app.specs.averages import EMA, SWA
from worker import evaluate
from worker.train import averaging, norms
from worker.train.finish import finish
from worker.train.freezing import Freezing, Frozen
from worker.train.plan import Plan
from worker.train.stopping import EarlyStopping
from worker.train.trainer import Trainer

from .conftest import CPU, Bench, make_plan

STEPS_PER_EPOCH, NUM_EPOCHS = 4, 6


def model_of(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


def stir(model: nn.Module) -> None:
    """Change weights and figures as a step would."""
    with torch.no_grad():
        model(torch.randn(16, 4))
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


@pytest.mark.parametrize(("decay", "start_step"), [(0.9, 0), (0.999, 5), (0.0, 2)])
def test_a_moving_average_is_torchs(decay: float, start_step: int) -> None:
    model = model_of()
    ours = averaging.moving(model, EMA(decay=decay, start_step=start_step))
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    for step in range(1, 12):
        stir(model)
        ours.add(step)
        if step > start_step:
            theirs.update_parameters(model)
    with ours.in_place(11):
        assert_equal(model.state_dict(), theirs.module.state_dict())


def test_the_mean_of_epochs_is_torchs() -> None:
    model = model_of()
    ours = averaging.of_epochs(model, SWA(start_epoch=2), STEPS_PER_EPOCH, lambda step: None)
    theirs = AveragedModel(model)
    for step in range(1, NUM_EPOCHS * STEPS_PER_EPOCH + 1):
        stir(model)
        ours.add(step)
        if step % STEPS_PER_EPOCH == 0 and step // STEPS_PER_EPOCH > 2:
            theirs.update_parameters(model)
    assert theirs.n_averaged == 4
    assert ours.take(NUM_EPOCHS * STEPS_PER_EPOCH) == "the mean of the weights after each epoch from 3 on"
    torch.testing.assert_close(dict(model.state_dict()), dict(theirs.module.state_dict()))


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("anneal_epochs", [0, 1, 3, 20])
def test_the_rate_goes_where_torchs_goes(strategy: Any, anneal_epochs: int) -> None:
    swa = SWA(start_epoch=2, lr=0.02, anneal_epochs=anneal_epochs, anneal_strategy=strategy)
    rate = averaging.annealed(lambda step: 0.5 * 0.9**step, swa, STEPS_PER_EPOCH)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    expected: list[float] = []
    for epoch in range(NUM_EPOCHS):
        if epoch == 2:
            optimizer.param_groups[0]["lr"] = 0.5 * 0.9**8
            scheduler = SWALR(optimizer, 0.02, anneal_epochs, strategy)
        for i in range(STEPS_PER_EPOCH):
            plain = 0.5 * 0.9 ** (epoch * STEPS_PER_EPOCH + i)
            expected.append(plain if epoch < 2 else optimizer.param_groups[0]["lr"])
        optimizer.step()
        if epoch >= 2:
            scheduler.step()
    assert [rate(step) for step in range(len(expected))] == pytest.approx(expected)


def test_a_rate_that_is_not_said_stays_where_it_was() -> None:
    rate = averaging.annealed(lambda step: 0.5 * 0.9**step, SWA(start_epoch=1, anneal_epochs=2), STEPS_PER_EPOCH)
    assert [rate(step) for step in (3, 4, 9, 23)] == pytest.approx([0.5 * 0.9**3, *[0.5 * 0.9**4] * 3])


def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, 4, generator=generator) for size in (8, 8, 3)]


def test_norms_are_measured_as_torch_does() -> None:
    ours, theirs = model_of(), model_of()
    torch.manual_seed(7)
    update_bn(batches(), theirs)
    expected = torch.get_rng_state()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    norms.measure(ours, batches(), 7, CPU)
    assert_equal(ours.state_dict(), theirs.state_dict())
    assert torch.equal(torch.get_rng_state(), before) and not torch.equal(before, expected)
    assert ours[1].momentum == 0.1


def test_frozen_norms_keep_their_figures() -> None:
    model = model_of()
    stir(model)
    Freezing([Frozen("1", model[1], 5)]).set(2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    norms.measure(model, batches(), 7, CPU)
    assert_equal(model.state_dict(), before)


def test_a_mean_is_only_for_a_while_in_its_place() -> None:
    model = model_of()
    mean = averaging.of_epochs(model, SWA(start_epoch=0), 1, lambda step: norms.measure(model, batches(), 7, CPU))
    for step in (1, 2):
        stir(model)
        mean.add(step)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with mean.in_place(2):
        assert not torch.equal(model.state_dict()["0.weight"], before["0.weight"])
        assert not torch.equal(model.state_dict()["1.running_mean"], before["1.running_mean"])
    assert_equal(model.state_dict(), before)


def test_nothing_is_taken_before_there_is_a_mean() -> None:
    model = model_of()
    mean = averaging.moving(model, EMA(start_step=5))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stirred = averaging.Averaging()
    for step in range(1, 6):
        mean.add(step)
        stirred.add(step)
    assert mean.take(5) is None and stirred.take(5) is None
    assert_equal(model.state_dict(), before)


def averaged(bench: Bench, stopping: EarlyStopping | None = None) -> tuple[Plan, AveragedModel]:
    """A plan with a moving average, and torch's own beside it."""
    plan = make_plan(bench.run_id, stopping=stopping, num_epochs=4)
    plan.averaging = averaging.moving(plan.model, EMA(decay=0.8))
    theirs = AveragedModel(plan.model, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    ours_add = plan.averaging.add

    def add(step: int) -> None:
        ours_add(step)
        theirs.update_parameters(plan.model)

    plan.averaging.add = add  # type: ignore[method-assign]
    return plan, theirs


def test_a_training_validates_and_leaves_its_mean(bench: Bench) -> None:
    plan, theirs = averaged(bench)
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    expected = evaluate.measure(theirs.module, plan.parts["validation"], plan.judge, CPU)
    assert trainer.history.last("validation/loss") == pytest.approx(float(expected["loss"]), rel=1e-6)
    own = {name: tensor.clone() for name, tensor in plan.model.state_dict().items()}
    finish(trainer)
    assert_equal(plan.model.state_dict(), theirs.module.state_dict())
    assert not torch.equal(own["0.weight"], plan.model.state_dict()["0.weight"])


def test_the_best_epoch_is_that_of_the_mean(bench: Bench) -> None:
    stopping = EarlyStopping("validation/loss", patience=9)
    plan, theirs = averaged(bench, stopping)
    trainer = Trainer(bench.claim(), plan)
    means: list[dict[str, Tensor]] = []
    look = trainer._look

    def looked() -> None:
        means.append({name: tensor.clone() for name, tensor in theirs.module.state_dict().items()})
        look()

    trainer._look = looked  # type: ignore[method-assign]
    trainer.fit()
    finish(trainer)
    assert_equal(plan.model.state_dict(), means[stopping.best_epoch - 1])
