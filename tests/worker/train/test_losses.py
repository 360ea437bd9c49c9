"""Losses, and what always giving the same outputs reaches, against plain torch."""

import pytest
import torch

from app.specs.losses import LOSSES
from worker.evaluate import Judge
from worker.train import constants, losses

from .losses_at_work import CASES, Case


def test_every_loss_is_tried() -> None:
    tried_elsewhere = {"ctc_loss"}  # test_sequences
    assert {case.type for case in CASES} | tried_elsewhere == LOSSES.keys() == losses.FUNCTIONS.keys()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_loss_is_torchs_own(case: Case) -> None:
    generator = torch.Generator().manual_seed(0)
    targets = case.targets(64, generator)
    scores = 3 * torch.randn(64, case.num_outputs, generator=generator)
    found, wanted = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    loss, expected = (
        case.loss(targets)(case.ends(found), targets),
        case.formula(case.ends(wanted), targets),
    )
    loss.backward()
    expected.backward()
    assert found.grad is not None and wanted.grad is not None
    if case.is_torchs:
        assert torch.equal(loss, expected) and torch.equal(found.grad, wanted.grad)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(found.grad, wanted.grad, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_other_constant_answer_has_a_lower_loss(case: Case) -> None:
    generator = torch.Generator().manual_seed(0)
    targets = case.targets(64, generator)
    weights = case.weights(targets)
    best = constants.constant_outputs(case.spec, targets.split(5), case.num_outputs, *weights.values())
    counted = weights.get("weight") if getattr(case.spec, "by_weight", False) else None
    chance = losses.chance(
        case.loss(targets), best, targets.split(5), Judge(case.loss(targets), [], None, None, weight=counted).count
    )
    scores = torch.zeros(case.num_outputs, requires_grad=True)
    other = torch.optim.LBFGS([scores], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        other.zero_grad()
        found = case.formula(case.ends(scores.expand(64, -1)), targets)
        found.backward()
        return found

    other.step(closure)
    others = [scores, *(scores + 0.1 * torch.randn(scores.shape, generator=generator) for _ in range(50))]
    reached = [float(case.formula(case.ends(one.detach().expand(64, -1)), targets)) for one in others]
    assert min(reached) >= chance - 2e-6 * max(1, abs(chance))


def chance(name: str, targets: torch.Tensor, num_outputs: int) -> float:
    best = constants.constant_outputs(LOSSES[name](), [targets], num_outputs)
    return losses.chance(losses.build(name), best, [targets])


def test_chance_on_xor_is_a_quarter() -> None:
    targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    assert chance("mse_loss", targets, 1) == 0.25


def test_a_class_that_never_occurs_leaves_chance_finite() -> None:
    targets = torch.tensor([0, 0, 1])
    assert chance("cross_entropy", targets, 3) == pytest.approx(0.6365, abs=1e-3)


def test_the_median_of_many_is_that_of_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "_MOST", 4096)
    targets = torch.arange(100_000.0).flip(0).unsqueeze(1)
    (median,) = constants.constant_outputs(LOSSES["l1_loss"](), targets.split(1000), 1)
    assert 0 < abs(float(median) - 50_000) < 5 * 100_000 / (2 * 2048**0.5)  # five of its deviations, of a sample


def test_what_is_linear_almost_everywhere_means_the_median_and_what_is_nowhere_the_mean() -> None:
    targets = torch.tensor([[0.0], [1.0], [2.0], [3.0], [1000.0]])
    for name, argument in (("huber_loss", "delta"), ("smooth_l1_loss", "beta")):
        centres = [
            float(constants.constant_outputs(LOSSES[name](**{argument: width}), [targets], 1)) for width in (1e-3, 1e6)
        ]
        assert centres == pytest.approx([2.0, 201.2], abs=2e-3)
