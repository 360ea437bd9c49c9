"""Batches of tensors that lie in memory or in a mapped file: no loader processes, no copies but the rows of a batch.

The order of an epoch follows from the seed and the epoch's number alone, so training can go on inside an epoch. Rows in
memory are shuffled all together. Those of a file are read in short runs, chosen at random, a buffer of many of them at
a time, and shuffled within the buffer: as tf.data's shuffle buffer does, but with what is in the buffer drawn from
everywhere, so that a sorted table is mixed too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.data.shelf import release
from worker.train import prefetch
from worker.train.windowed import Windowed

RUN_BYTES = 64 << 10  # that are read in one piece, of rows that lie in a file
BUFFER_BYTES = 64 << 20  # that are mixed with one another
RUNS_AT_ONCE = 64  # that are read before what was read is let go
TARGETS_AT_ONCE = 1 << 16  # numbers
SMALL_BYTES = 256 << 10  # of all rows: in less time than batch by batch, those of an epoch are put in order at once


@dataclass(frozen=True)
class Part:
    """The rows of one part of a split: inputs `(N, …)` and targets `(N,)`, `(N, 1)`, or of many places `(N, …)`.

    `finish` makes of inputs as they are kept what a model is fed, on the device: of the bytes of images, numbers; and
    `finish_targets` of targets as they are kept what outputs are held to. `mapped` are the arrays behind the tensors
    where they lie in files.
    """

    inputs: Tensor
    targets: Tensor
    finish: Callable[[Tensor], Tensor] | None = None
    mapped: tuple[NDArray[Any], ...] = ()
    finish_targets: Callable[[Tensor], Tensor] | None = None
    judged_at_once: int | None = None  # rows at most, where memory has run out

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What it is made of."""
        return (self.inputs, self.targets)

    def of(self, tensors: Sequence[Tensor]) -> "Part":
        """The same, made of others, as they lie on another device."""
        inputs, targets = tensors
        return replace(self, inputs=inputs, targets=targets, mapped=())

    @property
    def device(self) -> torch.device:
        """Where the rows lie."""
        return self.inputs.device

    @property
    def row_bytes(self) -> int:
        """What one row takes."""
        return self.inputs[:1].nbytes + self.targets[:1].nbytes

    def take(self, places: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Inputs and targets of some rows."""
        return self.inputs[places], self.targets[places]

    def targets_at(self, places: slice) -> Tensor:
        """The targets of some rows."""
        return self.targets[places]

    def ready(self, inputs: Tensor) -> Tensor:
        """Inputs of some rows as a model is fed."""
        return inputs if self.finish is None else self.finish(inputs)

    def ready_targets(self, targets: Tensor) -> Tensor:
        """Targets of some rows as outputs are held to."""
        return targets if self.finish_targets is None else self.finish_targets(targets)

    def release(self) -> None:
        """Let go what was read of a file."""
        for array in self.mapped:
            release(array)


AnyPart = Part | Windowed


def targets_of(part: AnyPart) -> Iterator[Tensor]:
    """All targets of a part in order, some at a time; they are to be used before the next are asked for."""
    num_rows = max(1, TARGETS_AT_ONCE // max(1, part.targets_at(slice(0, 1)).numel()))
    for start in range(0, len(part), num_rows):
        yield part.ready_targets(part.targets_at(slice(start, start + num_rows)))
        part.release()


def order(num_rows: int, seed: int, epoch: int, *part: int) -> Tensor:
    """The permutation of the rows in `epoch`, or in a part of it, int64."""
    mixed = int(np.random.SeedSequence((seed, epoch, *part)).generate_state(1, np.uint64)[0])
    return torch.randperm(num_rows, generator=torch.Generator().manual_seed(mixed))


def num_batches(num_rows: int, size: int, min_rows: int = 1) -> int:
    """How many batches of `size` rows there are; the last holds what is left, unless that is less than `min_rows`."""
    num_whole, left_over = divmod(num_rows, size)
    return num_whole + (left_over >= (min_rows if num_whole else 1))


def bounds(num_rows: int, size: int, min_rows: int = 1, first: int = 0) -> Iterator[tuple[int, int]]:
    """From where to where each of them reaches, from number `first` on; too few rows left over join the last."""
    last = num_batches(num_rows, size, min_rows) - 1
    for i in range(first, last + 1):
        yield i * size, num_rows if i == last else (i + 1) * size


@dataclass(frozen=True)
class Batches:
    """The training rows, batch by batch. The last batch of an epoch holds what is left.

    `min_rows` 2 gives a single row left over to the batch before it: batch normalisation cannot take one row alone.
    """

    part: AnyPart
    batch_size: int
    seed: int
    shuffle: bool
    device: torch.device
    min_rows: int = 1

    @cached_property
    def _num_batches(self) -> int:
        return num_batches(len(self.part), self.batch_size, self.min_rows)

    def __len__(self) -> int:
        return self._num_batches

    def bounds(self, first: int = 0) -> Iterator[tuple[int, int]]:
        """From where to where in the order of an epoch each batch from number `first` on reaches."""
        return bounds(len(self.part), self.batch_size, self.min_rows, first)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of `epoch` from number `first` on, on the device."""
        batches = self._taken(epoch, first)
        if self.device.type == "cuda" and self.part.device.type == "cpu":
            batches = prefetch.sent(batches, self.device)
        for inputs, targets in batches:
            yield self.part.ready(inputs.to(self.device)), self.part.ready_targets(targets.to(self.device))

    def _taken(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The same where the rows lie. What is read of a file holds until the next batch is asked for."""
        if len(self) == 1 or not self.shuffle:  # the order of rows within the only batch changes nothing
            for start, end in self.bounds(first):
                yield self.part.take(slice(start, end))
                self.part.release()
            return
        if self.part.mapped:
            yield from self._from_buffers(epoch, first)
            return
        rows = order(len(self.part), self.seed, epoch).to(self.part.device)
        if len(self.part) * self.part.row_bytes <= SMALL_BYTES:
            inputs, targets = self.part.take(rows)
            for start, end in self.bounds(first):
                yield inputs[start:end], targets[start:end]
            return
        for start, end in self.bounds(first):
            yield self.part.take(rows[start:end])

    def _from_buffers(self, epoch: int, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The same of rows in a file. A batch may begin in one buffer and end in the next."""
        bounds = self.bounds(first)
        start, end = next(bounds)
        skipped = start
        inputs, targets = self.part.take(slice(0, 0))
        for i, runs in enumerate(self._buffers(epoch)):
            num_rows = sum(end - start for start, end in runs)
            if num_rows <= skipped:
                skipped -= num_rows
                continue
            mixed = order(num_rows, self.seed, epoch, i)[skipped:]
            skipped = 0
            more_inputs, more_targets = self._read(runs)
            inputs, targets = torch.cat([inputs, more_inputs[mixed]]), torch.cat([targets, more_targets[mixed]])
            while len(inputs) >= end - start:
                yield inputs[: end - start], targets[: end - start]
                inputs, targets = inputs[end - start :], targets[end - start :]
                if (following := next(bounds, None)) is None:
                    return
                start, end = following

    def _buffers(self, epoch: int) -> list[list[tuple[int, int]]]:
        """The runs of rows, from and to, of each buffer of an epoch."""
        num_rows = len(self.part)
        row_bytes = max(1, self.part.row_bytes)
        length = max(1, RUN_BYTES // row_bytes)
        at_once = max(1, BUFFER_BYTES // (length * row_bytes))
        starts = (order(-(-num_rows // length), self.seed, epoch) * length).tolist()
        runs = [(start, min(start + length, num_rows)) for start in starts]
        return [runs[i : i + at_once] for i in range(0, len(runs), at_once)]

    def _read(self, runs: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Rows of a file. The system maps much around what is touched, so it is let go again and again."""
        inputs, targets = [], []
        for i in range(0, len(runs), RUNS_AT_ONCE):
            taken = [self.part.take(slice(start, end)) for start, end in runs[i : i + RUNS_AT_ONCE]]
            inputs.append(torch.cat([one for one, _ in taken]))
            targets.append(torch.cat([one for _, one in taken]))
            self.part.release()
        return torch.cat(inputs), torch.cat(targets)
