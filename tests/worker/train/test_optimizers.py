from typing import Any

import pytest
import torch
from torch import nn

from worker.train import optimizers

CASES: list[tuple[str, dict[str, Any], type[torch.optim.Optimizer]]] = [
    ("sgd", {"lr": 0.1}, torch.optim.SGD),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, torch.optim.SGD),
    ("adam", {"lr": 0.01}, torch.optim.Adam),
    ("adam", {"lr": 0.01, "amsgrad": True, "betas": (0.8, 0.99)}, torch.optim.Adam),
    ("adamw", {"lr": 0.01, "weight_decay": 0.1}, torch.optim.AdamW),
    ("rmsprop", {"lr": 0.01, "momentum": 0.5, "centered": True}, torch.optim.RMSprop),
]
CPU = torch.device("cpu")


def model() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))


def take_steps(net: nn.Module, optimizer: torch.optim.Optimizer, num_steps: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(num_steps):
        optimizer.zero_grad()
        net(torch.randn(5, 3, 8, 8, generator=generator)).square().mean().backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in net.parameters()]


@pytest.mark.parametrize(("name", "arguments", "reference"), CASES)
def test_steps_are_those_of_plain_torch(name: str, arguments: dict[str, Any], reference: Any) -> None:
    ours, theirs = model(), model()
    a = take_steps(ours, optimizers.build(name, ours.parameters(), CPU, **arguments), 20)
    b = take_steps(theirs, reference(theirs.parameters(), **arguments), 20)
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("name", "arguments", "reference"), CASES)
def test_restored_state_goes_on_bit_for_bit(
    name: str, arguments: dict[str, Any], reference: Any, channels_last: bool
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    whole = model().to(memory_format=layout)
    optimizer = optimizers.build(name, whole.parameters(), CPU, **arguments)
    take_steps(whole, optimizer, 3, seed=1)
    saved = {key: value.contiguous().clone() for key, value in optimizers.state_tensors(optimizer).items()}
    weights = {key: value.contiguous().clone() for key, value in whole.state_dict().items()}

    resumed = model().to(memory_format=layout)
    resumed.load_state_dict(weights)
    other = optimizers.build(name, resumed.parameters(), CPU, **arguments)
    optimizers.restore_state(other, saved)

    a, b = take_steps(whole, optimizer, 3, seed=2), take_steps(resumed, other, 3, seed=2)
    assert all(torch.equal(one, two) for one, two in zip(a, b, strict=True))


def test_the_rate_reaches_every_group() -> None:
    net = model()
    optimizer = optimizers.build("adam", net.parameters(), CPU, lr=0.1)
    optimizers.set_rate(optimizer, 0.025)
    assert [group["lr"] for group in optimizer.param_groups] == [0.025]
