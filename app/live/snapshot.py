"""A stream in brief, for a reader who has fallen too far behind to be told everything: from roll-ups, not events."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app import curves, events
from app.db import Database
from app.db.tables import Job
from app.errors import NotFound
from app.events import Event
from app.live.buffer import to_json

MAX_POINTS = 1_000  # of one series
MAX_POINTS_IN_ALL = 20_000
MAX_CHARACTERS = 1 << 20  # of the events in it: log lines may be long
LATEST = {
    **{"log": 200, "finding": 100, "checkpoint": 20, "status": 20},
    **{"control": 100, "evaluation": 1, "preflight": 1, "artifact": 20, "system": 20},
}
MAX_REWINDS = 20
_COLUMNS = (
    *("steps", "values", "first", "min", "max", "mean", "num", "num_points", "raw"),
    *("num_nan", "num_pos_inf", "num_neg_inf"),
)


def read_snapshot(db: Database, job_id: str) -> tuple[int, str]:
    """The number of the event up to which it holds, and the message. Raises NotFound."""
    with db.read() as session:
        _see_one_moment(session)
        job = session.get(Job, job_id)
        if job is None:
            raise NotFound(f"There is no stream {job_id}.")
        rewinds = events.latest(session, job_id, [events.REWIND], limit=100)
        snapshot = {
            "status": job.status,
            "progress": job.progress,
            "attempt": job.attempt,
            "error": job.error,
            "series": _series(session, job_id),
            "events": [event.as_json() for event in _latest(session, job_id, rewinds)],
            "rewinds": [{"seq": one.seq, "to_step": one.body["to_step"]} for one in rewinds[-MAX_REWINDS:]],
        }
        last_seq = job.last_seq
    return last_seq, to_json({"type": "reset", "stream": job_id, "last_seq": last_seq, "snapshot": snapshot})


def _see_one_moment(session: Session) -> None:
    """All that follows must be of the moment of `last_seq`, or points would come twice. SQLite does so anyhow."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def _series(session: Session, job_id: str) -> dict[str, Any]:
    names = curves.list_series(session, [job_id])[job_id]
    num_layered = sum(name.startswith(curves.LAYERS) for name in names)
    most = {True: max(20, _share(num_layered) // 10), False: max(50, _share(len(names) - num_layered))}
    found = (
        curves.read_series(session, job_id, name, max_points=most[name.startswith(curves.LAYERS)]) for name in names
    )
    return {one.name: _columns(one.as_json()) for one in found if one is not None}


def _share(num_series: int) -> int:
    return min(MAX_POINTS, MAX_POINTS_IN_ALL // max(1, num_series))


def _columns(series: dict[str, Any]) -> dict[str, Any]:
    return {name: series[name] for name in _COLUMNS}


def _latest(session: Session, job_id: str, rewinds: Sequence[Event]) -> list[Event]:
    """The newest events of the kinds that a page shows, oldest first, without what a rewind took back."""
    found = [event for kind, limit in LATEST.items() for event in events.latest(session, job_id, [kind], limit)]
    found = sorted(_standing(found, rewinds), key=lambda event: event.seq)
    sizes = accumulate(len(to_json(event.body)) for event in reversed(found))
    return found[len(found) - sum(size <= MAX_CHARACTERS for size in sizes) :]


def _standing(found: Sequence[Event], rewinds: Sequence[Event]) -> list[Event]:
    def stands(event: Event) -> bool:
        step = event.body.get("found_at") or event.body.get("step")
        undone = (r for r in rewinds if r.seq > event.seq and step is not None and step > r.body["to_step"])
        return event.kind == "log" or next(undone, None) is None

    return [event for event in found if stands(event)]
