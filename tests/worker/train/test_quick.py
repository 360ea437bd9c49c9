"""The steps of SGD and Adam that skip what torch does around its kernels, against torch's own, to the bit."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from worker.train import optimizers

CPU = torch.device("cpu")
CASES: list[tuple[str, type[Optimizer], dict[str, Any]]] = [
    ("sgd", torch.optim.SGD, {}),
    ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ("sgd", torch.optim.SGD, {"weight_decay": 0.1}),
    ("adam", torch.optim.Adam, {"fused": True}),
    ("adam", torch.optim.Adam, {"fused": True, "amsgrad": True, "weight_decay": 0.1, "betas": (0.8, 0.95)}),
    ("adamw", torch.optim.AdamW, {"fused": True, "weight_decay": 0.1}),
]


def model() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3), nn.Linear(3, 2))


def groups(net: nn.Sequential) -> list[dict[str, Any]]:
    """Two of them, with rates of their own."""
    return [{"params": [*net[0].parameters()], "lr": 0.03}, {"params": [*net[2].parameters(), *net[3].parameters()]}]


def take(net: nn.Sequential, optimizer: Optimizer, steps: range, without: nn.Module | None = None) -> None:
    """Steps, in which a part of the model may have no gradient."""
    for step in steps:
        x = torch.randn(6, 5, generator=torch.Generator().manual_seed(step))
        for parameter in net.parameters():
            parameter.grad = None
        net(x).square().mean().backward()
        for parameter in without.parameters() if without else ():
            parameter.grad = None
        optimizers.step(optimizer)


def made(type: str, net: nn.Sequential, arguments: dict[str, Any]) -> Optimizer:
    given = {name: value for name, value in arguments.items() if name != "fused"}
    return optimizers.build(type, groups(net), CPU, lr=0.01, **given)


def assert_equal(ours: nn.Module, theirs: nn.Module, optimizer: Optimizer, torchs: Optimizer) -> None:
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(own, other)
        state = torchs.state[other]
        assert optimizer.state[own].keys() == state.keys()
        for name, value in state.items():
            assert value is None or torch.equal(optimizer.state[own][name], value), name


@pytest.mark.parametrize(("type", "torchs_class", "arguments"), CASES)
def test_weights_and_state_are_torchs(type: str, torchs_class: Any, arguments: dict[str, Any]) -> None:
    ours, theirs = model(), model()
    optimizer, torchs = made(type, ours, arguments), torchs_class(groups(theirs), lr=0.01, **arguments)
    for net, one in ((ours, optimizer), (theirs, torchs)):
        take(net, one, range(5), without=net[3])  # as if it were frozen
        take(net, one, range(5, 15))
        take(net, one, range(15, 18), without=net[0])
        take(net, one, range(18, 25))
    assert_equal(ours, theirs, optimizer, torchs)


@pytest.mark.parametrize(("type", "torchs_class", "arguments"), CASES)
def test_what_is_kept_is_taken_up_again(type: str, torchs_class: Any, arguments: dict[str, Any]) -> None:
    ours, again = model(), model()
    optimizer, other = made(type, ours, arguments), made(type, again, arguments)
    take(ours, optimizer, range(10))
    take(again, other, range(3))  # has gathered state of its own
    kept = {name: tensor.clone() for name, tensor in optimizers.state_tensors(optimizer).items()}
    again.load_state_dict(ours.state_dict())
    optimizers.restore_state(other, kept)
    take(ours, optimizer, range(10, 20))
    take(again, other, range(10, 20))
    assert_equal(again, ours, other, optimizer)


def test_state_that_was_given_as_it_is_goes_on() -> None:
    """Torch takes a step's count over as it is, and lays the rest out anew."""
    ours, theirs = model(), model()
    optimizer, torchs = made("adam", ours, {}), torch.optim.Adam(groups(theirs), lr=0.01, fused=True)
    take(ours, optimizer, range(3))
    optimizers.restore_state(optimizer, optimizers.state_tensors(optimizer))
    take(ours, optimizer, range(3, 6))
    take(theirs, torchs, range(6))
    assert_equal(ours, theirs, optimizer, torchs)


def test_hooks_are_called_once_a_step() -> None:
    net = model()
    optimizer = made("adam", net, {})
    take(net, torch.optim.Adam(net.parameters()), range(1))  # torch wraps its own class when it is first used
    calls: list[int] = []
    hook = optimizer.register_step_pre_hook(lambda *_: calls.append(1))
    take(net, optimizer, range(4))
    hook.remove()
    take(net, optimizer, range(4, 6))
    assert len(calls) == 4
