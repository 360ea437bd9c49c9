import pytest
import torch
from torch import nn

from app.specs.training import BINARY_LOSSES, CLASS_LOSSES
from worker.train import losses

MODULES = {
    "mse_loss": nn.MSELoss,
    "l1_loss": nn.L1Loss,
    "cross_entropy": nn.CrossEntropyLoss,
    "binary_cross_entropy": nn.BCELoss,
    "binary_cross_entropy_with_logits": nn.BCEWithLogitsLoss,
    "nll_loss": nn.NLLLoss,
}


def outputs_and_targets(name: str, num_rows: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    if name in CLASS_LOSSES:
        outputs = torch.randn(num_rows, 5, generator=generator)
        targets = torch.randint(5, (num_rows,), generator=generator)
        return (outputs.log_softmax(1) if name == "nll_loss" else outputs), targets
    outputs = torch.randn(num_rows, 1, generator=generator)
    if name in BINARY_LOSSES:
        targets = (torch.rand(num_rows, 1, generator=generator) < 0.3).float()
        return (outputs.sigmoid() if name == "binary_cross_entropy" else outputs), targets
    return outputs, torch.randn(num_rows, 1, generator=generator) + 3


@pytest.mark.parametrize("name", MODULES)
def test_a_loss_is_torchs_own(name: str) -> None:
    outputs, targets = outputs_and_targets(name)
    assert torch.equal(losses.build(name)(outputs, targets), MODULES[name]()(outputs, targets))


def test_arguments_are_torchs_own() -> None:
    outputs, targets = outputs_and_targets("cross_entropy")
    smoothed = losses.build("cross_entropy", label_smoothing=0.1)(outputs, targets)
    assert torch.equal(smoothed, nn.CrossEntropyLoss(label_smoothing=0.1)(outputs, targets))


@pytest.mark.parametrize("name", MODULES)
def test_no_other_constant_answer_has_a_lower_loss(name: str) -> None:
    outputs, targets = outputs_and_targets(name)
    loss = losses.build(name)
    best = losses.constant_outputs(name, targets, outputs.shape[1])
    chance = losses.chance(name, loss, targets, outputs.shape[1])
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        other = best + 0.1 * torch.randn(best.shape, generator=generator)
        if name == "binary_cross_entropy":
            other = other.clamp(0, 1)
        if name == "nll_loss":
            other = other.log_softmax(0)
        assert float(loss(other.expand(len(targets), -1), targets)) >= chance - 1e-6


def test_chance_on_xor_is_a_quarter() -> None:
    targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    assert losses.chance("mse_loss", losses.build("mse_loss"), targets, 1) == 0.25


def test_a_class_that_never_occurs_leaves_chance_finite() -> None:
    targets = torch.tensor([0, 0, 1])
    assert losses.chance("cross_entropy", losses.build("cross_entropy"), targets, 3) == pytest.approx(0.6365, abs=1e-3)
