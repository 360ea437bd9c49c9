"""Adaptive poolings that ONNX has no word for: torch's own, which leave as one reduction for each window and axis.

Windows along an axis go from ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉, as in torch; of a box, the mean is the mean of its
sides' means, and the greatest the greatest.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def _by_axis(x: Tensor, output_size: Any, reduce: Callable[[Tensor, int], Tensor]) -> Tensor:
    for i, out in enumerate(output_size):
        dim, size = i + 2, x.shape[i + 2]
        windows = [(k * size // out, -(-(k + 1) * size // out)) for k in range(out)]
        x = torch.stack([reduce(x.narrow(dim, start, stop - start), dim) for start, stop in windows], dim)
    return x


def _mean(x: Tensor, dim: int) -> Tensor:
    return x.mean(dim)


def _greatest(x: Tensor, dim: int) -> Tensor:
    return x.amax(dim)


class AdaptiveAvgPool3d(nn.AdaptiveAvgPool3d):
    """torch's. `output_size` names each axis."""

    def forward(self, x_NCDHW: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return _by_axis(x_NCDHW, self.output_size, _mean)
        return super().forward(x_NCDHW)


class AdaptiveMaxPool1d(nn.AdaptiveMaxPool1d):
    """torch's. `output_size` names each axis."""

    def forward(self, x_NCL: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return _by_axis(x_NCL, self.output_size, _greatest)
        pooled: Tensor = super().forward(x_NCL)
        return pooled


class AdaptiveMaxPool2d(nn.AdaptiveMaxPool2d):
    """torch's. `output_size` names each axis."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return _by_axis(x_NCHW, self.output_size, _greatest)
        pooled: Tensor = super().forward(x_NCHW)
        return pooled


class AdaptiveMaxPool3d(nn.AdaptiveMaxPool3d):
    """torch's. `output_size` names each axis."""

    def forward(self, x_NCDHW: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return _by_axis(x_NCDHW, self.output_size, _greatest)
        pooled: Tensor = super().forward(x_NCDHW)
        return pooled
