"""What is known of a machine and of a process on it, as it is here."""

import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from app import causes
from worker import machine


def test_each_device_tells_all_its_memory_and_what_is_free() -> None:
    cpu = machine.devices()[0]
    assert cpu["name"] == "cpu"
    assert 0 < cpu["free_bytes"] <= cpu["memory_bytes"]


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the driver's library tells of them."""
    answers = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: "a GPU",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=80, free=60),
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


WHOLE = {"type": "a GPU", "memory_bytes": 80, "free_bytes": 60}


@pytest.mark.parametrize(
    ("failing", "told"),
    [
        ("nvmlDeviceGetMemoryInfo", {"memory_bytes": None, "free_bytes": None}),
        ("nvmlDeviceGetName", {"type": "unknown"}),
        ("nvmlDeviceGetHandleByIndex", {"type": "unknown", "memory_bytes": None, "free_bytes": None}),
    ],
)
@pytest.mark.usefixtures("two_gpus")
def test_a_device_that_will_not_tell_something_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch, failing: str, told: dict[str, Any]
) -> None:
    answer = getattr(pynvml, failing)

    def of_the_second(handle: int) -> Any:
        if handle == 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return answer(handle)

    monkeypatch.setattr(pynvml, failing, of_the_second)
    _cpu, first, second = machine.devices()
    assert first == {"name": "cuda:0", **WHOLE}
    assert second == {"name": "cuda:1", **WHOLE, **told}


@pytest.mark.usefixtures("two_gpus")
def test_a_driver_that_fails_leaves_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", fail)
    assert [device["name"] for device in machine.devices()] == ["cpu"]


def test_a_process_that_someone_kills_was_killed_and_is_known_with_its_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", "held = b'x' * (64 << 20); input()"], stdin=subprocess.PIPE) as one:
        watch = machine.Watch(one.pid)
        while watch.evidence(0).peak_bytes < 64 << 20:  # type: ignore[operator]
            watch.look()
        one.kill()
        one.wait()
        cause = causes.of_death(watch.evidence(one.returncode))
    assert (cause.kind, cause.details["signal"]) == ("killed", "SIGKILL")
    assert cause.details["peak_bytes"] >= 64 << 20


def test_a_process_that_is_gone_leaves_what_was_seen_of_it() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as one:
        one.wait()
    watch = machine.Watch(one.pid)
    watch.look()
    assert causes.of_death(watch.evidence(-signal.SIGSEGV)).kind == "crashed"
