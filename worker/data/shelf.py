"""Where the rows of a part lie: in memory while they are few, else in a file that is mapped into it.

The file has no name, so nothing is left of it however the process ends. Its pages are the system's to drop; `release`
tells it so, for a process is judged by what it holds.
"""

import mmap
import os
import tempfile
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import JobFailure


@dataclass(frozen=True)
class Shelf:
    """Room for arrays. Those of fewer than `memory_bytes` together lie in memory, others in files of `folder`."""

    folder: Path | None = None
    memory_bytes: int = 1 << 30

    def arrays(self, shapes: dict[str, tuple[int, ...]], dtypes: dict[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
        """An array of each shape, in memory or in files all of them. Raises JobFailure where the disk has no room."""
        sizes = {name: prod(shape) * dtypes[name].itemsize for name, shape in shapes.items()}
        if self.folder is None or sum(sizes.values()) <= self.memory_bytes:
            return {name: np.empty(shape, dtypes[name]) for name, shape in shapes.items()}
        return {name: self._mapped(shape, dtypes[name], sizes[name]) for name, shape in shapes.items()}

    def _mapped(self, shape: tuple[int, ...], dtype: np.dtype[Any], num_bytes: int) -> NDArray[Any]:
        if not num_bytes:
            return np.empty(shape, dtype)
        with tempfile.TemporaryFile(dir=self.folder) as file:
            try:
                # Room is taken now: a page that finds none later would end the process without a word.
                os.posix_fallocate(file.fileno(), 0, num_bytes)
            except OSError as error:
                message = f"The disk has no room for the {num_bytes / 1e9:.1f} GB that the rows take."
                raise JobFailure("disk_full", message, "Free some, or use fewer rows or columns.") from error
            return np.memmap(file, dtype, "r+", shape=shape)


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether an array lies in a file."""
    return _mapping(array) is not None


def release(array: NDArray[Any]) -> None:
    """Let the pages of a mapped array go; they come back when they are read. Nothing happens to one in memory."""
    mapping = _mapping(array)
    if mapping is not None:
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: Any) -> mmap.mmap | None:
    while array is not None:
        if isinstance(array, mmap.mmap):
            return array
        array = getattr(array, "_mmap", None) or getattr(array, "base", None)
    return None
