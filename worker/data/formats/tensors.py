"""Safetensors files: each tensor is a column. The library reads them into NumPy's arrays, without torch."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from worker.data.formats.arrays import Source, write_arrays
from worker.data.formats.base import Limits, Progress, Read, reason_of, unreadable

_TYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}


def read(path: Path, target: BinaryIO, progress: Progress, limits: Limits) -> Read:
    """Read the tensors (N, …) of a file into a table, as its columns. Raises JobFailure."""
    try:
        with safe_open(path, framework="np") as file:
            arrays: dict[str, Source] = {name: _Tensor(file.get_slice(name), name) for name in file.offset_keys()}
            return write_arrays(arrays, target, progress, path.stat().st_size, limits)
    except SafetensorError as error:
        raise unreadable(f"The safetensors file cannot be read: {reason_of(error)}") from error


class _Tensor:
    """A tensor that stays in its file until rows of it are asked for."""

    def __init__(self, part: Any, name: str) -> None:
        self._part = part
        self.shape: tuple[int, ...] = tuple(part.get_shape())
        written = part.get_dtype()
        if written not in _TYPES:
            message = f"The tensor {name!r} is of the type {written}, which NumPy does not know."
            raise unreadable(message, "Save it as float32.")
        self.dtype: np.dtype[Any] = np.dtype(_TYPES[written])

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        found: NDArray[Any] = self._part[rows]
        return found
