"""What there is to compute with, and what a child takes of it. Asked without torch: the supervisor stays small."""

import platform
from collections import deque
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pynvml

from app.causes import Evidence


def devices() -> list[dict[str, Any]]:
    """The CPU, and each CUDA device that the driver shows.

    Memory in bytes, all and what is free now; None where the driver does not tell.
    """
    memory = psutil.virtual_memory()
    cpu = {
        "name": "cpu",
        "type": _cpu_name(),
        "cores": psutil.cpu_count() or 1,
        "memory_bytes": memory.total,
        "free_bytes": memory.available,
    }
    return [cpu, *_cuda_devices()]


@cache
def _cpu_name() -> str:
    """The model's name where Linux tells it; `platform` knows the architecture at most."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cuda_devices() -> list[dict[str, Any]]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_cuda_device(i) for i in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # the driver lost them meanwhile
        return []
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _cuda_device(index: int) -> dict[str, Any]:
    """What the driver tells of a device; some tell no memory (those that share it), a broken one nothing at all."""
    device: dict[str, Any] = {"name": f"cuda:{index}", "type": "unknown", "memory_bytes": None, "free_bytes": None}
    with suppress(pynvml.NVMLError):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        with suppress(pynvml.NVMLError):
            device["type"] = pynvml.nvmlDeviceGetName(handle)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        device |= {"memory_bytes": memory.total, "free_bytes": memory.free}
    return device


class Watch:
    """The memory of a child while it lives: what is left to go by when it was killed."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._num_oom_kills = deque([num_oom_kills()], maxlen=2)
        self._peak_bytes = 0
        self._least_free_bytes = psutil.virtual_memory().available

    def look(self) -> None:
        """Take a reading."""
        self._num_oom_kills.append(num_oom_kills())
        with suppress(psutil.Error):
            self._peak_bytes = max(self._peak_bytes, psutil.Process(self._pid).memory_info().rss)
        self._least_free_bytes = min(self._least_free_bytes, psutil.virtual_memory().available)

    def evidence(self, exitcode: int) -> Evidence:
        """What is known, now that it has ended."""
        # Since the last reading but one: the last may have been taken after the death, those before are of others.
        num_oom_kills_since = max(0, num_oom_kills() - self._num_oom_kills[0])
        total_bytes = psutil.virtual_memory().total
        return Evidence(exitcode, num_oom_kills_since, self._peak_bytes, self._least_free_bytes, total_bytes)


_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat")


def num_oom_kills() -> int:
    """How often the system has killed for want of memory: in this container if it counts that, else on the machine."""
    for path in _COUNTERS:
        with suppress(OSError):
            for line in Path(path).read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0
