"""Outputs of a model as the numbers that they stand for, as `app.transforms` reads them where a model is used."""

import torch
from torch import Tensor

from app.specs.losses import Reading


def numbers_of(outputs: Tensor, reading: Reading | None) -> Tensor:
    """Outputs (N, …) as targets are: of logarithms the numbers, of means and variances the means."""
    match reading:
        case "logarithms":
            return outputs.exp()
        case "normal":
            return torch.chunk(outputs, 2, dim=1)[0]
    return outputs
