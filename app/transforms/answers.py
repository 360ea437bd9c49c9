"""A model's outputs, read as answers: a class with its probabilities, or a number in its own unit."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.columns import spell_one
from app.specs.columns import Value

Numbers = NDArray[np.float64]


class Target(BaseModel):
    """What the model answers: one of `classes`, or a number that was moved and scaled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    classes: list[Value] | None = None
    center: float = 0.0
    spread: float = 1.0


def answers(outputs: Numbers, target: Target, loss: str) -> list[dict[str, Any]]:
    """Outputs (N, K) as {"label", "probabilities"} for classes, {"value"} for numbers; `loss` decides how they read."""
    if target.classes is None:
        return [_number(row) for row in outputs * target.spread + target.center]
    return [_class(row, target.classes) for row in _PROBABILITIES[loss](outputs)]


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
