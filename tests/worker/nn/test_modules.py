"""What torch lacks, against a plain reference."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from worker.nn.modules import LocalResponseNorm, SameAvgPool, SameConv1d, SameConv2d, SameMaxPool
from worker.nn.shape import Add, Concat, Reshape


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


@pytest.mark.parametrize("shape", [(2, 6, 8, 8), (2, 3, 9)])
def test_the_gradient_of_local_response_norm_is_torchs(shape: tuple[int, ...]) -> None:
    x = (torch.randn(*shape) * 10).requires_grad_()
    (theirs,) = torch.autograd.grad(nn.LocalResponseNorm(3, 0.3, 0.75, 2.0)(x).square().sum(), x)
    (ours,) = torch.autograd.grad(LocalResponseNorm(shape[1], 3, 0.3, 0.75, 2.0)(x).square().sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("beta", [0.75, 0.5, 2.0])
@pytest.mark.parametrize("shape", [(2, 4, 3, 2), (2, 3, 5)])
def test_the_gradient_of_local_response_norm_is_that_of_what_it_gives(shape: tuple[int, ...], beta: float) -> None:
    norm = LocalResponseNorm(shape[1], 2, 0.4, beta, 1.5).double()  # of an even number of channels, one more before
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(norm, x)
    torch.testing.assert_close(norm(x), norm.eval()(x))


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation"), [(10, 4, 3, 1), (7, 3, 2, 2), (5, 8, 1, 1)])
def test_same_padding_of_a_series(size: int, kernel: int, stride: int, dilation: int) -> None:
    arguments = {"in_channels": 2, "out_channels": 3, "kernel_size": (kernel,), "groups": 1, "bias": True}
    conv = SameConv1d(sizes=(size,), stride=(stride,), dilation=(dilation,), **arguments)
    x = torch.randn(2, 2, size)
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size)
    padded = F.pad(x, (total // 2, total - total // 2))
    torch.testing.assert_close(conv(x), F.conv1d(padded, conv.weight, conv.bias, stride, 0, dilation))


def test_same_padding_at_stride_1_is_torchs() -> None:
    ours = SameConv2d(
        sizes=(9, 7),
        in_channels=2,
        out_channels=3,
        kernel_size=(5, 3),
        stride=(1, 1),
        dilation=(1, 1),
        groups=1,
        bias=True,
    )
    x = torch.randn(2, 2, 9, 7)
    torch.testing.assert_close(ours(x), F.conv2d(x, ours.weight, ours.bias, padding="same"))


@pytest.mark.parametrize(
    ("sizes", "kernel", "stride"), [((9, 7), (3, 2), (2, 3)), ((6, 6), (2, 2), (2, 2)), ((5,), (4,), (1,))]
)
def test_same_pooling_is_the_greatest_and_the_mean_of_what_is_there(
    sizes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> None:
    x = torch.randn(2, 3, *sizes)
    before = [max(0, (-(-s // d) - 1) * d + k - s) // 2 for s, k, d in zip(sizes, kernel, stride, strict=True)]
    greatest, mean = SameMaxPool(sizes, kernel, stride)(x), SameAvgPool(sizes, kernel, stride)(x)
    for place in itertools.product(*[range(n) for n in greatest.shape[2:]]):
        starts = [p * d - b for p, d, b in zip(place, stride, before, strict=True)]
        window = tuple(slice(max(0, start), start + k) for start, k in zip(starts, kernel, strict=True))
        inside = x[(slice(None), slice(None), *window)].flatten(2)
        torch.testing.assert_close(greatest[(..., *place)], inside.amax(2))
        torch.testing.assert_close(mean[(..., *place)], inside.mean(2))


def test_where_branches_meet() -> None:
    a, b, c = torch.randn(3, 2, 4)
    torch.testing.assert_close(Add()(a, b, c), a + b + c)
    torch.testing.assert_close(Concat(1)(a, b, c), torch.cat([a, b, c], 1))
    assert Reshape((2, 2))(a).tolist() == a.reshape(2, 2, 2).tolist()


@pytest.mark.parametrize("kind", ["conv", "norm"])
def test_images_stay_in_the_layout_they_come_in(kind: str) -> None:
    """Else the convolutions after it would copy every image."""
    x = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last)
    module: nn.Module = LocalResponseNorm(3, 2, 0.1, 0.75, 1.0)
    if kind == "conv":
        arguments = {"stride": (1, 1), "dilation": (1, 1), "groups": 1, "bias": True}
        module = SameConv2d(sizes=(8, 8), in_channels=3, out_channels=4, kernel_size=(4, 4), **arguments)
    assert module.to(memory_format=torch.channels_last)(x).is_contiguous(memory_format=torch.channels_last)
