"""What the doctor says: findings with figures, rows to look at, and a change that would mend it."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.specs.data import DataSpec

Severity = Literal["error", "warning", "info"]

MAX_ROWS_SHOWN = 20
MAX_COLUMNS_SHOWN = 50


class Fix(BaseModel):
    """A change to the run that mends what was found."""

    label: str = Field(description="what it does, as the words of a button")
    patch: dict[str, Any] = Field(description="a JSON merge patch (RFC 7396) to the body of POST /runs")


class Finding(BaseModel):
    """Something worth knowing about the data before a run."""

    kind: str
    severity: Severity
    title: str
    explanation: str
    evidence: dict[str, Any] = Field(description="the figures that it rests on")
    columns: list[str] = []
    rows: list[int] = Field(default=[], description="up to 20 rows to look at, counted from 0 as `offset` counts")
    fix: Fix | None = None


def without(data: DataSpec, features: Sequence[str], names: Sequence[str]) -> Fix | None:
    """The features without some columns; None where none would be left, or where they make a shape together."""
    gone = frozenset(names)
    left = [name for name in features if name not in gone]
    target = data.first_target
    if data.window is not None and data.window.sees_target and target in (data.features or [target]):
        left.append(target)
    if not left or data.input_shape is not None:
        return None
    label = f"Leave out {names[0]}" if len(names) == 1 else f"Leave out these {len(names)} columns"
    return Fix(label=label, patch={"data": {"features": left}})


def with_steps(names: Sequence[str], label: str, **steps: Any) -> Fix:
    """Some columns made ready in another way."""
    return Fix(label=label, patch={"data": {"columns": {name: dict(steps) for name in names}}})


def with_split(data: DataSpec, label: str, **split: Any) -> Fix:
    """Another split; what the present one says and the other does not know goes."""
    kept = {"type", "train", "validation", "test"}
    gone = {name: None for name in type(data.split).model_fields if name not in kept}
    return Fix(label=label, patch={"data": {"split": gone | split}})


def named(names: Sequence[str], most: int = 3) -> str:
    """Some columns by name, and how many more."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def and_more(count: int) -> str:
    """How many more columns there are of which the same is true; nothing where there are none."""
    return "" if not count else f", and {count:,} more {'column is' if count == 1 else 'columns are'} like that"


def share(part: float) -> str:
    """A share as people say it: never 0% of something, nor 100% of what is not all."""
    if 0 < part < 0.001:
        return "less than 0.1%"
    if 0.999 < part < 1:
        return "more than 99.9%"
    return f"{part:.1%}".replace(".0%", "%")


def figure(value: float) -> float:
    """A figure with as many digits as anyone reads."""
    return float(f"{value:.4g}")
