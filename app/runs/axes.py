"""Where the steps of a run stand along other axes: epochs, and the time since its start."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import columns, events
from app.db.tables import Event, Job

Unit = Literal["step", "epoch", "relative"]
Floats = NDArray[np.float64]
MAX_KNOTS = 400  # events of a run that are looked at for their times


def place(session: Session, job: Job, unit: Unit, steps: Sequence[int]) -> list[float] | None:
    """Where steps (N,) stand: in steps, in epochs, or in seconds since the start; None when that is not known."""
    at = np.asarray(steps, np.float64)
    if unit == "epoch":
        per_epoch = _steps_per_epoch(job.progress or {})
        found = None if per_epoch is None else at / per_epoch
    elif unit == "relative":
        found = _seconds(session, job, at)
    else:
        found = at
    return None if found is None else [float(x) for x in found.round(6)]


def _steps_per_epoch(progress: dict[str, Any]) -> float | None:
    num_steps, num_epochs = progress.get("num_steps"), progress.get("num_epochs")
    return num_steps / num_epochs if num_steps and num_epochs else None


def _seconds(session: Session, job: Job, steps: Floats) -> Floats | None:
    """Straight between the times of some events, evenly chosen, however many there are."""
    knots = _knots(session, job)
    if not knots:
        return None
    start = knots[0][1] if job.started_at is None else min(job.started_at, knots[0][1])
    known, times = np.array([(0.0, start), *knots]).T
    found: Floats = np.interp(steps, known, times) - start
    return found


def _knots(session: Session, job: Job) -> list[tuple[float, float]]:
    """(step, time) of events, both ascending, without what a rewind superseded."""
    seqs = np.unique(np.linspace(1, max(1, job.last_seq), MAX_KNOTS).astype(int)).tolist()
    wanted = (Event.seq.in_(seqs) & (Event.kind == events.METRICS)) | (Event.kind == events.REWIND)
    query = select(Event.kind, Event.time, Event.body).where(Event.job_id == job.id, wanted).order_by(Event.seq)
    knots: list[tuple[float, float]] = []
    for kind, time, body in session.execute(query):
        if kind == events.REWIND:
            last = json.loads(body)["to_step"]
            knots = [knot for knot in knots if knot[0] <= last]
            continue
        for points in columns.decode(body):
            if len(points.steps):
                told = time if points.times is None else float(points.times[-1])
                _add(knots, float(points.steps[-1]), told)
    return knots


def _add(knots: list[tuple[float, float]], step: float, time: float) -> None:
    if not knots or (step > knots[-1][0] and time >= knots[-1][1]):
        knots.append((step, time))
