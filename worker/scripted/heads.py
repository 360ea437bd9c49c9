"""Several inputs of a model, and several outputs."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]  # one for each input, or one for each output


def side_by_side(*parts: Tensor) -> Tensors:
    """The same (N, …), cut out of rows that hold all of them, as the run has them: torch sums by where numbers lie."""
    rows = torch.cat([one.flatten(1).float() for one in parts], dim=1)
    cut = torch.split(rows, [one[0].numel() for one in parts], dim=1)
    return tuple(own.reshape(one.shape).to(one.dtype) for own, one in zip(cut, parts, strict=True))


def joined(batches: Iterable[Sequence[Tensor]]) -> Tensors:
    """Of several batches one, for each of what they hold."""
    return tuple(torch.cat(same) for same in zip(*batches, strict=True))
