"""What was logged, call by call, becomes batches as the server takes them: columns, and words for what is no number."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from traindeck.say import warn_once

POINTS_A_BATCH = 20_000
SERIES_A_BATCH = 2_000
LINES_A_BATCH = 1_000
CHARACTERS_A_LINE = 20_000
_NAME_LENGTH = 200
LEVELS = ("debug", "info", "warning", "error")
_FORBIDDEN = str.maketrans(dict.fromkeys("\"'`<>\\&", "_"))


class Logged(NamedTuple):
    """One call of `log`."""

    step: int
    time: float
    values: dict[str, float]


class Line(NamedTuple):
    """One call of `log_text`."""

    text: str
    level: str


class Batch:
    """Points by series, and lines, up to what one request carries."""

    def __init__(self) -> None:
        self.num_points = 0
        self._series: dict[str, dict[str, list[Any]]] = {}  # by name as logged, and below as recorded
        self._cleaned: dict[str, dict[str, list[Any]]] = {}
        self._lines: list[dict[str, str]] = []

    def add(self, entry: Logged | Line) -> None:
        """Count a call in."""
        if isinstance(entry, Line):
            self._add_line(entry)
            return
        at = round(entry.time, 3)
        for name, value in entry.values.items():
            columns = self._series.get(name) or self._new(name)
            columns["steps"].append(entry.step)
            columns["values"].append(value if math.isfinite(value) else spell(value))
            columns["times"].append(at)
        self.num_points += len(entry.values)

    def _new(self, name: str) -> dict[str, list[Any]]:
        """The columns of a series; names that are recorded as the same are the same series."""
        self._series[name] = self._cleaned.setdefault(clean(str(name)), {"steps": [], "values": [], "times": []})
        return self._series[name]

    def _add_line(self, line: Line) -> None:
        for start in range(0, max(1, len(line.text)), CHARACTERS_A_LINE):
            self._lines.append({"text": line.text[start : start + CHARACTERS_A_LINE], "level": line.level})

    def is_full(self) -> bool:
        """Whether it is enough for one request."""
        return (
            self.num_points >= POINTS_A_BATCH
            or len(self._lines) >= LINES_A_BATCH
            or len(self._series) >= SERIES_A_BATCH
        )

    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self._series and not self._lines

    def body(self) -> dict[str, Any]:
        """What the server is sent, less number and writer."""
        return {"series": [{"name": name, **columns} for name, columns in self._cleaned.items()], "log": self._lines}


def batches(entries: Iterator[Logged | Line]) -> Iterator[dict[str, Any]]:
    """The bodies of as many requests as it takes."""
    batch = Batch()
    for entry in entries:
        for part in _parts(entry):
            batch.add(part)
            if batch.is_full():
                yield batch.body()
                batch = Batch()
    if not batch.is_empty():
        yield batch.body()


def _parts(entry: Logged | Line) -> Iterator[Logged | Line]:
    """A call of very many values, in pieces that fit."""
    if isinstance(entry, Line) or len(entry.values) <= SERIES_A_BATCH:
        yield entry
        return
    items = list(entry.values.items())
    for start in range(0, len(items), SERIES_A_BATCH):
        yield Logged(entry.step, entry.time, dict(items[start : start + SERIES_A_BATCH]))


def spell(value: float) -> str:
    """The word for a value that JSON has no number for."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def clean(name: str) -> str:
    """A name of a series as the server takes it."""
    kept = "".join(c if c.isprintable() else "_" for c in name.translate(_FORBIDDEN))[:_NAME_LENGTH].strip(" /")
    if kept != name:
        warn_once(f"the series {name!r} is recorded as {kept or 'unnamed'!r}", f"name {name}")
    return kept or "unnamed"
