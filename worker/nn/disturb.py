"""What disturbs a network while it trains, where torch has no module for it."""

import torch
from torch import Tensor, nn


class DropPath(nn.Module):
    """Zero for a share `p` of rows, the others divided by 1 − p: the expected sum stays (Huang et al., 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.dim() - 1), device=x.device) >= self.p
        return x * kept.to(x.dtype) / (1 - self.p)


class GaussianNoise(nn.Module):
    """Adds N(0, std²) to each number (Bishop, 1995)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.randn_like(x) * self.std if self.training and self.std else x
