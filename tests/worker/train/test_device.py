import os
from typing import Any

import pytest
import torch

from app import gallery
from app.errors import JobFailure
from app.specs.model import ModelSpec
from worker.train import device

CPU = torch.device("cpu")


def threads(name: str, shape: tuple[int, ...], batch_size: int, slots: int = 1) -> int:
    model = ModelSpec.model_validate(gallery.definition(name)["model"])
    return device.num_threads(model, shape, batch_size, slots)


def test_small_steps_are_not_shared_between_threads() -> None:
    assert threads("celsius", (1,), 7) == 1
    assert threads("heart", (13,), 128) == 1
    assert threads("sequences", (100,), 16) == 1


def test_large_steps_take_the_share_of_their_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    assert threads("digits", (1, 28, 28), 128) == 8
    assert threads("sequences", (100,), 128) == 8
    assert threads("digits", (1, 28, 28), 128, slots=3) == 2
    assert threads("digits", (1, 28, 28), 128, slots=9) == 1


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose("auto") == CPU
    assert device.choose("cpu") == CPU
    with pytest.raises(JobFailure) as failure:
        device.choose("cuda")
    assert failure.value.kind == "no_device"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.choose("auto").type == "cuda"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            True,
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error: Exception, expected: Any) -> None:
    assert device.is_out_of_memory(error) is expected


def test_torchs_own_refusal_to_allocate_is_recognised() -> None:
    with pytest.raises(RuntimeError) as refusal:
        torch.empty(1 << 60)
    assert device.is_out_of_memory(refusal.value)


def test_the_failure_has_the_figures_that_decide_what_to_change() -> None:
    failure = device.out_of_memory(CPU, batch_size=128, num_parameters=1_000_000)
    assert failure.kind == "out_of_memory"
    assert "1,000,000 parameters" in failure.message
    assert "all rows" in device.out_of_memory(CPU, batch_size=None, num_parameters=1).message
    assert set(failure.details) == {"batch_size", "num_parameters", "peak_bytes", "total_bytes"}
