"""What torch lacks, against a plain reference."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from app.specs.model import ModelSpec
from worker.nn.build import build, penalties
from worker.nn.modules import LocalResponseNorm, SameAvgPool, SameConv2d, SameMaxPool
from worker.nn.recurrent import GRU, LSTM


@pytest.mark.parametrize(
    ("size", "k", "beta", "shape"),
    [(5, 1.0, 0.75, (2, 6, 8, 8)), (2, 2.0, 0.75, (2, 3, 9)), (4, 1.0, 0.5, (1, 7, 3, 3))],
)
def test_local_response_norm_is_torchs(size: int, k: float, beta: float, shape: tuple[int, ...]) -> None:
    x = torch.randn(*shape) * 10
    ours = LocalResponseNorm(shape[1], size, 0.3, beta, k)(x)
    torch.testing.assert_close(ours, nn.LocalResponseNorm(size, 0.3, beta, k)(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "kernel", "stride"), list(itertools.product([5, 8, 28], [1, 4, 5], [1, 2, 3])))
def test_same_padding_is_a_convolution_of_the_padded_image(size: int, kernel: int, stride: int) -> None:
    conv = SameConv2d(
        sizes=(size, size),
        in_channels=2,
        out_channels=3,
        kernel_size=(kernel, kernel),
        stride=(stride, stride),
        dilation=(1, 1),
        groups=1,
        bias=True,
    )
    x = torch.randn(2, 2, size, size)
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    before, after = total // 2, total - total // 2
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (before, after), (before, after)))
    expected = F.conv2d(torch.from_numpy(padded), conv.weight, conv.bias, stride)
    torch.testing.assert_close(conv(x), expected)
    assert conv(x).shape[-1] == -(-size // stride)


def test_what_same_pooling_adds_neither_wins_nor_counts() -> None:
    x = -torch.arange(1.0, 6).reshape(1, 1, 5)
    assert SameMaxPool((5,), (2,), (2,))(x).tolist() == [[[-1.0, -3.0, -5.0]]]
    assert SameAvgPool((5,), (2,), (2,))(x).tolist() == [[[-1.5, -3.5, -5.0]]]


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
    module = make(LSTM, num_layers=1, bidirectional=False, recurrent_dropout=0.5)
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


RESIDUAL = ModelSpec.model_validate(
    {
        "layers": [
            {"type": "linear", "out_features": 4, "name": "first", "l2": 0.1, "bias_init": {"type": "zeros"}},
            {"type": "relu"},
            {"type": "linear", "out_features": 4, "weight_init": {"type": "constant", "val": 2.0}},
            {"type": "add", "inputs": ["2", "first"]},
        ]
    }
)


def test_a_graph_computes_what_it_says() -> None:
    module = build(RESIDUAL, (3,))
    x = torch.randn(5, 3)
    first = module.get_submodule("first")(x)
    torch.testing.assert_close(module(x), module.get_submodule("2")(torch.relu(first)) + first)


def test_weights_begin_as_asked_and_penalties_name_them() -> None:
    module = build(RESIDUAL, (3,))
    parameters = dict(module.named_parameters())
    assert (parameters["2.weight"] == 2).all() and (parameters["first.bias"] == 0).all()
    ((weight, l1, l2),) = penalties(RESIDUAL, module)
    assert weight is parameters["first.weight"] and (l1, l2) == (0, 0.1)


def test_the_same_seed_builds_the_same_weights() -> None:
    built = []
    for _ in range(2):
        torch.manual_seed(7)
        built.append(build(RESIDUAL, (3,)).state_dict())
    assert all(torch.equal(built[0][name], built[1][name]) for name in built[0])
