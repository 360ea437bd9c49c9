"""Predictions of a time series: rows come in their order, and each that ends a full window is answered.

The rows may come a batch at a time: of each series only so many are kept as the next window still sees.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.specs.base import Problem, SpecError
from app.transforms import Preprocessing, Windows, encode_rows, windows_of
from app.transforms.reading import is_missing, numbers
from app.transforms.steps import MAX_PROBLEMS, Numbers, problem

Rows = NDArray[np.int64]
Answer = dict[str, Any]


@dataclass
class _Series:
    """What is kept of a series: its last rows (T, F), when the newest of them was, and how many there have been."""

    rows: NDArray[Any]
    time: float = -np.inf
    num_rows: int = 0


class WindowReader:
    """Answers every full window of rows, at the row that ends it. `predict` takes inputs (N, length, F)."""

    def __init__(
        self, preprocessing: Preprocessing, window: Windows, predict: Callable[[NDArray[Any]], list[Answer]]
    ) -> None:
        self._how, self._window, self._predict = preprocessing, window, predict
        self._series: dict[str, _Series] = {}

    def answers(self, columns: Mapping[str, Sequence[Any]]) -> list[Answer | None]:
        """For each of the next N rows its prediction, or None. Raises SpecError with the place of each problem."""
        inputs = encode_rows(self._how, columns)
        times = self._times(columns)
        found: list[Answer | None] = [None] * len(inputs)
        for key, rows in self._apart(columns, len(inputs)).items():
            series = self._series.setdefault(key, _Series(inputs[:0]))
            if times is not None:
                self._keep_order(series, times, rows, columns)
            ends = rows[max(0, self._window.length - 1 - len(series.rows)) :]
            for row, answer in zip(ends.tolist(), self._predict(self._next(series, inputs[rows])), strict=True):
                name = self._window.series
                found[row] = answer if name is None else {"series": columns[name][row], **answer}
        return found

    def finish(self) -> None:
        """No more rows come. Raises SpecError where no series has had enough of them."""
        most = max((series.num_rows for series in self._series.values()), default=0)
        if most < self._window.length:
            of_one = f" of one {self._window.series!r}" if self._window.series else ""
            message = f"a prediction takes {self._window.length} rows{of_one}, one after the other; there are {most}"
            raise SpecError([Problem(loc=["rows"], msg=message, received=most)])

    def _next(self, series: _Series, inputs: NDArray[Any]) -> NDArray[Any]:
        """The windows that end with these rows (n, F), and what the next ones will see is kept."""
        rows = np.concatenate([series.rows, inputs])
        kept = min(len(rows), self._window.length - 1)
        series.rows = rows[len(rows) - kept :].copy()
        series.num_rows += len(inputs)
        return windows_of(rows, self._window.length)

    def _apart(self, columns: Mapping[str, Sequence[Any]], num_rows: int) -> dict[str, Rows]:
        """The places of the rows of each series."""
        name = self._window.series
        if name is None:
            return {"": np.arange(num_rows)}
        values = columns.get(name, [None] * num_rows)
        nameless = [i for i, value in enumerate(values) if is_missing(value)]
        if nameless:
            message = f"windows keep to one {name!r}: say of each row which it belongs to"
            raise SpecError([problem(i, name, message, None) for i in nameless[:MAX_PROBLEMS]])
        places: dict[str, list[int]] = {}
        for i, value in enumerate(values):
            places.setdefault(str(value), []).append(i)
        return {key: np.array(rows) for key, rows in places.items()}

    def _times(self, columns: Mapping[str, Sequence[Any]]) -> Numbers | None:
        """When each row was (N,), where it is said; in order they must be in any case."""
        time = self._window.time
        if time is None or time.name not in columns:
            return None
        if all(is_missing(value) for value in columns[time.name]):
            return None
        found = numbers(time, columns[time.name])
        missing = np.flatnonzero(np.isnan(found))[:MAX_PROBLEMS]
        if len(missing):
            raise SpecError([problem(int(i), time.name, "the value is missing", None) for i in missing])
        return found

    def _keep_order(self, series: _Series, times: Numbers, rows: Rows, columns: Mapping[str, Sequence[Any]]) -> None:
        assert self._window.time is not None
        name = self._window.time.name
        in_turn = np.concatenate([[series.time], times[rows]])
        early = rows[np.flatnonzero(np.diff(in_turn) < 0)]
        if len(early):
            message = f"this row is earlier than the one before it: rows come in the order of {name!r}"
            raise SpecError([problem(int(i), name, message, columns[name][i]) for i in early[:MAX_PROBLEMS]])
        series.time = float(in_turn[-1])
