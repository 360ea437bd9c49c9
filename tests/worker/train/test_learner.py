"""What one step does: the whole batch or its pieces, a step or a search, in any precision."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Preprocessing, Target
from worker.nn.straight import straight
from worker.train.augment import Mix
from worker.train.averaging import Averaging
from worker.train.batches import Part
from worker.train.gradients import Gradients, Penalty
from worker.train.learner import Batch, Learner
from worker.train.places import IGNORED, Places
from worker.train.plan import Plan
from worker.train.precision import Precision
from worker.train.setup import assemble

from .conftest import CPU, make_plan
from .test_resume import plan_of_heads

DENSE = [
    {"type": "linear", "out_features": 16, "l2": 0.01},
    {"type": "tanh"},
    {"type": "linear", "out_features": 3},
]
NORMED = [DENSE[0], {"type": "batch_norm"}, *DENSE[1:]]


def plan_of(layers: list[dict[str, Any]], num_rows: int = 20, **training: Any) -> Plan:
    """A training of three classes."""
    generator = torch.Generator().manual_seed(3)
    inputs, targets = torch.randn(num_rows, 4, generator=generator), torch.randint(3, (num_rows,), generator=generator)
    said = {"batch_size": None, "loss": {"type": "cross_entropy"}, "optimizer": {"type": "sgd", "lr": 0.1}, **training}
    how = Preprocessing(
        steps=[],
        input_shape=[4],
        input_dtype="float32",
        target=Target(name="y", classes=["a", "b", "c"]),
        loss="cross_entropy",
    )
    spec, parts = TrainingSpec.model_validate(said), {"train": Part(inputs, targets)}
    return assemble("a-run", ModelSpec.model_validate({"layers": layers}), spec, parts, how, CPU)


def tried(plan: Plan, batch: Batch) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Outputs, loss and gradients of a batch."""
    found = Learner(plan)._try(batch)
    return found.outputs, found.loss, [parameter.grad.clone() for parameter in plan.gradients.parameters]  # type: ignore[union-attr]


def assert_same_in_pieces(plan: Plan, batch: Batch, size: int) -> None:
    whole = tried(plan, batch)
    plan.micro_batch_size = size
    torch.testing.assert_close(tried(plan, batch), whole, rtol=1e-5, atol=1e-7)


def batch_of(plan: Plan) -> Batch:
    return Batch(*next(iter(plan.batches.epoch(0))))


@pytest.mark.parametrize("size", [1, 3, 7, 19, 20, 99])
def test_the_pieces_of_a_batch_have_the_gradient_of_the_whole(size: int) -> None:
    plan = plan_of(DENSE, max_grad_norm=0.3)
    assert_same_in_pieces(plan, batch_of(plan), size)


def test_pieces_are_as_large_as_is_said() -> None:
    plan, seen = plan_of(DENSE, micro_batch_size=8), []
    plan.model.register_forward_hook(lambda model, inputs, outputs: seen.append(len(outputs)))
    learned = Learner(plan).learn(*batch_of(plan)[:2], step=0)
    assert seen == [8, 8, 4]
    assert learned.outputs.shape == (20, 3) and learned.targets.shape == (20,)


