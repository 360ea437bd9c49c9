"""Where the steps of a run stand along other axes: epochs, and the time since its start."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import columns, events
from app.db.tables import Event, Job

Unit = Literal["step", "epoch", "relative"]
Axis = Literal["step", "epoch", "time", "relative"]
Floats = NDArray[np.float64]
MAX_STEP = 1 << 62  # both databases take it, and a float tells it exactly
MAX_KNOTS = 400  # events of a run that are looked at for their times
_ROUNDED = 1e-6  # what `place` rounds away, so that a place that was told finds its step again


@dataclass(frozen=True)
class Scale:
    """Steps beside another axis: so many steps to one of it, or straight between knots (K,), ascending in both.

    `zero` is where the axis begins, in seconds since the epoch, for an axis of times.
    """

    steps_per_unit: float = 1.0
    knots: tuple[Floats, Floats] | None = None
    zero: float = 0.0

    def place(self, steps: Floats | Sequence[int]) -> list[float]:
        """Where steps (N,) stand on the axis."""
        at = np.asarray(steps, np.float64)
        found = at / self.steps_per_unit if self.knots is None else np.interp(at, *self.knots) - self.zero
        return [float(x) for x in found.round(6)]

    def find_steps(self, start: float | None, end: float | None) -> tuple[int, int | None]:
        """The first and the last step within a range of the axis; None where it has no end."""
        first = 0 if start is None else math.ceil(self._step(start - _ROUNDED))
        return max(0, first), None if end is None else math.floor(self._step(end + _ROUNDED))

    def _step(self, x: float) -> float:
        if self.knots is None:
            return max(-1.0, min(x * self.steps_per_unit, float(MAX_STEP)))
        steps, times = self.knots
        # Before the first knot lies no step, and after the last one every step that is still to come.
        return float(np.interp(x + self.zero, times, steps, left=-1.0, right=float(MAX_STEP)))


def read_scale(session: Session, job: Job, axis: Axis) -> Scale | None:
    """How a run's steps stand on an axis; None when that is not known."""
    if axis == "step":
        return Scale()
    if axis == "epoch":
        per_epoch = steps_per_epoch(job.progress or {})
        return None if per_epoch is None else Scale(per_epoch)
    knots = _knots(session, job)
    if not knots:
        return None
    start = knots[0][1] if job.started_at is None else min(job.started_at, knots[0][1])
    steps, times = np.array([(0.0, start), *knots]).T
    return Scale(knots=(steps, times), zero=start if axis == "relative" else 0.0)


def steps_per_epoch(progress: dict[str, Any]) -> float | None:
    """How many steps an epoch of a run takes; None while that is not known, and for runs that have no epochs."""
    num_steps, num_epochs = progress.get("num_steps"), progress.get("num_epochs")
    return num_steps / num_epochs if num_steps and num_epochs else None


def _knots(session: Session, job: Job) -> list[tuple[float, float]]:
    """(step, time) of events, both ascending, without what a rewind superseded."""
    seqs = np.unique(np.linspace(1, max(1, job.last_seq), MAX_KNOTS).astype(int)).tolist()
    last = select(func.max(Event.seq)).where(Event.job_id == job.id, Event.kind == events.METRICS)
    seqs += [seq for seq in (session.scalar(last),) if seq is not None]  # where the axis ends
    wanted = (Event.seq.in_(seqs) & (Event.kind == events.METRICS)) | (Event.kind == events.REWIND)
    query = select(Event.kind, Event.time, Event.body).where(Event.job_id == job.id, wanted).order_by(Event.seq)
    knots: list[tuple[float, float]] = []
    for kind, time, body in session.execute(query):
        if kind == events.REWIND:
            to_step = json.loads(body)["to_step"]
            knots = [knot for knot in knots if knot[0] <= to_step]
            continue
        for points in columns.decode(body):
            if len(points.steps):
                told = time if points.times is None else float(points.times[-1])
                _add(knots, float(points.steps[-1]), told)
    return knots


def _add(knots: list[tuple[float, float]], step: float, time: float) -> None:
    if not knots or (step > knots[-1][0] and time >= knots[-1][1]):
        knots.append((step, time))
