"""Which rows each batch of an epoch holds."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def mixed(num_rows: int, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor | slice]:
    """The rows of each batch, in an order that follows from the seed and the epoch's number."""
    if num_rows <= batch_size:
        return [slice(0, num_rows)]
    own = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
    order = torch.randperm(num_rows, generator=torch.Generator().manual_seed(own))
    return [order[start : start + batch_size] for start in range(0, num_rows, batch_size)]


def in_order(num_rows: int, batch_size: int) -> Sequence[Tensor | slice]:
    """The rows of each batch, in the order of the table."""
    return [slice(start, min(start + batch_size, num_rows)) for start in range(0, num_rows, batch_size)]


def mixed_none_alone(num_rows: int, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor | slice]:
    """The same, but a single row left over joins the batch before it: batch normalisation cannot take one alone."""
    found = list(mixed(num_rows, batch_size, seed, epoch))
    if len(found) > 1 and num_rows % batch_size == 1:
        *found, before, last = found
        assert isinstance(before, Tensor) and isinstance(last, Tensor)
        found.append(torch.cat([before, last]))
    return found


def in_order_none_alone(num_rows: int, batch_size: int) -> Sequence[Tensor | slice]:
    """The same, but a single row left over joins the batch before it: batch normalisation cannot take one alone."""
    found = list(in_order(num_rows, batch_size))
    if len(found) > 1 and num_rows % batch_size == 1:
        found[-2:] = [slice((len(found) - 2) * batch_size, num_rows)]
    return found
