"""Batches of tensors that lie in memory or in a mapped file: no loader processes, no copies but the rows of a batch.

The order of an epoch follows from the seed and the epoch's number alone, so training can go on inside an epoch. Rows in
memory are shuffled all together. Those of a file are read in short runs, chosen at random, a window of many of them at
a time, and shuffled within the window: as tf.data's shuffle buffer does, but with what is in the buffer drawn from
everywhere, so that a sorted table is mixed too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.data.shelf import release

RUN_BYTES = 64 << 10  # that are read in one piece, of rows that lie in a file
WINDOW_BYTES = 64 << 20  # that are mixed with one another
RUNS_AT_ONCE = 64  # that are read before what was read is let go


@dataclass(frozen=True)
class Part:
    """The rows of one part of a split: inputs `(N, …)` and targets `(N,)` or `(N, 1)`.

    `finish` makes of inputs as they are kept what a model is fed, on the device: of the bytes of images, numbers.
    `mapped` are the arrays behind the tensors where they lie in files.
    """

    inputs: Tensor
    targets: Tensor
    finish: Callable[[Tensor], Tensor] | None = None
    mapped: tuple[NDArray[Any], ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def size_bytes(self) -> int:
        """What the tensors take."""
        return self.inputs.nbytes + self.targets.nbytes

    def to(self, device: torch.device) -> "Part":
        """The same rows on `device`."""
        return Part(self.inputs.to(device), self.targets.to(device), self.finish)

    def ready(self, inputs: Tensor) -> Tensor:
        """Inputs of some rows as a model is fed."""
        return inputs if self.finish is None else self.finish(inputs)

    def release(self) -> None:
        """Let go what was read of a file."""
        for array in self.mapped:
            release(array)


def order(num_rows: int, seed: int, epoch: int, *part: int) -> Tensor:
    """The permutation of the rows in `epoch`, or in a part of it, int64."""
    mixed = int(np.random.SeedSequence((seed, epoch, *part)).generate_state(1, np.uint64)[0])
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
                self.part.release()
            return
        if self.part.mapped:
            yield from self._from_windows(epoch, first)
            return
        rows = order(len(self.part), self.seed, epoch).to(self.part.inputs.device)
        for start, end in bounds[first:]:
            chosen = rows[start:end]
            yield self._send(self.part.inputs[chosen], self.part.targets[chosen])

    def _from_windows(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The same of rows in a file. A batch may begin in one window and end in the next."""
        bounds = self._bounds[first:]
        skipped = bounds[0][0]
        inputs, targets = self.part.inputs[:0], self.part.targets[:0]
        for i, runs in enumerate(self._windows(epoch)):
            num_rows = sum(end - start for start, end in runs)
            if num_rows <= skipped:
                skipped -= num_rows
                continue
            mixed = order(num_rows, self.seed, epoch, i)[skipped:]
            skipped = 0
            inputs = torch.cat([inputs, self._read(self.part.inputs, runs)[mixed]])
            targets = torch.cat([targets, self._read(self.part.targets, runs)[mixed]])
            while bounds and len(inputs) >= bounds[0][1] - bounds[0][0]:
                start, end = bounds.pop(0)
                yield self._send(inputs[: end - start], targets[: end - start])
                inputs, targets = inputs[end - start :], targets[end - start :]

    def _windows(self, epoch: int) -> list[list[tuple[int, int]]]:
        """The runs of rows, from and to, of each window of an epoch."""
        num_rows = len(self.part)
        row_bytes = max(1, self.part.size_bytes // num_rows)
        length = max(1, RUN_BYTES // row_bytes)
        at_once = max(1, WINDOW_BYTES // (length * row_bytes))
        starts = (order(-(-num_rows // length), self.seed, epoch) * length).tolist()
        runs = [(start, min(start + length, num_rows)) for start in starts]
        return [runs[i : i + at_once] for i in range(0, len(runs), at_once)]

    def _read(self, rows: Tensor, runs: list[tuple[int, int]]) -> Tensor:
        """Rows of a file. The system maps much around what is touched, so it is let go again and again."""
        pieces = []
        for i in range(0, len(runs), RUNS_AT_ONCE):
            pieces.append(torch.cat([rows[start:end] for start, end in runs[i : i + RUNS_AT_ONCE]]))
            self.part.release()
        return torch.cat(pieces)

    def _send(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if inputs.device != self.device:
            if self.device.type == "cuda":
                inputs, targets = inputs.pin_memory(), targets.pin_memory()
            inputs, targets = inputs.to(self.device, non_blocking=True), targets.to(self.device, non_blocking=True)
        return self.part.ready(inputs), targets
