"""What was seen of layers on its way from the device to the event log: points of series, and histograms as events."""

import math
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import torch

from app import histograms
from worker.job import Job
from worker.train.layerstats import Figure, Look

# There are many series with few points: to write one costs about 0.4 ms, whether it has one point or twenty.
LEAVE_EVERY_S = 1.0
LEAVE_EVERY_S_OF_ONE = 0.04  # for each series


class Looks:
    """Collects looks, brings them to the CPU all at once, and hands them on."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._on_device: list[tuple[int, Look]] = []
        self._points: dict[str, tuple[list[int], list[float]]] = {}
        self._events: list[dict[str, Any]] = []
        self._leave_at = time.monotonic() + LEAVE_EVERY_S

    def add(self, step: int, look: Look) -> None:
        """Take in what was seen in a step."""
        self._on_device.append((step, look))

    def arrive(self) -> dict[int, dict[str, float]]:
        """Bring what was added to the CPU: the value of each series by step."""
        looks, self._on_device = self._on_device, []
        values = iter(torch.cat([look.values for _, look in looks]).tolist() if looks else ())
        counted = [one for _, look in looks for one in look.below]
        below = iter(torch.stack(counted).tolist() if counted else ())
        found: dict[int, dict[str, float]] = {}
        for step, look in looks:
            found[step] = series_of(zip(look.figures, values, strict=False))
            for name, value in found[step].items():
                steps, told = self._points.setdefault(name, ([], []))
                steps.append(step)
                told.append(value)
            if look.counted:
                self._events.append(_event(step, look, below))
        return found

    def leave(self, before: float, *, whole: bool) -> None:
        """Hand on what has arrived and lies before a step: about every second, or all of it now."""
        now = time.monotonic()
        if not self._points or (not whole and now < self._leave_at):
            return
        self._leave_at = now + max(LEAVE_EVERY_S, LEAVE_EVERY_S_OF_ONE * len(self._points))
        points, self._points = self._points, {}
        for name, (steps, values) in points.items():
            kept = [(step, value) for step, value in zip(steps, values, strict=True) if step <= before]
            if kept:
                self.job.metrics(name, *map(list, zip(*kept, strict=True)))
        events, self._events = self._events, []
        for body in events:
            if body["step"] <= before:
                self.job.event(histograms.EVENT, body)


def series_of(figures: Iterable[tuple[Figure, float]]) -> dict[str, float]:
    """The value of each series. Norms are those of whole layers, and what a step changes is told by the weights."""
    found: dict[tuple[str, str], float] = {}
    for (layer, what, over), value in figures:
        if what.endswith("_norm"):
            found[layer, what] = math.hypot(found.get((layer, what), 0.0), value)
        else:
            found[layer, what] = value / over
    for layer in [layer for layer, what in found if what == "update_norm"]:
        moved, length = found.pop((layer, "update_norm")), found[layer, "weight_norm"]
        if length != 0:
            found[layer, "update_ratio"] = moved / length
    return {f"layers/{layer}/{what}": value for (layer, what), value in found.items()}


def _event(step: int, look: Look, below: Iterator[list[int]]) -> dict[str, Any]:
    layers: dict[str, dict[str, Any]] = {}
    for ((layer, kind, _), num_numbers), edges in zip(look.counted, below, strict=False):
        num_finite = edges[-1] - edges[0]
        told = histograms.packed([after - before for before, after in pairwise(edges)])
        if num_finite < num_numbers:
            told["num_not_finite"] = num_numbers - num_finite
        layers.setdefault(layer, {})[kind] = told
    return {"step": step, "layers": layers}
