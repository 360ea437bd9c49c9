import pytest
import torch
from torch import nn

from worker.train.gradients import Gradients, Penalty


def model_with_gradients() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    model(torch.randn(16, 4)).square().mean().backward()
    return model


def test_the_norm_is_that_of_all_gradients_together() -> None:
    model = model_with_gradients()
    expected = nn.utils.get_total_norm(
        [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    )
    torch.testing.assert_close(Gradients(model, [], None).finish(), expected)


def test_a_bound_is_torchs_clip_grad_norm() -> None:
    ours, theirs = model_with_gradients(), model_with_gradients()
    norm = Gradients(ours, [], 0.01).finish()
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(theirs.parameters(), 0.01))
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_a_penalty_pulls_as_if_it_were_in_the_loss(l1: float, l2: float) -> None:
    ours, theirs = model_with_gradients(), model_with_gradients()
    Gradients(ours, [Penalty(ours[0].weight, l1, l2)], None).finish()
    weight = theirs[0].weight
    (l1 * weight.abs().sum() + l2 * weight.square().sum()).backward()
    torch.testing.assert_close(ours[0].weight.grad, weight.grad)
    torch.testing.assert_close(ours[2].weight.grad, theirs[2].weight.grad)


def test_a_frozen_weight_is_left_alone() -> None:
    model = model_with_gradients()
    model[0].weight.requires_grad_(False)
    model[0].weight.grad = None
    gradients = Gradients(model, [Penalty(model[0].weight, 0.1, 0.1)], None)
    gradients.finish()
    assert model[0].weight.grad is None
    gradients.clear()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_bound_of_values_is_torchs_clip_grad_value_once_the_length_is_bounded() -> None:
    ours, theirs = model_with_gradients(), model_with_gradients()
    norm = Gradients(ours, [], 0.5, 0.01).finish()
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(theirs.parameters(), 0.5))
    nn.utils.clip_grad_value_(theirs.parameters(), 0.01)
    largest = 0.0
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad)
        largest = max(largest, float(one.grad.abs().max()))
    assert largest == pytest.approx(0.01)
