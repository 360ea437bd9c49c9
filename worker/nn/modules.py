"""Modules that torch lacks, or has slower: "same" padding with any stride, normalisation, embedded columns.

Suffixes of tensors: N batch, C channels, L length, D depth, H height, W width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app.specs.layers.windows import same_padding

MAX_POOLS: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}  # by the number of axes
_AVG_POOLS: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _pads(sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """What `F.pad` takes: pairs of before and after, the last axis first."""
    pairs = [same_padding(*axis) for axis in zip(sizes, kernel, stride, dilation, strict=True)]
    return [side for pair in reversed(pairs) for side in pair]


class SameConv1d(nn.Conv1d):
    """Conv1d whose output is ceil(L / stride) long; what padding is odd goes to the end, as TensorFlow has it."""

    def __init__(self, *, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pads = _pads(sizes, self.kernel_size, self.stride, self.dilation)
        _share(self)

    def forward(self, x_NCL: Tensor) -> Tensor:
        return super().forward(F.pad(x_NCL, self.pads) if any(self.pads) else x_NCL)


class SameConv3d(nn.Conv3d):
    """Conv3d whose output is ceil(size / stride) along each axis; odd padding goes to the end."""

    def __init__(self, *, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pads = _pads(sizes, self.kernel_size, self.stride, self.dilation)
        _share(self)

    def forward(self, x_NCDHW: Tensor) -> Tensor:
        return super().forward(F.pad(x_NCDHW, self.pads) if any(self.pads) else x_NCDHW)


class SameConv2d(nn.Conv2d):
    """Conv2d whose output is ceil(H / stride) × ceil(W / stride); odd padding goes to the end, as TensorFlow has it."""

    def __init__(self, *, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pads = _pads(sizes, self.kernel_size, self.stride, self.dilation)
        _share(self)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return super().forward(F.pad(x_NCHW, self.pads) if any(self.pads) else x_NCHW)


def _share(conv: Any) -> None:
    """Even padding is the convolution's own affair, and saves a copy of the input. Takes any of the classes above."""
    before, after = conv.pads[0::2], conv.pads[1::2]
    if before == after:
        conv.padding = tuple(reversed(before))
        conv.pads = [0] * len(conv.pads)


class SameMaxPool(nn.Module):
    """Max pooling whose output is ceil(size / stride): what is added at the ends never wins."""

    def __init__(self, sizes: Sequence[int], kernel_size: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        self.kernel_size, self.stride = tuple(kernel_size), tuple(stride)
        self.pads = _pads(sizes, kernel_size, stride, [1] * len(sizes))

    def forward(self, x: Tensor) -> Tensor:
        pool = MAX_POOLS[len(self.stride)]
        padded = F.pad(x, self.pads, value=float("-inf")) if any(self.pads) else x
        pooled: Tensor = pool(padded, self.kernel_size, self.stride)
        return pooled


class SameAvgPool(nn.Module):
    """Average pooling whose output is ceil(size / stride): a window's mean is of the points that are there."""

    def __init__(self, sizes: Sequence[int], kernel_size: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        self.kernel_size, self.stride = tuple(kernel_size), tuple(stride)
        self.pads = _pads(sizes, kernel_size, stride, [1] * len(sizes))
        there = self._pool(torch.ones(1, 1, *sizes))
        self.share: Tensor
        self.register_buffer("share", there, persistent=False)  # (1, 1, *sizes'): of each window, what is not padding

    def forward(self, x: Tensor) -> Tensor:
        return self._pool(x) / self.share if any(self.pads) else self._pool(x)

    def _pool(self, x: Tensor) -> Tensor:
        pool = _AVG_POOLS[len(self.stride)]
        padded = F.pad(x, self.pads) if any(self.pads) else x
        pooled: Tensor = pool(padded, self.kernel_size, self.stride)
        return pooled


class LocalResponseNorm(nn.Module):
    """x / (k + alpha / size · Σ x² over neighbouring channels)^beta, the sum as one 1×1 convolution.

    Equal to `torch.nn.LocalResponseNorm`, which pads and pools over a fifth axis and takes several times as long.
    Source: Krizhevsky, Sutskever and Hinton, 2012, section 3.3.
    """

    def __init__(self, num_channels: int, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.band: Tensor
        distance = torch.arange(num_channels)[None, :] - torch.arange(num_channels)[:, None]
        band_CC = (distance >= -(size // 2)) & (distance <= (size - 1) // 2)
        self.register_buffer("band", band_CC.float() * (alpha / size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and _computes_alone(x):
            normed: Tensor = _Normed.apply(x, self.band, self.beta, self.k)  # type: ignore[no-untyped-call]
            return normed
        base = _over_channels(x * x, self.band) + self.k
        if self.beta == 0.75:  # two roots are much cheaper than a power
            return x * torch.rsqrt(base) * torch.rsqrt(torch.sqrt(base))
        return x / base.pow(self.beta)


class _Normed(torch.autograd.Function):
    """x · s^-beta for s = k + band · x², which passes over its numbers half as often, forward and back, as autograd."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, band_CC: Tensor, beta: float, k: float) -> Tensor:
        base = _over_channels(x * x, band_CC).add_(k)
        root = torch.rsqrt(base)
        factor = root.sqrt().mul_(root) if beta == 0.75 else base.pow(-beta)
        ctx.save_for_backward(x, base, factor, band_CC)
        ctx.beta = beta
        return x * factor

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, base, factor, band_CC = ctx.saved_tensors
        found = gradient * factor
        of_base = _over_channels((found * x).div_(base), band_CC.t())
        return found.addcmul_(x, of_base, value=-2 * ctx.beta), None, None, None


def _computes_alone(x: Tensor) -> bool:
    """Whether a gradient is computed on a CPU as it stands here, and by nobody else's rules."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return False
    return x.requires_grad and torch.is_grad_enabled()


def _over_channels(x: Tensor, weight_CC: Tensor) -> Tensor:
    """Sums over channels, as a convolution of one point."""
    conv = F.conv1d if x.dim() == 3 else F.conv2d
    return conv(x, weight_CC.reshape(*weight_CC.shape, *[1] * (x.dim() - 2)))


class EntityEmbedding(nn.Embedding):
    """Of each row the first numbers are looked up, and their vectors take their place; the others stay as they are.

    Whole numbers up to 2^24 are exact as float32, so that one tensor holds both.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, num_columns: int) -> None:
        super().__init__(num_embeddings, embedding_dim)
        self.num_columns = num_columns

    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x[..., : self.num_columns].long()).flatten(-2)
        return torch.cat([found, x[..., self.num_columns :]], -1)


class RReLU(nn.RReLU):
    """torch's, but in evaluation a leaky_relu by name, which can be exported."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else F.leaky_relu(x, (self.lower + self.upper) / 2)


class Normalization(nn.Module):
    """(x − mean) / std, with figures for each place of axis `dim`; until they are measured, x as it is."""

    def __init__(
        self, size: int, dim: int, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.dim = dim
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.zeros(size) if mean is None else torch.tensor(mean))
        self.register_buffer("std", torch.ones(size) if std is None else torch.tensor(std))

    def forward(self, x: Tensor) -> Tensor:
        along = [1] * (x.dim() - self.dim - 1)
        return (x - self.mean.reshape(-1, *along)) / self.std.reshape(-1, *along)
