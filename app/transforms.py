"""Fitted preprocessing: how rows become a model's inputs, and its outputs answers.

Written once, used twice: the worker encodes the training data with it, the server the rows to predict, so both see the
same numbers. What is fitted is fitted by `worker.data.prepare`, on training rows alone; here it is only applied.
Needs numpy and nothing else, for the server has no torch.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict

from app.columns import spell_one
from app.specs.base import Problem, SpecError

Value = bool | int | float | str
Numbers = NDArray[np.float64]

UNKNOWN = -1.0  # the code of a category that the training did not know
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_MISSING_WORDS = frozenset({"", "NaN", "nan"})
_MAX_PROBLEMS = 20
_NAMED = 5


class Step(BaseModel):
    """What happens to one column: missing values are filled, words become codes, numbers are moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["integer", "float", "boolean", "category", "timestamp"]
    fill: float | None = None  # the number or code that stands for a missing value; None: there may be none
    values: list[Value] | None = None  # of a category: the i-th has code i
    one_hot: bool = False  # a category takes one input for each value, else its code is the input
    center: float = 0.0
    spread: float = 1.0  # x becomes (x - center) / spread

    @property
    def width(self) -> int:
        """How many inputs the column takes."""
        return len(self.values or ()) if self.one_hot else 1


class Target(BaseModel):
    """What the model answers: one of `classes`, or a number that was moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: list[Value] | None = None
    center: float = 0.0
    spread: float = 1.0


class Preprocessing(BaseModel):
    """Everything between a row and a tensor, as `preprocessing.json` keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: list[Step]
    input_shape: list[int]  # without the batch
    input_dtype: Literal["float32", "int64"]
    num_embeddings: int | None = None  # of a model that looks whole numbers up: it has places for 0 to this − 1
    target: Target
    loss: str  # decides how outputs are read


def encode(preprocessing: Preprocessing, rows: Mapping[str, Sequence[Any]]) -> NDArray[Any]:
    """Columns of N plain values as inputs (N, *input_shape). Raises SpecError with loc ["rows", i, column]."""
    num_rows = len(next(iter(rows.values()), ()))
    parts, errors = [], []
    for step in preprocessing.steps:
        try:
            found = fill(step, numbers(step, rows.get(step.name, [None] * num_rows)))
            if preprocessing.input_dtype == "int64":
                _check_whole(step, found, preprocessing.num_embeddings)
            parts.append(expand(step, found))
        except SpecError as error:
            errors += error.errors
    if errors:
        raise SpecError(errors[:_MAX_PROBLEMS])
    stacked = np.concatenate(parts, axis=1).astype(preprocessing.input_dtype)
    return stacked.reshape(num_rows, *preprocessing.input_shape)


def check_names(preprocessing: Preprocessing, names: Sequence[str]) -> None:
    """Refuse what is probably a slip: a column that is not there while one is that nobody knows. Raises SpecError.

    Else the value that fills gaps would silently stand in for it.
    """
    read = [step.name for step in preprocessing.steps]
    lacking = [name for name in read if name not in names]
    unknown = [name for name in names if name not in read and name != preprocessing.target.name]
    if not lacking or not unknown:
        return
    given = ", ".join(map(repr, unknown[:_NAMED]))
    reason = f"which is not there; {given} is nothing that it knows"
    raise SpecError(
        [Problem(loc=["rows", 0, name], msg=f"the model reads {name!r}, {reason}") for name in lacking[:_NAMED]]
    )


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows, each a mapping of names to values, as columns; what a row lacks is missing."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def numbers(step: Step, values: Sequence[Any]) -> Numbers:
    """Plain values as numbers or codes (N,), NaN where missing. Raises SpecError where one cannot be read."""
    plain = _plain_numbers(values) if step.type in ("integer", "float") else None
    if plain is not None:
        return plain
    read = _reader(step)
    found = np.empty(len(values))
    errors = []
    for i, value in enumerate(values):
        try:
            found[i] = np.nan if _is_missing(value) else read(value)
        except (ValueError, TypeError, OverflowError) as error:
            errors.append(_problem(i, step, str(error), value))
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


def fill(step: Step, found: Numbers) -> Numbers:
    """The same with missing values filled. Raises SpecError where there is nothing to fill them with."""
    missing = np.isnan(found)
    if not missing.any():
        return found
    if step.fill is None:
        rows = np.flatnonzero(missing)[:_MAX_PROBLEMS]
        raise SpecError([_problem(int(i), step, "the value is missing", None) for i in rows])
    filled: Numbers = np.where(missing, step.fill, found)
    return filled


