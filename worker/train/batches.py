"""Batches of tensors that lie in memory: no loader processes, no copies but the rows of a batch.

The order of an epoch follows from the seed and the epoch's number alone, so training can go on inside an epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """The rows of one part of a split: inputs `(N, …)` and targets `(N,)` or `(N, 1)`."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def size_bytes(self) -> int:
        """What the tensors take."""
        return self.inputs.nbytes + self.targets.nbytes

    def to(self, device: torch.device) -> "Part":
        """The same rows on `device`."""
        return Part(self.inputs.to(device), self.targets.to(device))


def order(num_rows: int, seed: int, epoch: int) -> Tensor:
    """The permutation of the rows in `epoch`, int64."""
    mixed = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
    return torch.randperm(num_rows, generator=torch.Generator().manual_seed(mixed))


@dataclass(frozen=True)
class Batches:
    """The training rows, batch by batch. The last batch of an epoch holds what is left.

    `min_rows` 2 gives a single row left over to the batch before it: batch normalisation cannot take one row alone.
    """

    part: Part
    batch_size: int
    seed: int
    shuffle: bool
    device: torch.device
    min_rows: int = 1

    def __len__(self) -> int:
        return len(self._bounds)

    def sizes(self) -> list[int]:
        """The number of rows of each batch of an epoch."""
        return [end - start for start, end in self._bounds]

    @cached_property
    def _bounds(self) -> list[tuple[int, int]]:
        num_rows = len(self.part)
        starts = list(range(0, num_rows, self.batch_size))
        if len(starts) > 1 and num_rows - starts[-1] < self.min_rows:
            starts.pop()
        return list(zip(starts, [*starts[1:], num_rows], strict=True))

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of `epoch` from number `first` on, on the device."""
        bounds = self._bounds
        if len(bounds) == 1 or not self.shuffle:  # the order of rows within the only batch changes nothing
            for start, end in bounds[first:]:
                yield self._send(self.part.inputs[start:end], self.part.targets[start:end])
            return
        rows = order(len(self.part), self.seed, epoch).to(self.part.inputs.device)
        for start, end in bounds[first:]:
            chosen = rows[start:end]
            yield self._send(self.part.inputs[chosen], self.part.targets[chosen])

    def _send(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if inputs.device == self.device:
            return inputs, targets
        if self.device.type == "cuda":
            inputs, targets = inputs.pin_memory(), targets.pin_memory()
        return inputs.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)
