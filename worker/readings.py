"""Readings of the machine while a job is at work: processor, memory, disk, and the GPUs that the job computes on.

Asked without torch. Whoever takes readings says how often; what is counted (time of the processor, bytes of the disk)
is a mean since the reading before.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pynvml


class Machine:
    """What there is to read here. `gpus`: the ids by which their driver knows them, by our numbers."""

    def __init__(self, data_dir: Path, gpus: Mapping[int, str]) -> None:
        self._data_dir = data_dir
        self._process = psutil.Process()
        self._gpus = _handles(gpus)
        self._disk, self._at = _disk_counters(), time.monotonic()
        psutil.cpu_percent()
        self._process.cpu_percent()

    def read(self) -> dict[str, float]:
        """The value of each series, by its name. What this machine does not tell is left out."""
        memory = psutil.virtual_memory()
        found = {
            "cpu_percent": psutil.cpu_percent(),
            "process_cpu_percent": self._process.cpu_percent(),  # of one core: several come to more than 100
            "memory_bytes": memory.total - memory.available,
            "process_memory_bytes": self._process.memory_info().rss,
            "disk_free_bytes": psutil.disk_usage(str(self._data_dir)).free,
            **self._disk_rates(),
        }
        for number, handle in self._gpus.items():
            found |= {f"gpu{number}_{name}": value for name, value in _gpu(handle).items()}
        return {f"system/{name}": float(value) for name, value in found.items()}

    def close(self) -> None:
        """Let go of the driver."""
        if self._gpus:
            self._gpus = {}
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()

    def _disk_rates(self) -> dict[str, float]:
        before, now = self._disk, _disk_counters()
        took_s, self._at = time.monotonic() - self._at, time.monotonic()
        self._disk = now
        if before is None or now is None or took_s <= 0:  # a container may not show the disks
            return {}
        return {
            "disk_read_bytes_per_s": (now.read_bytes - before.read_bytes) / took_s,
            "disk_write_bytes_per_s": (now.write_bytes - before.write_bytes) / took_s,
        }


def _disk_counters() -> Any:
    """What the disks have read and written so far; None where the system does not say."""
    try:
        return psutil.disk_io_counters()
    except (NotImplementedError, OSError):
        return None


def _handles(gpus: Mapping[int, str]) -> dict[int, Any]:
    """The driver's handles of those it knows."""
    found: dict[int, Any] = {}
    if not gpus:
        return found
    with suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        for number, uuid in gpus.items():
            with suppress(pynvml.NVMLError):
                found[number] = pynvml.nvmlDeviceGetHandleByUUID(uuid)
    return found


def _gpu(handle: Any) -> dict[str, float]:
    """Figures of a GPU; each driver and each card tells some of them."""
    found: dict[str, float] = {}
    with suppress(pynvml.NVMLError):
        found["percent"] = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu
    with suppress(pynvml.NVMLError):
        found["memory_bytes"] = pynvml.nvmlDeviceGetMemoryInfo(handle).used
    with suppress(pynvml.NVMLError):
        found["temperature_c"] = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
    with suppress(pynvml.NVMLError):
        found["power_w"] = pynvml.nvmlDeviceGetPowerUsage(handle) / 1000
    return found
