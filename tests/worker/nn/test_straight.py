"""A chain as steps call it gives the model's own outputs and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from worker.nn.straight import straight


def convolutions() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(6)),
        *(nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), nn.Conv2d(6, 4, 3), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(4, 2)),
    )


def dense() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2), nn.Sigmoid())


def learned(net: nn.Module, forward: Any, x: Tensor) -> list[Tensor]:
    torch.manual_seed(5)
    net.zero_grad()
    outputs = forward(x)
    outputs.square().sum().backward()
    return [outputs.detach(), *(one.grad.clone() for one in net.parameters() if one.grad is not None)]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("ties", [True, False])
def test_outputs_and_gradients_are_the_models(layout: torch.memory_format, ties: bool) -> None:
    net: nn.Sequential = convolutions().to(memory_format=layout)
    x = torch.randn(4, 3, 20, 20).to(memory_format=layout)
    if ties:  # whole windows are alike, above zero and below
        x = x.sign()
        with torch.no_grad():
            net[0].weight.copy_(net[0].weight.sign())
            net[0].bias.zero_()
    for own, other in zip(learned(net, straight(net), x), learned(net, net, x), strict=True):
        assert torch.equal(own, other)


def test_a_number_that_is_none_stays_one() -> None:
    net = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    x = torch.randn(1, 1, 4, 4)
    x[0, 0, 1, 1] = torch.nan
    assert torch.equal(straight(net)(x).isnan(), net(x).isnan())


def test_a_layer_with_a_hook_is_heard() -> None:
    net, heard = dense(), []
    forward = straight(net)
    hook = net[1].register_forward_hook(lambda module, inputs, output: heard.append(output))
    x = torch.randn(5, 3)
    outputs = forward(x)
    hook.remove()
    assert len(heard) == 1
    assert torch.equal(forward(x), outputs)
    assert len(heard) == 1


def test_other_models_are_called_as_they_are() -> None:
    class Other(nn.Sequential):
        pass

    net = Other(nn.Linear(2, 2))
    assert straight(net) is net
