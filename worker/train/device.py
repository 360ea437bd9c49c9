"""Where a run computes: which device, with how many threads, and how much memory there is."""

import gc
import os
import re
import resource
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psutil
import torch

from app.errors import JobFailure
from app.specs.base import Fed
from app.specs.inspection import WORTH_SHARING
from app.specs.model import ModelSpec

_GIB = 1 << 30

_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory", "CUDA error: out of memory")


def choose(wanted: str) -> torch.device:
    """The device of a specification's `auto`, `cpu` or `cuda`. JobFailure `no_device` when it is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise JobFailure(
            "no_device",
            "The run asks for a CUDA device, and this worker has none.",
            hint='Set device to "auto", or start a worker on a machine with a GPU.',
        )
    return torch.device(wanted)


def num_threads(model: ModelSpec, fed: Fed, batch_size: int, slots: int) -> int:
    """How many threads a CPU run takes: one where a step is so small that they would only wait for one another.

    Else its share of the cores, so that runs side by side do not fight for them. Follows from the specification and
    the machine alone, for sums come out otherwise in another number of parts.
    """
    if batch_size * model.inspect(fed).num_multiply_adds < WORTH_SHARING:
        return 1
    return max(1, len(os.sched_getaffinity(0)) // slots)


def let_go() -> None:
    """Give back what nothing needs any more: of a training that failed, a circle of objects holds all of it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def describe(device: torch.device) -> str:
    """The device in words, for the log."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def settle(device: torch.device, *, deterministic: bool, tf32: bool) -> None:
    """Set how this process computes on a GPU: the same bits again wherever torch knows how, or as fast as it can.

    What it does not know is computed all the same, and told (`inexact`). To be called before anything is computed.
    """
    if device.type != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS has no order of its own
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # Nothing here reads memory that it has not written: that need not be filled first.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not deterministic  # tries several ways for each shape, and takes the fastest
    torch.set_float32_matmul_precision("high" if tf32 else "highest")


@contextmanager
def inexact(say: Callable[[str, str], None]) -> Iterator[None]:
    """Meanwhile, tell of each operation that may give other bits the next time, once."""
    told: set[str] = set()

    def show(message: Warning | str, *rest: Any, **named: Any) -> None:
        found = re.match(r"(\S+) does not have a deterministic implementation", str(message))
        if found is None:
            usual(message, *rest, **named)
        elif found[1] not in told:
            told.add(found[1])
            say(f"{found[1]} may give other bits the next time: torch has no deterministic form of it", "warning")

    with warnings.catch_warnings():
        usual, warnings.showwarning = warnings.showwarning, cast(Any, show)
        yield


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def total_bytes(device: torch.device) -> int:
    """All the memory there is on the device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return psutil.virtual_memory().total


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on whichever device; torch's CPU allocator raises a plain RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)


def full_device(error: BaseException) -> torch.device:
    """The device on which an allocation failed."""
    return torch.device("cuda" if isinstance(error, torch.OutOfMemoryError) else "cpu")


def out_of_memory(device: torch.device, batch_size: int | None, num_parameters: int) -> JobFailure:
    """The failure with the figures that decide what to change. `batch_size` None is all rows."""
    peak_bytes, total_bytes = _peak_and_total(device)
    batch = "all rows" if batch_size is None else f"{batch_size:,}"
    return JobFailure(
        "out_of_memory",
        f"The {device.type.upper()} ran out of memory: {peak_bytes / _GIB:.1f} GiB used of "
        f"{total_bytes / _GIB:.1f} GiB, with {num_parameters:,} parameters and batches of {batch}.",
        hint="Try a micro_batch_size first: steps stay as they are. Then a smaller batch_size, then a smaller model.",
        details={
            "batch_size": batch_size,
            "num_parameters": num_parameters,
            "peak_bytes": peak_bytes,
            "total_bytes": total_bytes,
        },
    )


def _peak_and_total(device: torch.device) -> tuple[int, int]:
    """The most bytes that this process took, and those there are."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device), total_bytes(device)
    # ru_maxrss is in KiB on Linux.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, total_bytes(device)
