"""How columns and rows are named to people, where something does not fit."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.specs.columns import Column

Columns = Mapping[str, Column]


def no_column(name: str, columns: Columns) -> str:
    """That there is no such column, and which there are."""
    return f"there is no column {name!r}; there are {listed(columns)}"


def rows_in_words(count: int) -> str:
    """So many rows."""
    return "one row" if count == 1 else f"{count:,} rows"


def listed(names: Sequence[Any] | Mapping[str, Any]) -> str:
    """The first twelve, and how many more there are."""
    shown = [str(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
