"""Runs with their points, written into the database as a worker writes them, without training anything."""

from collections.abc import Mapping, Sequence
from typing import Any

from app import events, queue
from app.columns import Points
from app.db import Database, now
from app.db.tables import Dataset, Run, RunSetting
from app.ids import new_id

LAYERS: list[dict[str, Any]] = [{"type": "linear", "out_features": 8}, {"type": "relu"}]


def record(
    db: Database,
    name: str,
    series: Mapping[str, Sequence[float]],
    settings: Mapping[str, float | str] | None = None,
    *,
    layers: Sequence[dict[str, Any]] = LAYERS,
    tags: Sequence[str] = (),
    project: str = "",
    is_running: bool = False,
) -> str:
    """A run whose series have a point at every step from 1 on. Returns its id."""
    settings = settings or {}
    with db.write() as session:
        dataset = session.query(Dataset).first() or Dataset(name="d", status="ready", source={}, created_at=now())
        session.add(dataset)
        session.flush()
        run_id = new_id()
        claim = queue.hold(session, {"run_id": run_id}, lease_s=600)
        run = {"job_id": claim.job_id, "dataset_id": dataset.id, "tags": list(tags), "project": project}
        spec = {"model": {"name": "m", "layers": list(layers)}, "training": _nested(settings)}
        session.add(
            Run(
                id=run_id,
                name=name,
                spec=spec,
                inspection={},
                num_parameters=9,
                created_at=now(),
                origin="client",
                **run,
            )
        )
        session.flush()
        for key, value in settings.items():
            column = "text" if isinstance(value, str) else "number"
            session.add(RunSetting(run_id=run_id, key=key, **{column: value}))
    add_points(db, claim, series)
    if not is_running:
        with db.write() as session:
            queue.succeed(session, claim)
    return run_id


def add_points(db: Database, claim: queue.Claim, series: Mapping[str, Sequence[float]], first_step: int = 1) -> None:
    """Append points to the stream of a job that is held."""
    points = [Points.of(name, range(first_step, first_step + len(values)), values) for name, values in series.items()]
    with db.write() as session:
        fence = queue.fence(session, claim, lease_s=600, num_events=1)
        events.insert(session, claim.job_id, fence.last_seq, fence.time, [events.New("metrics", points=points)])


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """{"optimizer.lr": 0.1} -> {"optimizer": {"lr": 0.1}}"""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        *path, last = key.split(".")
        inner = found
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return found
