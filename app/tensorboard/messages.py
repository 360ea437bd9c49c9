"""The messages of an event file of which Traindeck keeps something, and those that it writes.

Numbers of fields are those of TensorFlow's and TensorBoard's own definitions:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto, …/framework/summary.proto,
…/framework/tensor.proto; https://github.com/tensorflow/tensorboard/blob/master/tensorboard/plugins/hparams/plugin_data.proto
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.tensorboard import wire

SESSION_START = 1
HPARAMS_TAG = "_hparams_/session_start_info"
_DOUBLE = 2
_STRING = 7
# TensorProto's types: numpy's name for its bytes, and the field that holds its values where they are listed instead.
_TYPES: dict[int, tuple[str, int]] = {1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 9: ("<i8", 10), 19: ("<f2", 13)}
_PACKED = frozenset({5, 6})  # of those fields, the ones whose values are of fixed width


@dataclass(frozen=True)
class Event:
    """One entry of an event file. `wall_time` is in seconds since the epoch."""

    wall_time: float = 0.0
    step: int = 0
    scalars: list[tuple[str, float]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    is_restart: bool = False  # what an earlier attempt wrote at this step or later no longer counts


def read_event(data: bytes) -> Event:
    """The event of a record. Raises wire.Malformed."""
    wall_time, step, is_restart = 0.0, 0, False
    summaries: list[bytes] = []
    for number, value in wire.fields(data):
        if number == 1:
            wall_time = _float(value)
        elif number == 2:
            step = wire.signed(_int(value))
        elif number == 5:
            summaries.append(_bytes(value))
        elif number == 7:
            is_restart = any(n == 1 and v == SESSION_START for n, v in wire.fields(_bytes(value)))
    event = Event(wall_time, step, is_restart=is_restart)
    for summary in summaries:
        for number, value in wire.fields(summary):
            if number == 1:
                _read_value(_bytes(value), event)
    return event


def version_event(wall_time: float) -> bytes:
    """The record that begins every event file."""
    return wire.field(1, wall_time) + wire.field(3, "brain.Event:2")


def scalar_event(wall_time: float, step: int, tag: bytes, value: float, *, is_short: bool) -> bytes:
    """One point. `is_short`: as the float of four bytes that every reader knows; else as a tensor, of eight."""
    if is_short:
        content = wire.field(1, tag) + wire.field32(2, struct.pack("<f", value))
    else:
        tensor = wire.field(1, _DOUBLE) + wire.field(2, b"") + wire.field(4, struct.pack("<d", value))
        content = wire.field(1, tag) + wire.field(8, tensor) + wire.field(9, _SCALARS_PLUGIN)
    return wire.field(1, wall_time) + wire.field(2, step) + wire.field(5, wire.field(1, content))


# SummaryMetadata: {plugin_data: {plugin_name: "scalars"}, data_class: DATA_CLASS_SCALAR}
_SCALARS_PLUGIN = wire.field(1, wire.field(1, "scalars")) + wire.field(4, 1)


def _read_value(data: bytes, event: Event) -> None:
    """A value of a summary, counted in where it is a scalar, a text or a set of settings."""
    found: dict[int, wire.Value] = dict(wire.fields(data))
    tag = _bytes(found.get(1, b"")).decode(errors="replace")
    if 2 in found:
        event.scalars.append((tag, struct.unpack("<f", _bytes(found[2]))[0]))
    elif tag == HPARAMS_TAG:
        event.settings.update(_settings(_bytes(found.get(9, b""))))
    elif 8 in found:
        plugin = _plugin(_bytes(found.get(9, b"")))
        tensor = _read_tensor(_bytes(found[8]))
        if isinstance(tensor, str):
            event.texts.append((tag, tensor))
        elif tensor is not None and plugin in ("scalars", ""):
            event.scalars.append((tag, tensor))


def _plugin(metadata: bytes) -> str:
    content = _bytes(_first(metadata, 1) or b"")
    return _bytes(_first(content, 1) or b"").decode(errors="replace")


def _read_tensor(data: bytes) -> float | str | None:
    """A tensor's only value, or its only text; None where it has several, or is of another type."""
    kind, shape, content = 0, b"", b""
    listed: dict[int, list[wire.Value]] = {}
    for number, value in wire.fields(data):
        if number == 1:
            kind = _int(value)
        elif number == 2:
            shape = _bytes(value)
        elif number == 4:
            content = _bytes(value)
        else:
            listed.setdefault(number, []).append(value)
    if kind == _STRING:
        texts = listed.get(8, [])
        return _bytes(texts[0]).decode(errors="replace") if len(texts) == 1 else None
    if kind not in _TYPES or _num_elements(shape) != 1:
        return None
    name, number = _TYPES[kind]
    values = np.frombuffer(content, name) if content else _listed(listed.get(number, []), number, name)
    return float(values[0]) if len(values) == 1 else None


def _listed(values: list[wire.Value], number: int, name: str) -> np.ndarray[Any, Any]:
    """Values of a tensor that are listed rather than laid out: packed, or each a field."""
    if number in _PACKED:
        return np.frombuffer(b"".join(_bytes(value) for value in values), name)
    whole = [one for value in values for one in ([value] if isinstance(value, int) else wire.varints(value))]
    if name == "<f2":
        return np.array([one & 0xFFFF for one in whole], "<u2").view("<f2")
    return np.array([wire.signed(one) for one in whole], name)


def _num_elements(shape: bytes) -> int:
    sizes = [wire.signed(_int(_first(_bytes(dim), 1) or 0)) for number, dim in wire.fields(shape) if number == 2]
    return int(np.prod(sizes)) if sizes else 1


def _settings(metadata: bytes) -> dict[str, Any]:
    """What `add_hparams` noted: {name: number, text or truth}."""
    content = _bytes(_first(_bytes(_first(metadata, 1) or b""), 2) or b"")  # plugin_data.content
    started = _bytes(_first(content, 3) or b"")  # HParamsPluginData.session_start_info
    found: dict[str, Any] = {}
    for number, entry in wire.fields(started):
        if number == 1:
            pair = dict(wire.fields(_bytes(entry)))
            name = _bytes(pair.get(1, b"")).decode(errors="replace")
            found[name] = _plain(_bytes(pair.get(2, b"")))
    return found


def _plain(data: bytes) -> Any:
    """A google.protobuf.Value that is a number, a text or a truth; None for any other."""
    kinds: dict[int, Callable[[wire.Value], Any]] = {
        2: _float,
        3: lambda value: _bytes(value).decode(errors="replace"),
        4: bool,
    }
    for number, value in wire.fields(data):
        if number in kinds:
            return kinds[number](value)
    return None


def _first(data: bytes, wanted: int) -> wire.Value | None:
    found: Iterator[wire.Value] = (value for number, value in wire.fields(data) if number == wanted)
    return next(found, None)


def _bytes(value: wire.Value) -> bytes:
    if isinstance(value, int):
        raise wire.Malformed("a number where a message should be")
    return value


def _int(value: wire.Value) -> int:
    if not isinstance(value, int):
        raise wire.Malformed("a message where a number should be")
    return value


def _float(value: wire.Value) -> float:
    data = _bytes(value)
    if len(data) != 8:
        raise wire.Malformed("a number of the wrong size")
    number: float = struct.unpack("<d", data)[0]
    return number
