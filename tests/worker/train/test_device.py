import os
import warnings
from collections.abc import Iterator
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
    assert threads("sequences", (100,), 4) == 1


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


@pytest.fixture
def settled() -> Iterator[None]:
    """What is set for a whole process is as it was afterwards."""
    workspace = os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    matmul, benchmark = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.benchmark = benchmark
    torch.utils.deterministic.fill_uninitialized_memory = True
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    if workspace is not None:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace


@pytest.mark.usefixtures("settled")
def test_a_gpu_is_set_to_give_the_same_bits() -> None:
    device.settle(torch.device("cuda"), deterministic=True, tf32=False)
    assert torch.are_deterministic_algorithms_enabled() and torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.backends.cudnn.benchmark and torch.get_float32_matmul_precision() == "highest"


@pytest.mark.usefixtures("settled")
def test_or_to_be_as_fast_as_it_can() -> None:
    device.settle(torch.device("cuda"), deterministic=False, tf32=True)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark and torch.get_float32_matmul_precision() == "high"


@pytest.mark.usefixtures("settled")
def test_a_cpu_is_left_as_it_is() -> None:
    device.settle(CPU, deterministic=True, tf32=True)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.usefixtures("settled")
@pytest.mark.filterwarnings("default")
def test_what_has_no_deterministic_form_is_told_once() -> None:
    device.settle(torch.device("cuda"), deterministic=True, tf32=False)
    said: list[tuple[str, str]] = []
    with device.inexact(lambda text, level: said.append((text, level))):
        for _ in range(2):
            torch.zeros(3).put_(torch.tensor([1, 1]), torch.ones(2))
    assert said == [("put_ may give other bits the next time: torch has no deterministic form of it", "warning")]


def test_other_warnings_are_shown_as_ever() -> None:
    with pytest.warns(UserWarning, match="something else"), device.inexact(lambda text, level: None):
        warnings.warn("something else", UserWarning, stacklevel=1)