def test_no_row_is_left_alone_where_rows_are_compared() -> None:
    plan, seen = plan_of(NORMED, num_rows=9, micro_batch_size=4), []
    plan.model.register_forward_hook(lambda model, inputs, outputs: seen.append(len(outputs)))
    Learner(plan).learn(*batch_of(plan)[:2], step=0)
    assert seen == [4, 5]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_tokens_count_by_how_many_there_are(smoothing: float) -> None:
    """A piece of short texts counts less than one of long texts, one of empty texts nothing."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    torch.manual_seed(0)
    model, places = nn.Embedding(9, 5), Places("tokens", (6,))
    plan = make_plan("a-run", model=model, gradients=Gradients(model, [], None))
    plan.judge = type(plan.judge)(places.loss(loss), [], None, None, places)
    inputs = torch.randint(9, (8, 6))
    lengths = torch.tensor([6, 1, 0, 0, 0, 2, 3, 6]).unsqueeze(1)
    targets = torch.where(torch.arange(6) < lengths, torch.randint(5, (8, 6)), IGNORED)
    assert_same_in_pieces(plan, Batch(inputs, targets), 2)
    nothing = torch.full_like(targets, IGNORED)
    assert tried(plan, Batch(inputs, nothing))[1] == 0


def test_each_of_several_outputs_counts_by_its_own(bench: Any) -> None:
    plan = plan_of_heads(bench)
    for module in plan.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    assert_same_in_pieces(plan, batch_of(plan), 3)


def test_mixed_rows_keep_what_they_were_mixed_with() -> None:
    plan = plan_of(DENSE)
    inputs, targets, _ = batch_of(plan)
    assert_same_in_pieces(plan, Batch(inputs, targets, Mix(targets.flip(0), 0.3)), 6)


def search(optimizer: Callable[..., torch.optim.Optimizer], plan: Plan) -> list[tuple[Tensor, Tensor]]:
    """Loss and norm of some steps of an optimizer that takes a closure."""
    plan.optimizer = optimizer(plan.model.parameters(), lr=plan.rate(0))
    learner, batch = Learner(plan), batch_of(plan)
    found = [learner.learn(batch.inputs, batch.targets, step) for step in range(3)]
    return [(one.loss, one.grad_norm) for one in found]


def lbfgs(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.LBFGS(parameters, lr=lr, max_iter=4, line_search_fn="strong_wolfe")


def test_an_optimizer_that_searches_is_given_a_closure() -> None:
    ours, theirs = plan_of(DENSE), plan_of(DENSE)
    found = search(lbfgs, ours)
    model, batch = theirs.model, batch_of(theirs)
    optimizer = lbfgs(model.parameters(), theirs.rate(0))
    (weight,) = (one.weight for one in theirs.gradients.penalties)
    expected = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch.inputs), batch.targets)
        (loss + 0.01 * weight.square().sum()).backward()
        norm = nn.utils.get_total_norm([one.grad for one in model.parameters() if one.grad is not None])
        tries.append((loss.detach(), norm))
        return loss + 0.01 * weight.square().sum()

    for _ in range(3):
        tries: list[tuple[Tensor, Tensor]] = []
        optimizer.step(closure)  # type: ignore[arg-type]
        assert len(tries) > 1
        expected.append(tries[0])
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert found[-1][0] < found[0][0]


def test_a_search_looks_at_pieces_too() -> None:
    def steady(parameters: Any, lr: float) -> torch.optim.Optimizer:  # a line search would make much of rounding
        return torch.optim.LBFGS(parameters, lr=lr, max_iter=3)

    whole, pieces = search(steady, plan_of(DENSE)), search(steady, plan_of(DENSE, micro_batch_size=7))
    torch.testing.assert_close(pieces, whole, rtol=1e-3, atol=1e-6)


def test_a_penalty_has_the_value_whose_gradient_it_adds() -> None:
    weight = nn.Parameter(torch.tensor([[0.5, -2.0], [3.0, 0.25]]))
    penalty = Penalty(weight, 0.3, 0.2)
    weight.grad = torch.zeros_like(weight)
    penalty.add_gradient()
    (0.3 * weight.abs().sum() + 0.2 * weight.square().sum()).backward()
    torch.testing.assert_close(weight.grad[0, 0], 2 * (0.3 + 0.4 * weight[0, 0].detach()))
    torch.testing.assert_close(penalty.value(), torch.tensor(0.3 * 5.75 + 0.2 * 13.3125))


def test_nothing_stands_between_a_plain_step_and_its_model() -> None:
    plan = plan_of(DENSE)
    assert Learner(plan).forward.__qualname__ == straight(plan.model).__qualname__  # type: ignore[attr-defined]
    plan.model = nn.Bilinear(4, 4, 3)
    assert Learner(plan).forward is plan.model
    assert type(plan.precision) is Precision and type(plan.averaging) is Averaging
