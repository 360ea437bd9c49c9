import pytest
import torch
from torch import nn

from app.specs.losses import BINARY_LOSSES, CLASS_LOSSES
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
    some = targets.split(5)
    best = losses.constant_outputs(name, some, outputs.shape[1])
    chance = losses.chance(loss, best, some)
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        other = best + 0.1 * torch.randn(best.shape, generator=generator)
        if name == "binary_cross_entropy":
            other = other.clamp(0, 1)
        if name == "nll_loss":
            other = other.log_softmax(0)
        assert float(loss(other.expand(len(targets), -1), targets)) >= chance - 1e-6


def chance(name: str, targets: torch.Tensor, num_outputs: int) -> float:
    return losses.chance(losses.build(name), losses.constant_outputs(name, [targets], num_outputs), [targets])


def test_chance_on_xor_is_a_quarter() -> None:
    targets = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    assert chance("mse_loss", targets, 1) == 0.25


def test_a_class_that_never_occurs_leaves_chance_finite() -> None:
    targets = torch.tensor([0, 0, 1])
    assert chance("cross_entropy", targets, 3) == pytest.approx(0.6365, abs=1e-3)


def test_the_median_of_many_is_that_of_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "_MOST", 4096)
    targets = torch.arange(100_000.0).flip(0).unsqueeze(1)
    (median,) = losses.constant_outputs("l1_loss", targets.split(1000), 1)
    assert 0 < abs(float(median) - 50_000) < 5 * 100_000 / (2 * 2048**0.5)  # five of its deviations, of a sample
