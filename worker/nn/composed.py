"""Small modules that are made of others."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SeparableConv2d(nn.Module):
    """Filters for each channel alone, then a 1×1 convolution that mixes them (Chollet, 2016)."""

    def __init__(self, depthwise: nn.Module, pointwise: nn.Module) -> None:
        super().__init__()
        self.depthwise, self.pointwise = depthwise, pointwise

    def forward(self, x_NCHW: Tensor) -> Tensor:
        mixed: Tensor = self.pointwise(self.depthwise(x_NCHW))
        return mixed


class SqueezeExcitation(nn.Module):
    """Each channel of (N, C, …) times a gate that follows from the means of all (Hu et al., 2017)."""

    def __init__(self, num_channels: int, squeeze_channels: int, activation: str, scale_activation: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(num_channels, squeeze_channels)
        self.fc2 = nn.Linear(squeeze_channels, num_channels)
        self.activation = nn.ReLU() if activation == "relu" else nn.SiLU()
        self.scale_activation = nn.Sigmoid() if scale_activation == "sigmoid" else nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        gate_NC = self.scale_activation(self.fc2(self.activation(self.fc1(x.flatten(2).mean(2)))))
        gated: Tensor = x * gate_NC.reshape(*gate_NC.shape, *[1] * (x.dim() - 2))
        return gated


class LayerScale(nn.Module):
    """Each channel times a learned factor, of a shape (C, 1, …) that meets the input's (Touvron et al., 2021)."""

    def __init__(self, shape: Sequence[int], init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(tuple(shape), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight
