"""Modules that rearrange, reduce or merge, where torch has functions only."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.nn.modules import MAX_POOLS


class Reshape(nn.Module):
    """The same numbers of each row in another shape."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.shape)


class Permute(nn.Module):
    """Axes in another order; the batch stays first and is not named."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = (0, *dims)

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)


class Slice(nn.Module):
    """A part of an axis."""

    def __init__(self, dim: int, start: int, stop: int | None, step: int) -> None:
        super().__init__()
        self.places = (slice(None),) * dim + (slice(start, stop, step),)

    def forward(self, x: Tensor) -> Tensor:
        return x[self.places]


class Select(nn.Module):
    """One place of an axis, which goes."""

    def __init__(self, dim: int, index: int) -> None:
        super().__init__()
        self.dim, self.index = dim, index

    def forward(self, x: Tensor) -> Tensor:
        return x.select(self.dim, self.index)


class Pad(nn.Module):
    """Points added at the ends of the last axes."""

    def __init__(self, pad: Sequence[int], mode: str, value: float) -> None:
        super().__init__()
        self.pad, self.mode, self.value = list(pad), mode, value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.pad, self.mode, self.value if self.mode == "constant" else None)


class Mean(nn.Module):
    """The mean along an axis, which goes."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.dim)


class GlobalAvgPool(nn.Module):
    """The mean of each channel: (N, C, …) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).mean(2)


class GlobalMaxPool(nn.Module):
    """The greatest of each channel: (N, C, …) to (N, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).amax(2)


class MaxUnpool(nn.Module):
    """Each number of a pooled image goes where the greatest of its window was.

    Equal to `torch.nn.MaxUnpool2d` with the indices of the pooling, as a scatter, which can be exported. Where windows
    overlap and have found the same place, it is left open which of their numbers stands there, as it is in torch.
    """

    def __init__(self, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = tuple(kernel_size), tuple(stride), tuple(padding)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        pool = MAX_POOLS[len(self.stride)]
        _, places = pool(before, self.kernel_size, self.stride, self.padding, return_indices=True)
        empty = torch.zeros_like(before).flatten(2)
        return empty.scatter(2, places.flatten(2), x.flatten(2)).reshape(before.shape)


class Add(nn.Module):
    """The sum of tensors of one shape."""

    def forward(self, *xs: Tensor) -> Tensor:
        total = xs[0] + xs[1]
        for x in xs[2:]:
            total = total + x
        return total


class Subtract(nn.Module):
    """The first less the second."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x - y


class Multiply(nn.Module):
    """The product of tensors, axes of 1 stretched."""

    def forward(self, *xs: Tensor) -> Tensor:
        product = xs[0] * xs[1]
        for x in xs[2:]:
            product = product * x
        return product


class Dot(nn.Module):
    """The sum of products along the last axis, which becomes 1."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sum(-1, keepdim=True)


class CosineSimilarity(nn.Module):
    """The cosine between vectors along the last axis, which becomes 1."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return F.cosine_similarity(x, y, -1, self.eps).unsqueeze(-1)


class Concat(nn.Module):
    """Tensors side by side along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.cat(xs, self.dim)
