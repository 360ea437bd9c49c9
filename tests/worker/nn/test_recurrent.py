"""LSTM and GRU with dropout of one mask a sequence, against torch's own loops and cells."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from worker.nn.recurrent import GRU, LSTM
from worker.nn.unrolled import UnrolledLSTM


def make(cls: type, **changes: object) -> nn.Module:
    arguments = {
        "input_size": 3,
        "hidden_size": 4,
        "num_layers": 2,
        "bidirectional": True,
        "input_dropout": 0.0,
        "recurrent_dropout": 0.0,
        "output": "all",
    }
    return cls(**arguments | changes)


@pytest.mark.parametrize("cls", [LSTM, GRU])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_unrolled_loop_is_torchs_own_when_nothing_is_dropped(cls: type, bidirectional: bool) -> None:
    module = make(cls, bidirectional=bidirectional)
    x = torch.randn(5, 7, 3)
    torch.testing.assert_close(module._unrolled(x), module.core(x)[0])


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_dropout_is_off_in_evaluation(cls: type) -> None:
    module = make(cls, input_dropout=0.5, recurrent_dropout=0.5).eval()
    x = torch.randn(5, 7, 3)
    torch.testing.assert_close(module(x), module.core(x)[0], rtol=0, atol=0)


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_the_last_output_is_where_each_way_ends(cls: type) -> None:
    module = make(cls, output="last").eval()
    x = torch.randn(5, 7, 3)
    everything = module.core(x)[0]
    torch.testing.assert_close(module(x), torch.cat([everything[:, -1, :4], everything[:, 0, 4:]], 1))


def test_recurrent_dropout_drops_the_same_state_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = make(LSTM, num_layers=1, bidirectional=False, recurrent_dropout=0.5)
    module.whole = None
    seen: list[torch.Tensor] = []
    step = module._step

    def record(
        gates: torch.Tensor, state: tuple[torch.Tensor, ...], masked: torch.Tensor, *rest: torch.Tensor
    ) -> object:
        seen.append((masked == 0) & (state[0] != 0))
        return step(gates, state, masked, *rest)

    monkeypatch.setattr(module, "_step", record)
    module(torch.randn(64, 6, 3))
    masks = seen[1:]  # the first state is zero everywhere
    assert all(torch.equal(mask, masks[0]) for mask in masks)
    share = masks[0].float().mean().item()
    assert 0.3 < share < 0.7
    assert len({tuple(row) for row in masks[0].tolist()}) > 5, "each sequence has a mask of its own"


def test_input_dropout_drops_the_same_feature_at_every_step() -> None:
    module = make(LSTM, num_layers=1, bidirectional=False, input_dropout=0.5)
    fed: list[torch.Tensor] = []
    module.core.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    module(torch.ones(32, 6, 3))
    assert torch.equal(fed[0], fed[0][:, :1].expand_as(fed[0]))
    assert 0 < (fed[0] == 0).float().mean() < 1


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_the_last_state_of_one_way_is_torchs(cls: type) -> None:
    module: Any = make(cls, output="last", bidirectional=False)
    x = torch.randn(5, 7, 3)
    torch.testing.assert_close(module(x), module.core(x)[0][:, -1])


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_recurrent_dropout_is_a_loop_over_cells_whose_state_is_masked(cls: type) -> None:
    module: Any = make(cls, num_layers=1, bidirectional=False, recurrent_dropout=0.4)
    cell: Any = (nn.LSTMCell if cls is LSTM else nn.GRUCell)(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in module.core.state_dict().items()})
    x = torch.randn(5, 7, 3)
    torch.manual_seed(3)
    found = module(x)
    torch.manual_seed(3)
    mask = F.dropout(torch.ones(5, 4), 0.4)
    h, c = torch.zeros(2, 5, 4)
    expected = []
    for t in range(7):
        if cls is LSTM:
            h, c = cell(x[:, t], (h * mask, c))
        else:  # the update gate lets the state through as it is; what is dropped is what the gates see
            zero = cell(x[:, t], h * mask)
            z = torch.sigmoid(
                (x[:, t] @ cell.weight_ih.t() + cell.bias_ih + h * mask @ cell.weight_hh.t() + cell.bias_hh)[:, 4:8]
            )
            h = zero + z * (h - h * mask)
        expected.append(h)
    torch.testing.assert_close(found, torch.stack(expected, 1))


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_gradients_reach_every_weight_and_the_input(cls: type) -> None:
    module = make(cls, input_dropout=0.2, recurrent_dropout=0.2)
    x = torch.randn(5, 7, 3, requires_grad=True)
    module(x).square().sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in module.parameters())


@pytest.mark.parametrize("cls", [LSTM, GRU])
def test_the_gradient_of_the_unrolled_loop_is_torchs(cls: type) -> None:
    module: Any = make(cls)
    x = torch.randn(5, 7, 3)
    weights = list(module.parameters())
    ours = torch.autograd.grad(module._unrolled(x).square().sum(), weights)
    theirs = torch.autograd.grad(module.core(x)[0].square().sum(), weights)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_expected_state_is_kept_by_dropout() -> None:
    """What is kept is scaled up, so evaluation needs no scaling."""
    module: Any = make(LSTM, num_layers=1, bidirectional=False, input_dropout=0.5)
    fed: list[torch.Tensor] = []
    module.core.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    module(torch.ones(4000, 2, 3))
    assert abs(fed[0].mean().item() - 1) < 0.05


def both_ways(module: Any, x: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Of an LSTM its output and all gradients, as a whole and step by step, then the state of chance."""
    found = []
    wanted = [x, *(one for one in module.parameters() if one.requires_grad)]
    for whole in (UnrolledLSTM, None):
        module.whole = whole
        torch.manual_seed(3)
        out = module(x)
        found.append((out, *torch.autograd.grad(out.square().sum(), wanted), torch.get_rng_state()))
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("output", ["all", "last"])
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (1, True), (3, True)])
def test_an_lstm_as_a_whole_is_what_its_steps_are(
    num_layers: int, bidirectional: bool, output: str, dtype: torch.dtype
) -> None:
    dropped = {"input_dropout": 0.2, "recurrent_dropout": 0.3}
    module = make(LSTM, num_layers=num_layers, bidirectional=bidirectional, output=output, **dropped).to(dtype)
    whole, steps = both_ways(module, torch.randn(5, 7, 3, dtype=dtype, requires_grad=True))
    assert "UnrolledLSTM" in graph(make(LSTM, recurrent_dropout=0.3)(torch.randn(5, 7, 3)))
    for one, other in zip(whole, steps, strict=True):
        torch.testing.assert_close(one, other)


