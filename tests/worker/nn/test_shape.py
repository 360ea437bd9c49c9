"""Layers that rearrange, reduce, disturb or weigh, against what torch says in other words."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.nn.composed import LayerScale, SqueezeExcitation
from worker.nn.disturb import DropPath, GaussianNoise
from worker.nn.modules import Normalization
from worker.nn.shape import (
    CosineSimilarity,
    Dot,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxUnpool,
    Multiply,
    Pad,
    Permute,
    Select,
    Slice,
    Subtract,
)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 3, 0)])
def test_unpooling_is_torchs(kernel: int, stride: int, padding: int) -> None:
    before = torch.randn(2, 3, 9, 8)
    pooled, places = F.max_pool2d(before, kernel, stride, padding, return_indices=True)
    x = torch.randn_like(pooled)
    if kernel > stride:  # windows that overlap may name one place twice: torch leaves open which of them wins
        x = pooled
    wanted = F.max_unpool2d(x, places, kernel, stride, padding, output_size=before.shape)
    torch.testing.assert_close(MaxUnpool((kernel,) * 2, (stride,) * 2, (padding,) * 2)(x, before), wanted)


def test_parts_and_places() -> None:
    x = torch.arange(24).reshape(1, 2, 3, 4)
    assert torch.equal(Slice(2, -2, None, 1)(x), x[:, :, 1:])
    assert torch.equal(Slice(3, 0, 4, 3)(x), x[..., ::3])
    assert torch.equal(Select(1, 1)(x), x[:, 1])
    assert torch.equal(Permute((3, 1, 2))(x), x.permute(0, 3, 1, 2))
    mirrored = Pad([1, 0], "reflect", 9.0)(x[0].float())
    assert torch.equal(mirrored[..., 0], x[0, ..., 1].float())
    assert torch.equal(Pad([0, 1], "constant", 9.0)(x)[..., -1], torch.full((1, 2, 3), 9))


def test_where_branches_meet() -> None:
    x, y = torch.randn(4, 3, 5), torch.randn(4, 3, 5)
    torch.testing.assert_close(Subtract()(x, y), x - y)
    torch.testing.assert_close(Multiply()(x, y[:, :, :1], y), x * y[:, :, :1] * y)
    torch.testing.assert_close(Dot()(x, y)[..., 0], torch.einsum("nld,nld->nl", x, y))
    torch.testing.assert_close(CosineSimilarity(1e-8)(x, y)[..., 0], F.cosine_similarity(x, y, -1))


def test_one_number_a_channel() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(GlobalAvgPool()(x), F.adaptive_avg_pool2d(x, 1).flatten(1))
    torch.testing.assert_close(GlobalMaxPool()(x), F.adaptive_max_pool2d(x, 1).flatten(1))


def test_whole_rows_are_dropped_and_the_expected_sum_stays() -> None:
    torch.manual_seed(0)
    x = torch.ones(4000, 2, 3)
    found = DropPath(0.25)(x)
    assert sorted(found.flatten(1).unique(dim=0)[:, 0].tolist()) == pytest.approx([0, 1 / 0.75])
    assert torch.equal(found.flatten(1).std(1), torch.zeros(4000))
    assert found.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(DropPath(0.25).eval()(x), x)


def test_noise_is_of_its_deviation_and_off_in_evaluation() -> None:
    torch.manual_seed(0)
    x = torch.zeros(1000, 20)
    assert GaussianNoise(0.3)(x).std().item() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(GaussianNoise(0.3).eval()(x), x)


def test_channels_are_weighed() -> None:
    x = torch.randn(2, 4, 3, 3)
    module = SqueezeExcitation(4, 2, "relu", "sigmoid")
    gate = torch.sigmoid(module.fc2(torch.relu(module.fc1(x.mean((2, 3))))))
    torch.testing.assert_close(module(x), x * gate[:, :, None, None])
    torch.testing.assert_close(LayerScale((4, 1, 1), 0.5)(x), x / 2)


def test_normalization_is_by_fixed_figures() -> None:
    x = torch.randn(5, 3, 4)
    module = Normalization(3, 1, [1.0, 2.0, 3.0], [0.5, 1.0, 2.0])
    torch.testing.assert_close(module(x)[:, 2], (x[:, 2] - 3) / 2)
    assert isinstance(module, nn.Module) and not list(module.parameters())
    assert torch.equal(Normalization(4, 2)(x), x)  # until it is measured
