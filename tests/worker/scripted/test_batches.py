"""The batches of a script are those of a training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from worker.scripted import batches
from worker.train import batches as trained
from worker.train.batches import Batches, Part

CPU = torch.device("cpu")
SIZES = [(1, 4), (4, 4), (5, 4), (9, 4), (9, 1), (23, 5), (21, 5), (97, 8)]


def batches_of(part: Part, batch_size: int, min_rows: int, *, shuffle: bool = True) -> list[list[int]]:
    """Which rows each batch of the third epoch holds, in their order."""
    found = Batches(part, batch_size, 7, shuffle, CPU, min_rows)
    return [targets.tolist() for _, targets in found.epoch(2)]


def rows_in(found: object, num_rows: int) -> list[list[int]]:
    return [torch.arange(num_rows)[rows].tolist() for rows in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("num_rows", "batch_size"), SIZES)
def test_rows_in_memory_are_mixed_as_in_a_training(num_rows: int, batch_size: int) -> None:
    part = Part(torch.zeros(num_rows, 1), torch.arange(num_rows))
    asked = (num_rows, batch_size, 7, 2)
    assert rows_in(batches.mixed(*asked), num_rows) == batches_of(part, batch_size, 1)
    assert rows_in(batches.mixed_none_alone(*asked), num_rows) == batches_of(part, batch_size, 2)
    for made, min_rows in ((batches.in_order, 1), (batches.in_order_none_alone, 2)):
        expected = batches_of(part, batch_size, min_rows, shuffle=False)
        assert rows_in(made(num_rows, batch_size), num_rows) == expected


@pytest.mark.parametrize(("num_rows", "batch_size"), SIZES)
def test_rows_in_a_file_are_mixed_as_in_a_training(
    num_rows: int, batch_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = np.memmap(tmp_path / "targets", np.int64, "w+", shape=num_rows)
    targets[:] = np.arange(num_rows)
    part = Part(torch.zeros(num_rows, 1), torch.from_numpy(targets), mapped=(targets,))
    for module in (batches, trained):  # three rows in a run, four runs in a buffer
        monkeypatch.setattr(module, "RUN_BYTES", 3 * part.row_bytes)
        monkeypatch.setattr(module, "BUFFER_BYTES", 12 * part.row_bytes)
    asked = (num_rows, batch_size, 7, 2, part.row_bytes)
    assert rows_in(batches.mixed_in_runs(*asked), num_rows) == batches_of(part, batch_size, 1)
    assert rows_in(batches.mixed_in_runs_none_alone(*asked), num_rows) == batches_of(part, batch_size, 2)
