import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from app.specs.optimizers import AnyOptimizer
from worker.train import optimizers
from worker.train.paired import Paired

CASES: list[tuple[str, dict[str, Any]]] = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("sgd", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("adam", {"lr": 0.01}),
    ("adam", {"lr": 0.01, "amsgrad": True, "betas": (0.8, 0.99)}),
    ("adamw", {"lr": 0.01, "weight_decay": 0.1}),
    ("rmsprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
    ("rmsprop", {"lr": 0.003, "alpha": 0.9, "weight_decay": 0.1}),
    ("nadam", {"lr": 0.01}),
    ("nadam", {"lr": 0.01, "momentum_decay": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("radam", {"lr": 0.01}),
    ("radam", {"lr": 0.01, "betas": (0.7, 0.9), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("adamax", {"lr": 0.01}),
    ("adamax", {"lr": 0.01, "betas": (0.5, 0.9), "weight_decay": 0.1}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "weight_decay": 0.1}),
    ("adadelta", {"lr": 1.0}),
    ("adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1}),
    ("adafactor", {"lr": 0.01}),
    ("adafactor", {"lr": 0.03, "eps": (1e-9, 0.01), "d": 1.5, "beta2_decay": -0.5, "weight_decay": 0.1}),
    ("asgd", {"lr": 0.1}),
    ("asgd", {"lr": 0.1, "lambd": 0.1, "t0": 3.0, "alpha": 0.5, "weight_decay": 0.1}),
    ("rprop", {"lr": 0.01}),
    ("rprop", {"lr": 0.01, "etas": (0.3, 1.5), "step_sizes": (1e-4, 0.02)}),
    ("lbfgs", {"lr": 0.5, "max_iter": 4, "history_size": 3}),
    ("lbfgs", {"lr": 1.0, "max_iter": 3, "history_size": 20, "line_search_fn": "strong_wolfe"}),
    ("muon", {"lr": 0.02}),
    ("muon", {"lr": 0.02, "nesterov": False, "momentum": 0.5, "adjust_lr_fn": "match_rms_adamw", "adamw_lr": 0.01}),
]
CPU = torch.device("cpu")
SHAPE = (3, 6, 6)


@pytest.fixture(autouse=True, scope="module")
def alone() -> Iterator[None]:
    """Steps this small are not shared between threads."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def model(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(3)
    layers = [nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 2)]
    return nn.Sequential(*layers).to(dtype)


def take_steps(net: nn.Module, optimizer: torch.optim.Optimizer, num_steps: int, seed: int = 0) -> list[Tensor]:
    """Steps on made-up batches, some of them with another rate."""
    generator = torch.Generator().manual_seed(seed)
    dtype = next(net.parameters()).dtype
    lr = optimizer.param_groups[0]["lr"]
    for step in range(num_steps):
        x = torch.randn(5, *SHAPE, generator=generator, dtype=torch.float64).to(dtype)
        optimizer.param_groups[0]["lr"] = lr * (0.5 if step % 7 == 3 else 1)
        optimizer.step(loss_of(net, x, optimizer))
    optimizer.param_groups[0]["lr"] = lr
    return [parameter.detach().clone() for parameter in net.parameters()]


def loss_of(net: nn.Module, x: Tensor, optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = (net(x) - x.mean((1, 2, 3))[:, None].sin()).square().mean()
        loss.backward()
        return loss

    return closure


def built(name: str, net: nn.Module, arguments: dict[str, Any]) -> torch.optim.Optimizer:
    """As a run has it."""
    parameters: Any = net.parameters()
    if name == "muon":
        ratio = arguments.get("adamw_lr", 3e-4)
        said = {"lr_factor": ratio / arguments["lr"], "is_hidden": False}
        (weight,) = matrices(net)
        parameters = [{"params": [weight], "is_hidden": True}, {"params": others(net), **said}]
        whole: Any = TypeAdapter(AnyOptimizer).validate_python({"type": name, **arguments})
        arguments = whole.model_dump(exclude={"type", "decay_norms_and_biases"})
    return optimizers.build(name, parameters, CPU, **arguments)


def matrices(net: nn.Module) -> list[Tensor]:
    return [net.get_parameter("3.weight")]


def others(net: nn.Module) -> list[Tensor]:
    return [one for name, one in net.named_parameters() if name != "3.weight"]


def plain(name: str, net: nn.Module, arguments: dict[str, Any]) -> torch.optim.Optimizer:
    """As a user of torch writes it, without any of its faster ways."""
    if name == "muon":
        own = {key: value for key, value in arguments.items() if not key.startswith("adamw_")}
        lr = arguments.get("adamw_lr", 3e-4)
        rest = torch.optim.AdamW(others(net), lr, (0.9, 0.95), 1e-10, 0.0, foreach=False, fused=False)
        return Paired([torch.optim.Muon(matrices(net), **own), rest])
    cls: Any = optimizers._CLASSES[name]
    ways = {"foreach": False, "fused": False}
    known = {key: value for key, value in ways.items() if key in inspect.signature(cls).parameters}
    return cls(net.parameters(), **arguments, **known)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_steps_are_those_of_plain_torch(name: str, arguments: dict[str, Any]) -> None:
    """To the last bit where torch goes the same way; where a faster one sums otherwise, to twelve digits."""
    same_way = not optimizers.variant(name, "cpu") and name != "muon"
    dtype = torch.float32 if same_way else torch.float64
    ours, theirs = model(dtype), model(dtype)
    a = take_steps(ours, built(name, ours, arguments), 50)
    b = take_steps(theirs, plain(name, theirs, arguments), 50)
    begun = list(model(dtype).parameters())
    for one, other, first in zip(a, b, begun, strict=True):
        assert not torch.equal(one, first)
        if same_way:
            assert torch.equal(one, other)
        else:
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


# LBFGS views weights as one row, which those of channels last are not: a run does without.
LAID_OUT = [(*case, torch.contiguous_format) for case in CASES]
LAID_OUT += [(*case, torch.channels_last) for case in CASES if case[0] != "lbfgs"]


@pytest.mark.parametrize(("name", "arguments", "layout"), LAID_OUT, ids=str)
def test_restored_state_goes_on_bit_for_bit(name: str, arguments: dict[str, Any], layout: torch.memory_format) -> None:
    whole = model().to(memory_format=layout)
    optimizer = built(name, whole, arguments)
    take_steps(whole, optimizer, 3, seed=1)
    saved = {key: value.contiguous().clone() for key, value in optimizers.state_tensors(optimizer).items()}
    weights = {key: value.contiguous().clone() for key, value in whole.state_dict().items()}

    resumed = model().to(memory_format=layout)
    resumed.load_state_dict(weights)
    other = built(name, resumed, arguments)
    optimizers.restore_state(other, saved)
    again = optimizers.state_tensors(other)
    assert again.keys() == saved.keys()
    assert all(torch.equal(again[key], saved[key]) and again[key].dtype == saved[key].dtype for key in saved)

    a, b = take_steps(whole, optimizer, 3, seed=2), take_steps(resumed, other, 3, seed=2)
    assert all(torch.equal(one, two) for one, two in zip(a, b, strict=True))


def test_a_step_that_ended_at_once_is_restored_too() -> None:
    """Then lbfgs remembers moves, but has none in its lists."""
    net = nn.Linear(1, 1)
    optimizer = optimizers.build("lbfgs", net.parameters(), CPU, lr=0.1, max_iter=1)
    optimizer.step(loss_of(net, torch.ones(1, 1, 1, 1), optimizer))
    other = optimizers.build("lbfgs", net.parameters(), CPU, lr=0.1, max_iter=1)
    optimizers.restore_state(other, optimizers.state_tensors(optimizer))
    state = other.state_dict()["state"][0]
    assert (state["old_dirs"], state["n_iter"], type(state["prev_loss"])) == ([], 1, float)


def test_the_rate_reaches_every_group() -> None:
    net = model()
    optimizer = optimizers.build("adam", net.parameters(), CPU, lr=0.1)
    optimizers.set_rate(optimizer, 0.025)
    assert [group["lr"] for group in optimizer.param_groups] == [0.025]


def test_rate_and_momentum_reach_both_of_a_pair_also_once_it_is_restored() -> None:
    net = model()
    optimizer = built("muon", net, {"lr": 0.02})
    take_steps(net, optimizer, 2)
    optimizers.restore_state(optimizer, optimizers.state_tensors(optimizer))
    optimizers.set_rate(optimizer, 0.01)
    optimizers.set_momentum(optimizer, 0.7)
    muon, adamw = optimizer.parts  # type: ignore[attr-defined]
    assert (muon.param_groups[0]["lr"], muon.param_groups[0]["momentum"]) == (0.01, 0.7)
    assert adamw.param_groups[0]["lr"] == pytest.approx(1.5e-4)
    assert adamw.param_groups[0]["betas"] == (0.7, 0.95)
    assert muon.state is adamw.state is optimizer.state
