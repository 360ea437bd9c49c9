"""The queue as a list that is followed: what runs, what waits and what is paused, each told whole when it changes.

Times that pass are no change: a page counts them down itself, and is told when they come out otherwise.
"""

import time
from collections.abc import Sequence

from app.counts import count_all
from app.db import Database
from app.live.buffer import to_json
from app.schedule import service
from app.schedule.schemas import QueueOut, RunningOut, WaitingOut

_SLACK_S = 2.0  # a time that is foreseen this much otherwise is worth telling
_SLACK = 0.1  # also as a share of how far off it is


class QueueList:
    """The queue. A page that follows it holds the newest of each part."""

    every_s = 0.5

    def __init__(self, db: Database, lease_s: float, beat_s: float) -> None:
        self._db = db
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._told: dict[str, tuple[str, list[float | None]]] = {}

    def changed(self) -> dict[str, str]:
        """The parts that are no longer what was told of them, as JSON by name."""
        with self._db.read() as session:
            queue = service.show(session, lease_s=self._lease_s, beat_s=self._beat_s)
        at = time.monotonic()
        return {
            name: text
            for name, text, state, times in (_running(queue), _waiting(queue), _paused(queue))
            if self._has_changed(name, state, [None if one is None else one + at for one in times])
        }

    def _has_changed(self, name: str, state: str, times: list[float | None]) -> bool:
        told = self._told.get(name)
        if told and told[0] == state and all(map(_is_near, told[1], times)):
            return False
        self._told[name] = (state, times)
        return True


_Part = tuple[str, str, str, Sequence[float | None]]  # name, JSON, what of it may not change untold, foreseen times


def _running(queue: QueueOut) -> _Part:
    passing = {"elapsed_s", "left_s", "heartbeat_age_s"}
    state = [one.model_dump(mode="json", exclude=passing) | {"share": _hundredths(one)} for one in queue.running]
    workers = [one.model_dump(mode="json") for one in queue.workers]
    passing = {"heartbeat_at", "heartbeat_age_s", "devices", "running"}  # told of workers alone
    lasting = [one.model_dump(mode="json", exclude=passing) for one in queue.workers]
    body = {
        "part": "running",
        "at": queue.at.isoformat(),
        "running": [one.model_dump(mode="json") for one in queue.running],
        "workers": workers,
    }
    return "running", to_json(body), to_json([state, lasting]), [one.left_s for one in queue.running]


def _hundredths(one: RunningOut) -> int | None:
    return None if one.share is None else int(one.share * 100)


def _waiting(queue: QueueOut) -> _Part:
    passing = {"likely_start_s", "waits_s"}
    state = [one.model_dump(mode="json", exclude=passing) | {"is_known": _is_known(one)} for one in queue.waiting]
    body = {
        "part": "waiting",
        "at": queue.at.isoformat(),
        "waiting": [one.model_dump(mode="json") for one in queue.waiting],
        "num_waiting": queue.num_waiting,
    }
    return "waiting", to_json(body), to_json([state, queue.num_waiting]), [one.likely_start_s for one in queue.waiting]


def _paused(queue: QueueOut) -> _Part:
    paused = [one.model_dump(mode="json") for one in queue.paused]
    body = {"part": "paused", "at": queue.at.isoformat(), "paused": paused}
    return "paused", to_json(body), to_json(paused), []


def _is_known(one: WaitingOut) -> bool:
    return one.likely_start_s is not None


def _is_near(told: float | None, found: float | None) -> bool:
    if told is None or found is None:
        return told is found
    return abs(told - found) <= max(_SLACK_S, _SLACK * (found - time.monotonic()))


class Counts:
    """How many there are of each thing, for the menu of every page: read once for all of them."""

    every_s = 1.0

    def __init__(self, db: Database, alive_within_s: float) -> None:
        self._db = db
        self._alive_within_s = alive_within_s
        self._told: dict[str, int] = {}

    def changed(self) -> dict[str, str]:
        """All counts, once one of them has changed."""
        with self._db.read() as session:
            counts = count_all(session, self._alive_within_s)
        if counts == self._told:
            return {}
        self._told = counts
        return {"counts": to_json(counts)}