def _check_whole(step: Step, found: Numbers, num_embeddings: int | None) -> None:
    """Whole numbers, and such as the embedding has places for: beyond them a runtime fails, or wraps around."""
    expected = "a whole number is expected"
    odd = found != np.trunc(found)
    if num_embeddings is not None:
        expected += f", from 0 to {num_embeddings - 1:,}"
        odd |= (found < 0) | (found >= num_embeddings)
    rows = np.flatnonzero(odd)[:_MAX_PROBLEMS]
    if len(rows):
        raise SpecError([_problem(int(i), step, expected, float(found[i])) for i in rows])


def expand(step: Step, found: Numbers) -> NDArray[np.float64]:
    """Numbers or codes (N,) as inputs (N, width)."""
    if step.one_hot:
        hits = found[:, None] == np.arange(step.width)
        return np.where(hits, 1.0, 0.0)
    scaled: Numbers = ((found - step.center) / step.spread)[:, None]
    return scaled


def decode(preprocessing: Preprocessing, outputs: ArrayLike) -> list[dict[str, Any]]:
    """Outputs (N, K) as answers: {"label", "probabilities"} for classes, {"value"} for numbers."""
    found = np.asarray(outputs, np.float64)
    target = preprocessing.target
    if target.classes is None:
        return [_number(row) for row in found.reshape(len(found), -1) * target.spread + target.center]
    probabilities = _PROBABILITIES[preprocessing.loss](found.reshape(len(found), -1))
    return [_class(row, target.classes) for row in probabilities]


def _number(row: Numbers) -> dict[str, Any]:
    values = [spell_one(value) for value in row.tolist()]
    return {"value": values[0] if len(values) == 1 else values}


def _class(probabilities: Numbers, classes: Sequence[Value]) -> dict[str, Any]:
    sound = bool(np.isfinite(probabilities).all())
    return {
        "label": classes[int(probabilities.argmax())] if sound else None,
        "probabilities": {word(value): spell_one(p) for value, p in zip(classes, probabilities.tolist(), strict=True)},
    }


def word(value: Value) -> str:
    """A class as the key of a JSON object."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _softmax(logits: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _of_positive(positive: Numbers) -> Numbers:
    return np.concatenate([1 - positive, positive], axis=1)


def _sigmoid(logits: Numbers) -> Numbers:
    powers = np.exp(-np.abs(logits))  # never overflows
    found: Numbers = np.where(logits >= 0, 1 / (1 + powers), powers / (1 + powers))
    return found


_PROBABILITIES: dict[str, Callable[[Numbers], Numbers]] = {
    "cross_entropy": _softmax,
    "nll_loss": np.exp,
    "binary_cross_entropy": _of_positive,
    "binary_cross_entropy_with_logits": lambda logits: _of_positive(_sigmoid(logits)),
}


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value in _MISSING_WORDS


def _reader(step: Step) -> Callable[[Any], float]:
    match step.type:
        case "integer" | "float":
            return _read_number
        case "boolean":
            return _read_truth
        case "timestamp":
            return read_time
    codes = {value: float(i) for i, value in enumerate(step.values or ())}
    for value, code in list(codes.items()):  # spaces around a word, which some files have, mean nothing
        if isinstance(value, str):
            codes.setdefault(value.strip(), code)
    return lambda value: _read_code(codes, step, value)


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
    """Seconds since the epoch, of a number of them or of an ISO 8601 string; without a zone it is UTC."""
    if isinstance(value, int | float):
        return _read_number(value)
    moment = value if isinstance(value, datetime) else None
    if moment is None and isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001, the zone follows
    if moment is None:
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise ValueError("a date is expected, as 2026-03-31 or 2026-03-31T12:00") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _read_code(codes: Mapping[Value, float], step: Step, value: Any) -> float:
    code = next((codes[one] for one in (value, str(value), str(value).strip()) if one in codes), UNKNOWN)
    if code == UNKNOWN and not step.one_hot:
        known = ", ".join(map(str, list(codes)[:10]))
        raise ValueError(f"an unknown value; the training knew {known}{', …' if len(codes) > 10 else ''}")
    return code


def _problem(row: int, step: Step, message: str, received: Any) -> Problem:
    return Problem(loc=["rows", row, step.name], msg=message, received=received)
