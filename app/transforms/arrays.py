"""Arrays of a fixed shape, which are fed as they are, or moved and scaled as a whole."""

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.specs.base import SpecError
from app.specs.layers.base import written
from app.transforms.steps import problem


class ArrayStep(BaseModel):
    """An array becomes as many inputs as it has numbers: x becomes (x - center) / spread."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["array"] = "array"
    shape: list[int]
    center: float = 0.0
    spread: float = 1.0

    @property
    def width(self) -> int:
        """How many inputs an array takes."""
        return prod(self.shape)

    def inputs(self, values: Sequence[Any]) -> NDArray[np.float64]:
        """Nested lists, or lists of all numbers in order, as (N, width). Raises SpecError where one does not fit."""
        found = np.empty((len(values), self.width))
        errors = []
        for i, value in enumerate(values):
            try:
                found[i] = self._read(value)
            except (ValueError, TypeError, OverflowError) as error:
                errors.append(problem(i, self.name, str(error), None))
        if errors:
            raise SpecError(errors)
        return self.scaled(found)

    def scaled(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers (N, width) as the model is fed."""
        return (found - self.center) / self.spread

    def _read(self, value: Any) -> NDArray[np.float64]:
        try:
            read = np.array(value, np.float64)
        except (ValueError, TypeError):
            raise ValueError(f"an array of {written(tuple(self.shape))} numbers is expected") from None
        if read.shape not in (tuple(self.shape), (self.width,)):
            raise ValueError(f"an array of {written(tuple(self.shape))} is expected, this is {written(read.shape)}")
        if not np.isfinite(read).all():
            raise ValueError("finite numbers are expected")
        return read.ravel()
