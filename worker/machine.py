"""What the machine has to compute with. Asked without torch: the supervisor stays small."""

import platform
from pathlib import Path
from typing import Any

import psutil
import pynvml


def devices() -> list[dict[str, Any]]:
    """The CPU, and each CUDA device that the driver shows; memory in bytes."""
    cpu = {
        "name": "cpu",
        "type": _cpu_name(),
        "cores": psutil.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
    }
    return [cpu, *_cuda_devices()]


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
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return [
            {
                "name": f"cuda:{i}",
                "type": pynvml.nvmlDeviceGetName(handle),
                "memory_bytes": pynvml.nvmlDeviceGetMemoryInfo(handle).total,
            }
            for i, handle in enumerate(handles)
        ]
    finally:
        pynvml.nvmlShutdown()
