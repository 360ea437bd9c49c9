"""The points of a run's curves as a file that is written while it is sent: CSV, JSON lines or Parquet.

The columns are series, step, value, time (seconds since the epoch) and epoch, which is empty where a run has none.
The rows come in pieces of the stream, in each of them series by series, so each series is in the order of its steps.
"""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from app.columns import Points, spell
from app.db import Database
from app.stretches import Pass

Format = Literal["csv", "jsonl", "parquet"]
COLUMNS = ("series", "step", "value", "time", "epoch")
MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
_ROWS_AT_ONCE = 20_000  # of text


@dataclass(frozen=True)
class Piece:
    """Some points of one series, with the epoch of each where the run has epochs."""

    points: Points
    steps_per_epoch: float | None

    def columns(self) -> tuple[list[int], list[float | str], list[float], list[float | None]]:
        """Steps, values with the non-finite spelled, times and epochs."""
        points = self.points
        assert points.times is not None
        epochs: list[float | None] = [None] * len(points.steps)
        if self.steps_per_epoch is not None:
            epochs = (points.steps / self.steps_per_epoch).round(6).tolist()
        return points.steps.tolist(), spell(points.values), points.times.tolist(), epochs

    def rows(self) -> Iterator[tuple[str, int, float | str, float, float | None]]:
        """A row a point, in the order of `COLUMNS`."""
        for step, value, time, epoch in zip(*self.columns(), strict=True):
            yield self.points.name, step, value, time, epoch

    def parts(self) -> Iterator["Piece"]:
        """The same in pieces that are small enough to be text in memory."""
        at = np.arange(len(self.points.steps)) // _ROWS_AT_ONCE
        for i in range(int(at[-1]) + 1):
            yield Piece(self.points.select(at == i), self.steps_per_epoch)


def write(
    database: Database, whole: Pass, names: Collection[str], steps_per_epoch: float | None, format_: Format
) -> Iterator[bytes]:
    """The bytes of the file, piece by piece."""
    writers: dict[Format, Callable[[Iterable[Piece]], Iterator[bytes]]] = {
        "csv": _as_csv,
        "jsonl": _as_json_lines,
        "parquet": _as_parquet,
    }
    return writers[format_](_pieces(database, whole, names, steps_per_epoch))


def _pieces(database: Database, whole: Pass, names: Collection[str], steps_per_epoch: float | None) -> Iterator[Piece]:
    after: int | None = 0
    while after is not None:
        with database.read() as session:  # not held while the piece travels: a slow reader holds up nobody
            found, after = whole.read(session, after, names)
        for points in found:
            yield Piece(points, steps_per_epoch)


def _as_csv(pieces: Iterable[Piece]) -> Iterator[bytes]:
    yield (",".join(COLUMNS) + "\r\n").encode()
    for part in (part for piece in pieces for part in piece.parts()):
        text = io.StringIO()
        csv.writer(text).writerows(part.rows())
        yield text.getvalue().encode()


def _as_json_lines(pieces: Iterable[Piece]) -> Iterator[bytes]:
    encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    for part in (part for piece in pieces for part in piece.parts()):
        lines = [encode(dict(zip(COLUMNS, row, strict=True))) for row in part.rows()]
        yield ("\n".join(lines) + "\n").encode()


def _as_parquet(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Row groups of a piece each; values that are not finite are themselves."""
    import pyarrow as pa  # takes a tenth of a second, and the server starts without
    import pyarrow.parquet as pq

    types = (pa.string(), pa.int64(), pa.float64(), pa.float64(), pa.float64())
    schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
    drain = _Drain()
    with pq.ParquetWriter(drain, schema) as writer:
        for piece in pieces:
            steps, _, times, epochs = piece.columns()
            names = [piece.points.name] * len(steps)
            columns: list[Any] = [names, steps, pa.array(piece.points.values, pa.float64()), times, epochs]
            writer.write_table(pa.table(dict(zip(COLUMNS, columns, strict=True)), schema=schema))
            yield drain.take()
    yield drain.take()


class _Drain(io.RawIOBase):
    """A file to write to whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def take(self) -> bytes:
        """What was written since it was last asked for."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