def graph(out: torch.Tensor) -> str:
    """The names of what autograd keeps of a tensor."""
    found: set[Any] = set()
    left = [out.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in found:
            found.add(node)
            left += [before for before, _ in node.next_functions]
    return " ".join(node.name() for node in found)


def test_weights_that_are_frozen_let_the_gradient_through() -> None:
    module = make(LSTM, recurrent_dropout=0.3)
    for name, weight in module.named_parameters():
        weight.requires_grad_("l1" in name and "ih" in name)
    whole, steps = both_ways(module, torch.randn(5, 7, 3, requires_grad=True))
    for one, other in zip(whole, steps, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_gradient_of_an_lstm_as_a_whole_is_its_slope(backwards: bool) -> None:
    shapes = [(3, 4, 2), (20, 2), (20, 5), (20,)]
    inputs = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    mask = F.dropout(torch.ones(3, 5, dtype=torch.float64), 0.4)
    assert torch.autograd.gradcheck(lambda *some: UnrolledLSTM.apply(*some, mask, backwards), inputs)


def test_autocast_chooses_the_types_of_each_step() -> None:
    module = make(LSTM, recurrent_dropout=0.3)
    with torch.autocast("cpu", torch.bfloat16):
        out = module(torch.randn(5, 7, 3))
    assert "UnrolledLSTM" not in graph(out)
    out.float().sum().backward()
    assert all(one.grad is not None for one in module.parameters())
