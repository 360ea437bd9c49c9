"""When what waits is likely to start, from how long what runs has left and how long each will likely take. Pure.

The queue is played through: each waiting job in its order takes the slot that is free first. Where nothing is known of
a job's length, its slot is free at no known time; a start that hangs on it is not guessed.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNKNOWN = float("inf")


@dataclass(frozen=True)
class Slots:
    """When a worker's slots are free, in seconds from now: 0 for one that is free, None where nobody knows.

    `light` is the one that it has besides for jobs that are soon done; none where that is taken.
    """

    free_in_s: Sequence[float | None]
    light_in_s: float | None = 0.0


@dataclass(frozen=True)
class Waiting:
    """A job that waits: how long it will take, if that is known, and what must end first."""

    job_id: str
    duration_s: float | None = None
    after_id: str | None = None
    is_light: bool = False


def starts(
    workers: Sequence[Slots], waiting: Sequence[Waiting], ends: Mapping[str, float | None]
) -> list[float | None]:
    """In how many seconds each of `waiting`, in its order, is likely to start; None where that is not known.

    `ends`: in how many seconds running jobs end, by id.
    """
    heavy = [_known(time_s) for worker in workers for time_s in worker.free_in_s]
    light = [_known(worker.light_in_s) for worker in workers]
    heapq.heapify(heavy)
    heapq.heapify(light)
    ends_in_s = {job_id: _known(time_s) for job_id, time_s in ends.items()}
    found = []
    for job in waiting:
        ready_s = ends_in_s.get(job.after_id, UNKNOWN) if job.after_id else 0.0
        start_s = _take(light if job.is_light and _is_sooner(light, heavy) else heavy, ready_s, job.duration_s)
        ends_in_s[job.job_id] = start_s + _known(job.duration_s)
        found.append(None if start_s == UNKNOWN else start_s)
    return found


def _take(slots: list[float], ready_s: float, duration_s: float | None) -> float:
    """The start of a job in the slot that is free first, which is then taken for as long as the job lasts."""
    if not slots:
        return UNKNOWN
    if ready_s == UNKNOWN:
        return UNKNOWN  # it holds no slot until its turn comes, whenever that is
    start_s = max(slots[0], ready_s)
    heapq.heapreplace(slots, start_s + _known(duration_s))
    return start_s


def _is_sooner(light: list[float], heavy: list[float]) -> bool:
    return bool(light) and (not heavy or light[0] < heavy[0])


def _known(time_s: float | None) -> float:
    return UNKNOWN if time_s is None else max(0.0, time_s)
