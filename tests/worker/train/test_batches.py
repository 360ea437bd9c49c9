from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from worker.data.shelf import Shelf
from worker.train.batches import Batches, Part, order
from worker.train.setup import part_of

CPU = torch.device("cpu")


def batches(num_rows: int, batch_size: int, *, shuffle: bool = True, min_rows: int = 1, seed: int = 0) -> Batches:
    rows = torch.arange(num_rows)
    return Batches(Part(rows.float().unsqueeze(1), rows), batch_size, seed, shuffle, CPU, min_rows)


def rows_of(batched: Batches, epoch: int, first: int = 0) -> list[list[int]]:
    found = []
    for inputs, targets in batched.epoch(epoch, first):
        assert torch.equal(inputs.flatten().long(), targets)
        found.append(targets.tolist())
    return found


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_sees_every_row_once_and_the_last_batch_holds_the_rest(shuffle: bool) -> None:
    found = rows_of(batches(23, 5, shuffle=shuffle), epoch=0)
    assert [len(rows) for rows in found] == [5, 5, 5, 5, 3]
    assert sorted(row for rows in found for row in rows) == list(range(23))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = order(50, seed=7, epoch=3)
    torch.manual_seed(2)
    assert torch.equal(first, order(50, seed=7, epoch=3))
    assert not torch.equal(first, order(50, seed=7, epoch=4))
    assert not torch.equal(first, order(50, seed=8, epoch=3))


def test_an_order_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    rows_of(batches(20, 3), epoch=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_can_begin_in_the_middle() -> None:
    whole = rows_of(batches(23, 5), epoch=2)
    assert rows_of(batches(23, 5), epoch=2, first=3) == whole[3:]


def sizes(batched: Batches) -> list[int]:
    found = [end - start for start, end in batched.bounds()]
    assert len(found) == len(batched)
    return found


def test_without_shuffling_rows_come_as_they_lie() -> None:
    assert rows_of(batches(5, 2, shuffle=False), epoch=4) == [[0, 1], [2, 3], [4]]


def test_all_rows_in_one_batch_are_not_copied() -> None:
    batched = batches(7, 7)
    ((inputs, _),) = batched.epoch(0)
    assert inputs.data_ptr() == batched.part.inputs.data_ptr()


def test_a_row_left_alone_joins_the_batch_before_it_where_asked() -> None:
    assert sizes(batches(11, 5, min_rows=2)) == [5, 6]
    assert sizes(batches(11, 5)) == [5, 5, 1]
    assert sizes(batches(10, 5)) == [5, 5]
    assert sizes(batches(1, 5, min_rows=2)) == [1]


@pytest.fixture
def mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Batches]:
    """Batches of rows that lie in a file, read in runs of 4 rows and buffers of 24."""
    monkeypatch.setattr("worker.train.batches.RUN_BYTES", 4 * 16)
    monkeypatch.setattr("worker.train.batches.BUFFER_BYTES", 24 * 16)

    def make(num_rows: int, batch_size: int, **options: Any) -> Batches:
        shelf = Shelf(tmp_path, memory_bytes=0)
        shapes = {"inputs": (num_rows, 2), "targets": (num_rows,)}
        arrays = shelf.arrays(shapes, {"inputs": np.dtype(np.float32), "targets": np.dtype(np.int64)})
        arrays["inputs"][:] = np.arange(num_rows)[:, None]
        arrays["targets"][:] = np.arange(num_rows)
        part = part_of((arrays["inputs"], arrays["targets"]))
        assert part.mapped and not list(tmp_path.iterdir())
        return Batches(part, batch_size, 0, options.pop("shuffle", True), CPU, **options)

    return make


def rows_in_order(batched: Batches, epoch: int, first: int = 0) -> list[list[int]]:
    found = []
    for inputs, targets in batched.epoch(epoch, first):
        assert torch.equal(inputs[:, 0].long(), targets)
        found.append(targets.tolist())
    return found


@pytest.mark.parametrize(("num_rows", "batch_size"), [(100, 7), (103, 24), (97, 60), (25, 3), (5, 2)])
def test_rows_of_a_file_all_come_once_in_an_order_of_the_epoch(
    mapped: Callable[..., Batches], num_rows: int, batch_size: int
) -> None:
    batched = mapped(num_rows, batch_size)
    found = rows_in_order(batched, epoch=1)
    assert [len(rows) for rows in found] == sizes(batched)
    assert sorted(row for rows in found for row in rows) == list(range(num_rows))
    assert rows_in_order(batched, epoch=1) == found != rows_in_order(batched, epoch=2)
    for first in range(1, len(found)):
        assert rows_in_order(batched, epoch=1, first=first) == found[first:]


def test_a_sorted_file_is_mixed(mapped: Callable[..., Batches]) -> None:
    found = rows_in_order(mapped(2400, 24), epoch=0)
    spread = [max(rows) - min(rows) for rows in found]
    assert sum(spread) / len(spread) > 1200  # of 2,400 rows: batches have come from near and far
    assert rows_in_order(mapped(10, 4, shuffle=False), epoch=0) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_what_was_read_of_a_file_is_let_go_and_comes_back(mapped: Callable[..., Batches]) -> None:
    part = mapped(50_000, 100).part
    assert part.inputs.sum() == 2 * sum(range(50_000))
    part.release()
    assert part.inputs.sum() == 2 * sum(range(50_000))
