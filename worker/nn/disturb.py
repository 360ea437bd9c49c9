"""What disturbs a network while it trains, where torch has no module for it, or a slow one."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

_LEVELS = 1 << 16  # of a drawn number
_WORTH_IT = 1 << 11  # numbers, of which torch's own draws fewer in less time


class Dropout(nn.Dropout):
    """Zero for a share `p` of numbers, the others divided by 1 − p: the expected sum stays (Srivastava et al., 2014).

    The same as torch's but for what is drawn: see `kept`.
    """

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training)


def dropout(x: Tensor, p: float, training: bool = True) -> Tensor:
    """What `F.dropout` does."""
    if not training or p == 0:
        return x
    if x.device.type != "cpu" or p == 1 or torch.compiler.is_compiling():
        return F.dropout(x, p)
    return x * kept(x, p)


def kept(x: Tensor, p: float) -> Tensor:
    """What numbers on a CPU are multiplied with: 0 for a share `p` < 1 of them, and for the others 1 / (1 − p).

    16 bits are drawn for each, in a fifth of the time that torch's `bernoulli_` takes. So the share is a multiple of
    2^-16; what is kept is divided by the share that is kept in truth, and the expected sum is exact,
    to the rounding of x's numbers.
    """
    found = torch.empty_like(x, requires_grad=False)
    num_kept = round((1 - p) * _LEVELS)
    if x.numel() < _WORTH_IT or not 0 < num_kept < _LEVELS:
        return found.bernoulli_(1 - p).div_(1 - p)  # as torch has it
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int16)[: x.numel()].view(x.shape)
    return torch.lt(drawn, num_kept - _LEVELS // 2, out=found).mul_(_LEVELS / num_kept)


class DropPath(nn.Module):
    """Zero for a share `p` of rows, the others divided by 1 − p: the expected sum stays (Huang et al., 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        there = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.p
        return x * there.to(x.dtype) / (1 - self.p)


class GaussianNoise(nn.Module):
    """Adds N(0, std²) to each number (Bishop, 1995)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) * self.std if self.training and self.std else x
