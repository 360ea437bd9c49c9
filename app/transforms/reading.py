"""Values as people and files write them, read as the numbers and codes that a step takes.

Words are read as `app.spellings` has them, so a cell of a file means the same here as to the worker that made a table.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from app import spellings
from app.specs.base import SpecError
from app.specs.columns import Value
from app.transforms.steps import UNKNOWN, Numbers, Step, bucket, problem

_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def numbers(step: Step, values: Sequence[Any]) -> Numbers:
    """Plain values as numbers or codes (N,), NaN where missing. Raises SpecError where one cannot be read."""
    is_plain = step.type in ("integer", "float") and step.values is None
    plain = _plain_numbers(values) if is_plain else None
    if plain is not None:
        return plain
    read, words = _reader(step), _words(step)
    found = np.empty(len(values))
    errors = []
    for i, value in enumerate(values):
        try:
            found[i] = np.nan if is_missing(value) and not _is_word(value, words) else read(value)
        except (ValueError, TypeError, OverflowError) as error:
            errors.append(problem(i, step.name, str(error), value))
    if errors:
        raise SpecError(errors)
    return found


def _plain_numbers(values: Sequence[Any]) -> Numbers | None:
    """Numbers, or words for them, in one go; None where one of them needs a closer look. Ten times as fast."""
    try:
        found = np.array(values, np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.ndim == 1 and np.isfinite(found).all() else None


def is_missing(value: Any) -> bool:
    """Whether a plain value stands for none."""
    if isinstance(value, list | dict | bytes):
        return False
    if isinstance(value, str):
        return spellings.is_missing(value)
    return value is None or (isinstance(value, float) and bool(np.isnan(value)))


def _words(step: Step) -> frozenset[Value]:
    """The words that a category knows: one of them is a value even where others say by it that there is none."""
    return frozenset(step.values or ()) if step.type == "category" else frozenset()


def _is_word(value: Any, words: frozenset[Value]) -> bool:
    return isinstance(value, str) and value in words


def _reader(step: Step) -> Callable[[Any], float]:
    match step.type:
        case "integer" if step.values is not None:
            places: dict[Any, float] = {value: float(i) for i, value in enumerate(step.values)}
            return lambda value: places.get(_read_number(value), UNKNOWN)
        case "integer" | "float":
            return _read_number
        case "boolean":
            return _read_truth
        case "timestamp":
            return read_time
    if step.num_buckets is not None:
        num_buckets = step.num_buckets
        return lambda value: bucket(str(value), num_buckets)
    codes = {value: float(i) for i, value in enumerate(step.values or ())}
    # Spaces around a word, which some files have, mean nothing, unless the table may have words that the training had
    # not: then the same without spaces may be one of those.
    spaced = step.place is None and step.num_places in (None, len(codes))
    for value, code in list(codes.items()) if spaced else ():
        if isinstance(value, str):
            codes.setdefault(value.strip(), code)
    return lambda value: _read_code(codes, step, value, spaced=spaced)


def _read_number(value: Any) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError):
        raise ValueError("a number is expected") from None
    if not np.isfinite(number):
        raise ValueError("a finite number is expected")
    return number


def _read_truth(value: Any) -> float:
    try:
        return _TRUTH[str(value).strip().lower()]
    except KeyError:
        raise ValueError("true or false is expected") from None


def read_time(value: Any) -> float:
    """Seconds since the epoch, of a number of them, of ISO 8601 or as cells spell it; without a zone of UTC."""
    if isinstance(value, int | float):
        return _read_number(value)
    moment = value if isinstance(value, datetime) else None
    if moment is None and isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001, the zone follows
    if moment is None:
        text = str(value).strip()
        try:
            moment = spellings.time_of(text) or datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("a date is expected, as 2026-03-31 or 2026-03-31T12:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read_code(codes: Mapping[Value, float], step: Step, value: Any, *, spaced: bool) -> float:
    spelled = (value, str(value), str(value).strip()) if spaced else (value, str(value))
    code = next((codes[one] for one in spelled if one in codes), UNKNOWN)
    if code == UNKNOWN and not step.one_hot and step.place is None:
        known = ", ".join(map(str, list(codes)[:10]))
        raise ValueError(f"an unknown value; the training knew {known}{', …' if len(codes) > 10 else ''}")
    return code
