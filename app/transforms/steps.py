"""What happens to a column of plain numbers, words or times: the fitted step, and how it is applied.

In this order: what is missing is filled, what lies outside is clipped, then the logarithm, then moved and scaled.
"""

from typing import Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.specs.base import Problem, SpecError
from app.specs.columns import Value
from app.specs.features import CYCLIC_PARTS
from app.specs.steps import DatePart

Numbers = NDArray[np.float64]

UNKNOWN = -1.0  # the code of a category that the training did not know
MAX_PROBLEMS = 20

_DAY_S = 86_400
_PERIODS: dict[str, float] = {
    "month": 12,
    "day": 31,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "day_of_year": 366,
}


class Step(BaseModel):
    """What happens to one column: missing values are filled, words become codes, numbers are moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["integer", "float", "boolean", "category", "timestamp"]
    fill: float | None = None  # the number or code that stands for a missing value; None: there may be none
    indicator: bool = False  # one more input says that the value was missing
    values: list[Value] | None = None  # of a category: the i-th has code i
    one_hot: bool = False  # a category takes one input for each value, else its code is the input
    num_places: int | None = None  # of one-hot: that many inputs, also where the training rows lack some values
    num_buckets: int | None = None  # of words that are hashed: each bucket takes an input
    place: int | None = None  # of embedded words: the number of the unknown; that of the i-th value is place + 1 + i
    part: DatePart | None = None  # of a time: what of it is fed
    low: float | None = None
    high: float | None = None
    log: bool = False
    center: float = 0.0
    spread: float = 1.0  # x becomes (x - center) / spread

    @property
    def width(self) -> int:
        """How many inputs the column takes."""
        return self._width + self.indicator

    @property
    def _width(self) -> int:
        if self.num_buckets is not None:
            return self.num_buckets
        if self.part in CYCLIC_PARTS:
            return 2
        return (self.num_places or len(self.values or ())) if self.one_hot else 1


def apply(step: Step, found: Numbers) -> NDArray[np.float64]:
    """Numbers or codes (N,), NaN where missing, as inputs (N, width). Raises SpecError where nothing fills a gap."""
    inputs: NDArray[np.float64]
    filled = fill(step, found)
    if step.one_hot or step.num_buckets is not None:
        inputs = (filled[:, None] == np.arange(step._width)).astype(np.float64)
    elif step.part in CYCLIC_PARTS:
        angles = 2 * np.pi * part_of(step.part, filled) / _PERIODS[str(step.part)]
        inputs = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    elif step.place is not None:
        inputs = (step.place - UNKNOWN + filled)[:, None]
    else:
        inputs = ((prepared(step, filled) - step.center) / step.spread)[:, None]
    if step.indicator:
        inputs = np.concatenate([inputs, np.isnan(found)[:, None]], axis=1)
    return inputs


def fill(step: Step, found: Numbers) -> Numbers:
    """The same with missing values filled. Raises SpecError where there is nothing to fill them with."""
    missing = np.isnan(found)
    if not missing.any():
        return found
    if step.fill is None:
        rows = np.flatnonzero(missing)[:MAX_PROBLEMS]
        raise SpecError([problem(int(i), step.name, "the value is missing", None) for i in rows])
    filled: Numbers = np.where(missing, step.fill, found)
    return filled


def prepared(step: Step, filled: Numbers) -> Numbers:
    """Numbers (N,) without gaps, before they are moved and scaled."""
    if step.part is not None:
        filled = part_of(step.part, filled)
    if step.low is not None or step.high is not None:
        filled = np.clip(filled, step.low, step.high)
    if step.log:
        filled = np.log1p(np.maximum(filled, 0.0))  # what is fed one day may be lower than all that was trained on
    ready: Numbers = np.asarray(filled, np.float64)
    return ready


def part_of(part: str | None, seconds: Numbers) -> Numbers:
    """A part of times (N,) given in seconds since 1970, UTC; of those that come round, from 0."""
    if part in (None, "elapsed"):
        return seconds
    if part == "hour":
        return np.asarray(np.floor(seconds % _DAY_S / 3600), np.float64)
    if part == "minute":
        return np.asarray(np.floor(seconds % 3600 / 60), np.float64)
    days = np.floor(seconds / _DAY_S).astype("datetime64[D]")
    if part == "weekday":  # Monday is 0; the first of 1970 was a Thursday
        return np.asarray((days.astype(np.int64) + 3) % 7, np.float64)
    months, years = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    counted: NDArray[np.int64]
    match part:
        case "year":
            counted = years.astype(np.int64) + 1970
        case "month":
            counted = months.astype(np.int64) % 12
        case "day":
            counted = (days - months.astype("datetime64[D]")).astype(np.int64)
        case _:
            counted = (days - years.astype("datetime64[D]")).astype(np.int64)
    return np.asarray(counted, np.float64)


def bucket(word: str, num_buckets: int) -> float:
    """The bucket that a word falls into: its CRC-32, so that it is the same on every machine and every day."""
    return float(crc32(word.strip().encode()) % num_buckets)


def problem(row: int, name: str, message: str, received: object) -> Problem:
    """What is wrong with a value, at its place among the rows."""
    return Problem(loc=["rows", row, name], msg=message, received=received)
