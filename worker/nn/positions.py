"""Where a token stands in a sequence.

Suffixes: N batch, L length, D features, H heads, E features of a head.
"""

import torch
from torch import Tensor, nn


class SinusoidalPosition(nn.Module):
    """x + sin and cos of each place, by wavelengths from 2π to base · 2π (Vaswani et al., 2017, section 3.5)."""

    def __init__(self, length: int, features: int, base: float) -> None:
        super().__init__()
        self.waves: Tensor
        angles_LF = _angles(length, features, base)
        waves_LD = torch.stack([angles_LF.sin(), angles_LF.cos()], -1).flatten(1)[:, :features]
        self.register_buffer("waves", waves_LD.contiguous(), persistent=False)

    def forward(self, x_NLD: Tensor) -> Tensor:
        return x_NLD + self.waves


class LearnedPosition(nn.Module):
    """x + a learned vector for each place, which begins small: N(0, 0.02²), as in BERT and GPT-2."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(length, features))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x_NLD: Tensor) -> Tensor:
        return x_NLD + self.weight


class ClassToken(nn.Module):
    """A learned vector before each sequence: (N, L, D) to (N, L + 1, D)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, features))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x_NLD: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x_NLD.shape[0], 1, -1), x_NLD], 1)


class Rotary(nn.Module):
    """Turns pairs of features by an angle that grows with the place, so that products see distances alone.

    Source: Su et al., 2021, https://arxiv.org/abs/2104.09864; the first half of the features is paired with the second,
    as in GPT-NeoX.
    """

    def __init__(self, features: int, base: float = 10_000.0) -> None:
        super().__init__()
        self.features, self.base = features, base

    def forward(self, x_NHLE: Tensor) -> Tensor:
        angles_LF = _angles(x_NHLE.shape[2], self.features, self.base).to(x_NHLE)
        sin, cos = angles_LF.sin(), angles_LF.cos()
        first, second = x_NHLE.chunk(2, -1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def _angles(length: int, features: int, base: float) -> Tensor:
    """(length, ⌈features / 2⌉): each place times each frequency."""
    frequencies_F = base ** (-torch.arange(0, features, 2) / features)
    return torch.arange(length)[:, None] * frequencies_F
