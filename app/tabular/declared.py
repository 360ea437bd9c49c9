"""Columns whose type the sender of a file says: which cells fit it. One that does not is set aside with its row."""

import re
from collections.abc import Callable, Mapping
from typing import Literal

from app.spellings import is_missing, is_truth, time_of

SaidType = Literal["integer", "float", "boolean", "timestamp", "category", "text"]
Fits = Callable[[str], bool]

_LEAST, _MOST = -(2**63), 2**63 - 1  # that an integer of a table may be
_IN_WORDS = {
    "integer": "no whole number",
    "float": "no number",
    "boolean": "neither true nor false",
    "timestamp": "no time",
}


class Declared:
    """The cells of columns whose type is said, held against it."""

    def __init__(self, types: Mapping[str, str], columns: list[str], decimal: str, thousands: str) -> None:
        self._fits = _ways_to_fit(decimal, thousands)
        # Words fit wherever words are said to stand.
        self.places = {i: types[name] for i, name in enumerate(columns) if types.get(name) in self._fits}
        self._columns = columns

    def misfit(self, place: int, cell: str) -> str | None:
        """Why a cell of the column at `place` does not fit; None where it does, or is missing."""
        kind = self.places[place]
        if is_missing(cell) or self._fits[kind](cell):
            return None
        return f"{self._columns[place]} is {_IN_WORDS[kind]}: {cell[:50]!r}"


def _ways_to_fit(decimal: str, thousands: str) -> dict[str, Fits]:
    parted = rf"|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+" if thousands else ""
    digits, mark = rf"(?:[0-9]+{parted})", re.escape(decimal)
    integer = re.compile(rf" *([+-]?{digits}) *")
    number = re.compile(
        rf" *[+-]?(?:{digits}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:e[+-]?[0-9]+)? *| *[+-]?inf(?:inity)? *", re.IGNORECASE
    )

    def is_integer(cell: str) -> bool:
        found = integer.fullmatch(cell)
        if found is None:
            return False
        plain = found[1].replace(thousands, "") if thousands else found[1]
        return len(plain) <= 4_000 and _LEAST <= int(plain) <= _MOST

    return {
        "integer": is_integer,
        "float": lambda cell: number.fullmatch(cell) is not None,
        "boolean": is_truth,
        "timestamp": lambda cell: time_of(cell) is not None,
    }
