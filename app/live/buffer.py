"""What a process keeps in memory of what it follows: the end of a stream, and the present state of a list. Pure.

Readers hold a cursor, not a queue. A frame is everything after a cursor, as the text that goes over the wire; readers
whose cursors agree share it. A cursor that lies before what is kept gets None: the reader has to start again.
"""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.columns import spell_one
from app.events import METRICS, Event

CAPACITY = 5_000  # points; an event of another kind counts as one
CAPACITY_CHARACTERS = 4 << 20


def to_json(value: Any) -> str:
    """The JSON of the wire, with what JSON has no word for spelled "NaN", "Infinity" and "-Infinity"."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_spelled(value), separators=(",", ":"), allow_nan=False)


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return spell_one(value) if isinstance(value, float) else value


@dataclass(frozen=True)
class Entry:
    """An event, ready to be sent. `cost` is its number of points."""

    seq: int
    cost: int
    text: str

    @classmethod
    def of(cls, event: Event) -> "Entry":
        """An event as it is kept."""
        cost = sum(len(series["steps"]) for series in event.body["series"]) if event.kind == METRICS else 0
        return cls(event.seq, max(1, cost), to_json(event.as_json()))


class Buffer:
    """The newest events of one stream: all of those after `floor`, up to `last_seq`, whose numbers have no holes."""

    def __init__(
        self, stream: str, last_seq: int, *, capacity: int = CAPACITY, capacity_characters: int = CAPACITY_CHARACTERS
    ) -> None:
        self.stream = stream
        self.floor = self.last_seq = last_seq
        self._capacity = capacity
        self._capacity_characters = capacity_characters
        self._entries: list[Entry] = []
        self._cost = 0
        self._characters = 0
        self._frames: dict[int, str] = {}

    def append(self, entries: Sequence[Entry]) -> None:
        """Take in the next events, and let go of the oldest ones that no longer fit, or that lie before a hole."""
        for entry in entries:
            if entry.seq != self.last_seq + 1:
                self._restart(entry.seq - 1)
            self._entries.append(entry)
            self._count(entry, 1)
            self.last_seq = entry.seq
        self._frames.clear()
        self._trim()

    def prepend(self, entries: Sequence[Entry]) -> bool:
        """Take in the events right before the oldest, newest first. False when not all fit, or one is missing."""
        self._frames.clear()
        for entry in reversed(entries):
            if entry.seq != self.floor or not self._fits(entry):
                return False
            self._entries.insert(0, entry)
            self._count(entry, 1)
            self.floor -= 1
        return bool(entries)

    def frame(self, after: int) -> str | None:
        """The message that carries on from a cursor before `last_seq`; None when too much lies between."""
        if after < self.floor:
            return None
        frame = self._frames.get(after)
        if frame is None:
            events = ",".join(entry.text for entry in self._entries[after - self.floor :])
            head = f'{{"type":"events","stream":{to_json(self.stream)},"last_seq":{self.last_seq}'
            frame = self._frames[after] = f'{head},"events":[{events}]}}'
        return frame

    def _restart(self, last_seq: int) -> None:
        self.floor = self.last_seq = last_seq
        self._entries.clear()
        self._cost = self._characters = 0

    def _trim(self) -> None:
        num_dropped = 0
        while self._cost > self._capacity or self._characters > self._capacity_characters:
            self._count(self._entries[num_dropped], -1)
            num_dropped += 1
        del self._entries[:num_dropped]
        self.floor += num_dropped

    def _fits(self, entry: Entry) -> bool:
        return (
            self._cost + entry.cost <= self._capacity
            and self._characters + len(entry.text) <= self._capacity_characters
        )

    def _count(self, entry: Entry, sign: int) -> None:
        self._cost += sign * entry.cost
        self._characters += sign * len(entry.text)


class Board:
    """The present state of the items of a list, in the order in which they last changed.

    `version` grows with every change; a frame holds each item that changed after a version once, as it is now.
    """

    def __init__(self, kind: str, capacity: int = 1000) -> None:
        self.kind = kind
        self.version = 0
        self.floor = 0
        self._capacity = capacity
        self._items: OrderedDict[str, tuple[int, str]] = OrderedDict()
        self._frames: dict[int, str] = {}

    def put(self, items: Mapping[str, str]) -> None:
        """Note the new state, as JSON, of some items."""
        if not items:
            return
        self.version += 1
        for id_, item in items.items():
            self._items[id_] = (self.version, item)
            self._items.move_to_end(id_)
        while len(self._items) > self._capacity:
            _, (self.floor, _) = self._items.popitem(last=False)
        self._frames.clear()

    def forget(self) -> None:
        """More has changed than is worth keeping: every reader has to start again."""
        self._items.clear()
        self._frames.clear()
        self.version += 1
        self.floor = self.version

    def frame(self, after: int) -> str | None:
        """The message with what changed after a version; None when some of it is no longer kept."""
        if after < self.floor:
            return None
        frame = self._frames.get(after)
        if frame is None:
            items = ",".join(self._newer(after))
            frame = self._frames[after] = f'{{"type":{to_json(self.kind)},"items":[{items}]}}'
        return frame

    def _newer(self, after: int) -> Iterable[str]:
        """Newest change first: the order ends where the versions do."""
        for version, text in reversed(self._items.values()):
            if version <= after:
                return
            yield text
