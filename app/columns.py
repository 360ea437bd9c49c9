"""Points as columns: the form in which batches of them are stored, and how non-finite values are spelled.

A batch is a JSON header and raw little-endian columns. Steps that follow one another evenly take no space, and values
that a float32 holds exactly take four bytes, so a training step of three series costs about twelve.
"""

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Steps = NDArray[np.int64]
Values = NDArray[np.float64]
Times = NDArray[np.float64]
_LARGEST_POINT = 24  # bytes: a step, a value and a time, none of them shortened


@dataclass(frozen=True, eq=False)
class Points:
    """Points of one series: `steps` (N,) ascending, `values` (N,), which may be NaN or infinite.

    `times` (N,), in seconds since the epoch, are kept where they are told, as by a script that reports or an imported
    file. Elsewhere the time of the event says when.
    """

    name: str
    steps: Steps
    values: Values
    times: Times | None = None

    @classmethod
    def of(cls, name: str, steps: ArrayLike, values: ArrayLike, times: ArrayLike | None = None) -> "Points":
        """Points from anything that numpy reads. Raises ValueError when the lengths differ."""
        points = cls(
            name,
            np.asarray(steps, np.int64).ravel(),
            np.asarray(values, np.float64).ravel(),
            None if times is None else np.asarray(times, np.float64).ravel(),
        )
        for what, column in (("values", points.values), ("times", points.times)):
            if column is not None and len(points.steps) != len(column):
                raise ValueError(f"{name}: {len(points.steps)} steps, but {len(column)} {what}")
        return points

    def select(self, mask: NDArray[np.bool_]) -> "Points":
        """The points where `mask` (N,) holds."""
        times = None if self.times is None else self.times[mask]
        return Points(self.name, self.steps[mask], self.values[mask], times)

    def timed(self, time: float) -> "Points":
        """The same with times: its own, or the one that is told for all of them."""
        return self if self.times is not None else replace(self, times=np.full(len(self.steps), time))

    def as_json(self) -> dict[str, Any]:
        """The form that clients read."""
        return {"name": self.name, "steps": self.steps.tolist(), "values": spell(self.values)}


def encode(batch: Iterable[Points]) -> bytes:
    """A batch of points as bytes. Series of the same times, as one call reports them, share that column."""
    header: list[dict[str, Any]] = []
    columns: list[bytes] = []
    timed: dict[bytes, int] = {}
    for points in batch:
        entry, parts = _encode_one(points)
        if points.times is not None:
            times = points.times.astype("<f8").tobytes()
            entry["times"] = timed.setdefault(times, len(header))
            parts += [times] if entry["times"] == len(header) else []
        header.append(entry)
        columns += parts
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(text)), text, *columns])


def _encode_one(points: Points) -> tuple[dict[str, Any], list[bytes]]:
    entry: dict[str, Any] = {"name": points.name, "n": len(points.steps)}
    parts: list[bytes] = []
    strides = np.diff(points.steps)
    if len(points.steps) and (not len(strides) or (strides == strides[0]).all()):
        entry |= {"start": int(points.steps[0]), "stride": int(strides[0]) if len(strides) else 1}
    else:
        parts.append(points.steps.astype("<i8").tobytes())
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        short = points.values.astype("<f4")
    exact = np.array_equal(short.astype(np.float64), points.values, equal_nan=True)
    entry["type"] = "<f4" if exact else "<f8"
    parts.append(short.tobytes() if exact else points.values.astype("<f8").tobytes())
    return entry, parts


def decode(data: bytes) -> list[Points]:
    """The batch that `encode` made."""
    (length,) = struct.unpack_from("<I", data)
    offset = 4 + length
    batch: list[Points] = []
    for entry in json.loads(data[4:offset]):
        count = entry["n"]
        if "start" in entry:
            steps = entry["start"] + entry["stride"] * np.arange(count, dtype=np.int64)
        else:
            steps = np.frombuffer(data, "<i8", count, offset).astype(np.int64)
            offset += 8 * count
        kind = np.dtype(entry["type"])
        values = np.frombuffer(data, kind, count, offset).astype(np.float64)
        offset += kind.itemsize * count
        times = None
        if (owner := entry.get("times")) is not None:
            times = np.frombuffer(data, "<f8", count, offset) if owner == len(batch) else batch[owner].times
            offset += 8 * count if owner == len(batch) else 0
        batch.append(Points(entry["name"], steps, values, times))
    return batch


def count(head: bytes, size: int) -> int:
    """How many points a batch of `size` bytes holds, from how it begins; at least how many, where its header is longer.

    So a batch can be left alone that is too large, without reading it.
    """
    (length,) = struct.unpack_from("<I", head)
    if len(head) >= 4 + length:
        return sum(entry["n"] for entry in json.loads(head[4 : 4 + length]))
    return (size - 4 - int(length)) // _LARGEST_POINT


def spell(values: Values) -> list[float | str]:
    """Values for JSON, which has no word for the non-finite: they become "NaN", "Infinity" and "-Infinity"."""
    listed: list[float | str] = values.tolist()
    for i in np.flatnonzero(~np.isfinite(values)):
        listed[i] = spell_one(float(values[i]))
    return listed


def spell_one(value: float) -> float | str:
    """One value for JSON."""
    if np.isfinite(value):
        return value
    return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def unspell(values: Sequence[float | str]) -> Values:
    """The inverse of `spell`: float() knows the three words."""
    return np.array([float(value) for value in values], np.float64)
