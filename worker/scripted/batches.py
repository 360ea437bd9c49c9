"""Which rows each batch of an epoch holds."""

from collections.abc import Sequence

import torch
from torch import Tensor

from worker.train.batches import BUFFER_BYTES, RUN_BYTES, order


def mixed(num_rows: int, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor | slice]:
    """The rows of each batch, in an order that follows from the seed and the epoch's number."""
    if num_rows <= batch_size:
        return [slice(0, num_rows)]
    return torch.split(order(num_rows, seed, epoch), batch_size)


def mixed_in_runs(num_rows: int, batch_size: int, seed: int, epoch: int, row_bytes: int) -> Sequence[Tensor | slice]:
    """The rows of each batch where a run reads them from a file: runs of rows at random, mixed a buffer at a time."""
    if num_rows <= batch_size:
        return [slice(0, num_rows)]
    length = max(1, RUN_BYTES // row_bytes)
    at_once = max(1, BUFFER_BYTES // (length * row_bytes))
    starts = order(-(-num_rows // length), seed, epoch) * length
    found = []
    for i, some in enumerate(torch.split(starts, at_once)):
        buffer = torch.cat([torch.arange(start, min(start + length, num_rows)) for start in some.tolist()])
        found.append(buffer[order(len(buffer), seed, epoch, i)])
    return torch.split(torch.cat(found), batch_size)


def in_order(num_rows: int, batch_size: int) -> Sequence[Tensor | slice]:
    """The rows of each batch, in the order of the table."""
    return [slice(start, min(start + batch_size, num_rows)) for start in range(0, num_rows, batch_size)]


def mixed_none_alone(num_rows: int, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor | slice]:
    """The same, but a single row left over joins the batch before it: batch normalisation cannot take one alone."""
    return none_alone(mixed(num_rows, batch_size, seed, epoch), batch_size)


def mixed_in_runs_none_alone(
    num_rows: int, batch_size: int, seed: int, epoch: int, row_bytes: int
) -> Sequence[Tensor | slice]:
    """The same, but a single row left over joins the batch before it."""
    return none_alone(mixed_in_runs(num_rows, batch_size, seed, epoch, row_bytes), batch_size)


def none_alone(batches: Sequence[Tensor | slice], batch_size: int) -> Sequence[Tensor | slice]:
    """The same batches, but a single row left over joins the one before it; where that makes one of all, in order."""
    *found, last = batches
    if not found or batch_size == 1 or isinstance(last, slice) or len(last) > 1:
        return batches
    before = found.pop()
    assert isinstance(before, Tensor)
    return [*found, torch.cat([before, last])] if found else [slice(0, len(before) + 1)]


def in_order_none_alone(num_rows: int, batch_size: int) -> Sequence[Tensor | slice]:
    """The same, but a single row left over joins the batch before it: batch normalisation cannot take one alone."""
    found = list(in_order(num_rows, batch_size))
    if len(found) > 1 and num_rows % batch_size == 1:
        found[-2:] = [slice((len(found) - 2) * batch_size, num_rows)]
    return found
