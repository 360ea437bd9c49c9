"""The type of a column, by every value that it has; and its values as that type.

Integers are int64, other numbers float64, then truth values, times in microseconds without a zone (of UTC, where one is
given), lists of numbers of one shape, and text for whatever is left or mixed.
"""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from worker.data.formats.fields import array_field

_BOOLEAN, _INTEGER, _FLOAT, _TIME, _ARRAY, _TEXT = 1, 2, 4, 8, 16, 32
_PLAIN = {_BOOLEAN: pa.bool_(), _INTEGER: pa.int64(), _TIME: pa.timestamp("us")}
_LOW, _HIGH = -(2**63), 2**63
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


class Kinds:
    """What kinds of values a column was seen to have; text, where that was settled before."""

    def __init__(self, *, is_text: bool = False) -> None:
        self._seen = _TEXT if is_text else 0
        self._shape: tuple[int, ...] | None = None
        self._whole = True  # the numbers of all arrays

    def see(self, value: Any) -> None:
        """Take note of one value; None is no value."""
        if value is not None and self._seen != _TEXT:
            self._seen |= self._kind(value)
            if self._seen & _TEXT:  # nothing that follows can change it
                self._seen = _TEXT

    def field(self, name: str) -> pa.Field:
        """The column as the table has it."""
        if self._seen == _ARRAY and self._shape is not None:
            return array_field(name, pa.int64() if self._whole else pa.float64(), self._shape)
        if self._seen in (_FLOAT, _FLOAT | _INTEGER):
            return pa.field(name, pa.float64())
        return pa.field(name, _PLAIN.get(self._seen, pa.string()))

    def _kind(self, value: Any) -> int:
        match value:
            case bool():
                return _BOOLEAN
            case int():
                return _INTEGER if _LOW <= value < _HIGH else _FLOAT if abs(value) < 2**1023 else _TEXT
            case float():
                return _FLOAT
            case str():
                return _TIME if self._seen in (0, _TIME) and as_time(value) is not None else _TEXT
            case date():
                return _TIME
            case list():
                return self._array_kind(value)
        return _TEXT

    def _array_kind(self, value: list[Any]) -> int:
        shape = _shape(value)
        if shape is None or shape != (self._shape or shape):
            return _TEXT
        self._shape = shape
        self._whole = self._whole and _all_whole(value)
        return _ARRAY


def as_time(value: Any) -> datetime | None:
    """A time of a date, or of words in ISO 8601 that begin with a year of four digits; None for anything else."""
    if isinstance(value, str):
        if not _ISO_TIME.fullmatch(value):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:  # at either end of the calendar
        return None


def column(values: Sequence[Any], field: pa.Field) -> pa.Array:
    """Values (N,) as the column that all of them were seen to make."""
    kind = field.type
    if pa.types.is_timestamp(kind):
        return pa.array([None if value is None else as_time(value) for value in values], kind)
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else float(value) for value in values], kind)
    if pa.types.is_fixed_size_list(kind):
        flat = np.dtype(kind.value_type.to_pandas_dtype())
        return pa.array([None if value is None else np.asarray(value, flat).ravel() for value in values], kind)
    if pa.types.is_string(kind):
        return _texts([None if value is None else as_text(value) for value in values])
    return pa.array(values, kind)


def as_text(value: Any) -> str:
    """Any value in words: text as it is, times as ISO 8601, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _texts(values: list[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can spell and UTF-8 cannot
        return pa.array([value and value.encode("utf-8", "replace").decode() for value in values], pa.string())


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of a list of numbers, or of such lists; None of one that is not regular."""
    if not value:
        return None
    if all(type(one) in (int, float) and (type(one) is float or _LOW <= one < _HIGH) for one in value):
        return (len(value),)
    if not all(isinstance(one, list) for one in value):
        return None
    shapes = {_shape(one) for one in value}
    inner = shapes.pop()
    return None if shapes or inner is None else (len(value), *inner)


def _all_whole(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_all_whole, value))
    return isinstance(value, int)


def as_whole(value: Any) -> Any:
    """A number as a spreadsheet holds it, which knows no integers: whole ones are given back as such."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 2**53:
        return int(value)
    return value
