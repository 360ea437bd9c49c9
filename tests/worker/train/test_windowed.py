"""Windows as batches: each is gathered when it is asked for, the rows lie where they lay."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from app.specs.window import Window
from worker.data.shelf import Shelf, is_mapped
from worker.train import setup
from worker.train.batches import Batches
from worker.train.windowed import Windowed

CPU = torch.device("cpu")
NUM_ROWS = 400


def windows(rows: Tensor, targets: Tensor, window: Window, mapped: tuple = ()) -> Windowed:  # type: ignore[type-arg]
    starts = torch.arange(0, NUM_ROWS - window.span + 1, window.stride)
    return Windowed(rows, targets, starts, window, mapped)


def in_memory(window: Window) -> Windowed:
    """Row i holds i and -i, its target is 10 i."""
    numbers = torch.arange(NUM_ROWS, dtype=torch.float32)
    return windows(torch.stack([numbers, -numbers], 1), 10 * numbers, window)


@pytest.fixture
def in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Window], Windowed]:
    """The same in a mapped file, read in runs of 4 windows and buffers of 24, of 10 rows each that predict 2."""
    window_bytes = 10 * 2 * 4 + 2 * 4
    monkeypatch.setattr("worker.train.batches.RUN_BYTES", 4 * window_bytes)
    monkeypatch.setattr("worker.train.batches.BUFFER_BYTES", 24 * window_bytes)

    def make(window: Window) -> Windowed:
        plain = in_memory(window)
        shapes = {"rows": (NUM_ROWS, 2), "targets": (NUM_ROWS,)}
        floats = np.dtype(np.float32)
        arrays = Shelf(tmp_path, memory_bytes=0).arrays(shapes, {"rows": floats, "targets": floats})
        arrays["rows"][:], arrays["targets"][:] = plain.rows_RF.numpy(), plain.targets_R.numpy()
        assert all(map(is_mapped, arrays.values()))
        rows, targets = (torch.from_numpy(array) for array in arrays.values())
        return windows(rows, targets, window, tuple(arrays.values()))

    return make


def starts_of(batched: Batches, epoch: int, first: int = 0) -> list[list[int]]:
    """Where the windows of each batch begin; each is what a plain loop makes of its rows."""
    part = batched.part
    assert isinstance(part, Windowed)
    length, ahead, horizon = part.window.length, part.window.ahead, part.window.horizon
    found = []
    for inputs, targets in batched.epoch(epoch, first):
        begins = inputs[:, 0, 0].long()
        for begin, seen, told in zip(begins.tolist(), inputs, targets, strict=True):
            assert seen.tolist() == [[begin + i, -(begin + i)] for i in range(length)]
            assert told.tolist() == [10.0 * (begin + length - 1 + ahead + i) for i in range(horizon)]
        found.append(begins.tolist())
    return found


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("window", [Window(length=10, horizon=2), Window(length=3, horizon=1, ahead=4, stride=7)])
def test_an_epoch_sees_every_window_once(window: Window, shuffle: bool) -> None:
    batched = Batches(in_memory(window), 32, 0, shuffle, CPU)
    found = starts_of(batched, epoch=1)
    assert [len(begins) for begins in found] == [end - start for start, end in batched.bounds()]
    assert sorted(begin for begins in found for begin in begins) == list(
        range(0, NUM_ROWS - window.span + 1, window.stride)
    )
    assert starts_of(batched, epoch=1, first=2) == found[2:]


def test_windows_of_a_file_come_once_and_well_mixed(in_a_file: Callable[[Window], Windowed]) -> None:
    batched = Batches(in_a_file(Window(length=10, horizon=2)), 16, 0, True, CPU)
    found = starts_of(batched, epoch=0)
    assert sorted(begin for begins in found for begin in begins) == list(range(NUM_ROWS - 11))
    assert sum(max(begins) - min(begins) for begins in found) / len(found) > NUM_ROWS / 2
    assert starts_of(batched, epoch=0, first=5) == found[5:] != starts_of(batched, epoch=1, first=5)


def test_the_targets_of_all_windows_and_the_last_that_is_known() -> None:
    part = in_memory(Window(length=4, horizon=3, ahead=2))
    assert part.targets_at(slice(None)).shape == (len(part), 3)
    assert part.targets_at(slice(None))[5].tolist() == [100.0, 110.0, 120.0]
    assert part.last_known(slice(5, 7)).tolist() == [[80.0], [90.0]]
    classes = Windowed(part.rows_RF, torch.arange(NUM_ROWS), part.starts_N, Window(length=4))
    assert classes.take(slice(0, 3))[1].tolist() == [4, 5, 6] and classes.targets_at(slice(None)).shape == (len(part),)


def test_no_more_than_a_batch_is_made_at_once() -> None:
    part = in_memory(Window(length=10, horizon=2))
    assert part.row_bytes == 10 * 2 * 4 + 2 * 4
    elsewhere = part.of([tensor.clone() for tensor in part.tensors])
    assert torch.equal(elsewhere.take(slice(3, 9))[0], part.take(slice(3, 9))[0])
    assert sum(tensor.numel() for tensor in part.tensors) == NUM_ROWS * 3 + len(part)


@pytest.mark.parametrize(("free_bytes", "device"), [(1 << 30, "meta"), (5000, "cpu")])
def test_parts_share_their_rows_on_a_device_too(monkeypatch: pytest.MonkeyPatch, free_bytes: int, device: str) -> None:
    """Rows of 400 × 2 and targets take 4,800 bytes: more than half of 5,000 is not given to them."""
    monkeypatch.setattr("worker.train.device.free_bytes", lambda device: free_bytes)
    train = in_memory(Window(length=10, horizon=2))
    test = train.of([train.rows_RF, train.targets_R, train.starts_N[:5].clone()])
    placed = setup._placed({"train": train, "test": test}, torch.device("meta"))
    assert {part.device.type for part in placed.values()} == {device}
    one, other = placed["train"], placed["test"]
    assert isinstance(one, Windowed) and isinstance(other, Windowed)
    assert one.rows_RF is other.rows_RF and one.targets_R is other.targets_R
    assert (len(one), len(other)) == (len(train), 5)
