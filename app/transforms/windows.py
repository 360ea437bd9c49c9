"""Rows in order as windows: what a model that was trained on a time series is fed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.transforms.steps import Step


class Windows(BaseModel):
    """What a model sees at once, and what it predicts of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int
    horizon: int
    ahead: int
    series: str | None = None  # the column that says which series a row belongs to
    time: Step | None = None  # the column that orders rows, and how its values are read


def windows_of(rows: NDArray[Any], length: int) -> NDArray[Any]:
    """Every window (R - length + 1, length, F) of rows (R, F) in order, none if they are fewer: a view, no copy."""
    if len(rows) < length:
        return np.empty((0, length, rows.shape[1]), rows.dtype)
    return np.lib.stride_tricks.sliding_window_view(rows, length, axis=0).transpose(0, 2, 1)
