"""Runs side by side: what was set differently, what came of it, and their curves in one answer.

What it says of a run is what lists say of it; the settings go by the names that lists filter by (`app.runs.flatten`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import curves
from app.db.tables import Job, Run
from app.errors import Unprocessable
from app.runs import axes, service
from app.runs.filter import parse
from app.runs.flatten import Setting, flatten
from app.runs.schemas import RunOut
from app.runs.search import condition
from app.specs.base import Problem

MAX_RUNS = 200
MAX_NAMES = 8  # series that one request for curves may name
MAX_BUCKETS = 200_000  # of all curves of one answer together
_LOWER_IS_BETTER = ("loss", "mae", "mse", "rmse", "error", "perplexity")
_HIGHER_IS_BETTER = ("accuracy", "precision", "recall", "f1", "r2", "auc")
_READINGS = ("system/", "time/")  # of the machine: no figure that a run came to
_TOLD_OTHERWISE = ("model.name", "model.layers")

Value = bool | float | str | None
Goal = Literal["min", "max"] | None


class SettingRow(BaseModel):
    """A setting on which the runs do not agree, with a value for each run in their order; null where it has none."""

    key: str
    values: list[Value]


class ResultRow(BaseModel):
    """A figure that runs came to. `train/loss` is the last value of a series, `train/loss.min` its lowest."""

    key: str
    goal: Goal = Field(description="whether a lower or a higher value is better, where either is")
    values: list[float | str | None]


class SharedSeries(BaseModel):
    """A series, and how many of the runs have it."""

    name: str
    num_runs: int


class Comparison(BaseModel):
    """Runs side by side."""

    runs: list[RunOut]
    missing: list[str] = Field(description="the ids asked for that no run has")
    num_matching: int = Field(description="how many runs match the filter; the newest 200 of them are compared")
    settings: list[SettingRow]
    layers: list[SettingRow] = Field(description="the layers that differ, each in a line")
    results: list[ResultRow]
    series: list[SharedSeries] = Field(description="every series that a run has, the commonest first")


class RunCurves(BaseModel):
    """The curves of one run. A client that follows its stream from `last_seq` on misses nothing."""

    run_id: str
    job_id: str
    last_seq: int
    series: list[dict[str, Any]]


def compare(session: Session, runs: Sequence[RunOut], *, missing: Sequence[str], num_matching: int) -> Comparison:
    """What tells some runs apart."""
    ids = [run.id for run in runs]
    found = {row.id: row.spec for row in session.execute(select(Run.id, Run.spec).where(Run.id.in_(ids)))}
    specs = {run_id: found.get(run_id, {}) for run_id in ids}
    return Comparison(
        runs=list(runs),
        missing=list(missing),
        num_matching=num_matching,
        settings=_settings(specs, runs),
        layers=_layers(specs, ids),
        results=_results(runs),
        series=_series(runs),
    )


def find_runs(session: Session, ids: Sequence[str]) -> tuple[list[RunOut], list[str]]:
    """The runs of these ids in the order asked for, and the ids that no run has. Raises Unprocessable beyond 200."""
    asked = list(dict.fromkeys(ids))
    if len(asked) > MAX_RUNS:
        message = f"at most {MAX_RUNS} runs are compared at a time; {len(asked)} were asked for"
        raise Unprocessable(message, errors=[Problem(loc=["query", "ids"], msg=message, received=len(asked))])
    found = {run.id: run for run in service.summaries(session, asked)}
    return [found[one] for one in asked if one in found], [one for one in asked if one not in found]


def matching_runs(session: Session, text: str) -> tuple[list[RunOut], int]:
    """The newest 200 runs that a filter holds for, and how many it holds for. Raises FilterError with the place."""
    holds = condition(session, parse(text), text)
    ids = session.scalars(select(Run.id).where(holds).order_by(Run.id.desc()).limit(MAX_RUNS)).all()
    num_matching = len(ids)
    if num_matching == MAX_RUNS:
        num_matching = session.scalar(select(func.count()).select_from(Run).where(holds)) or 0
    return service.summaries(session, ids), num_matching


def read_curves(
    session: Session,
    run_ids: Sequence[str],
    names: Sequence[str],
    *,
    max_points: int,
    from_step: int = 0,
    to_step: int | None = None,
    unit: axes.Unit = "step",
) -> list[RunCurves]:
    """The series of these names of each run that has one, each in at most `max_points` buckets.

    With many curves each gets fewer, so that an answer has a bounded size. `x` of a series says where its buckets end
    in `unit`; a series of a run for which that is not known is left out.
    """
    query = select(Run.id, Job).join(Job, Run.job_id == Job.id).where(Run.id.in_(list(run_ids)))
    # Read before the points: what comes between the two is told twice rather than not at all.
    jobs = {row.id: row.Job for row in session.execute(query)}
    max_points = max(1, min(max_points, MAX_BUCKETS // max(1, len(jobs) * len(names))))
    found = []
    for run_id in (one for one in dict.fromkeys(run_ids) if one in jobs):
        job = jobs[run_id]
        last_seq = job.last_seq
        reads = [
            curves.read_series(session, job.id, name, from_step=from_step, to_step=to_step, max_points=max_points)
            for name in names
        ]
        scale = axes.read_scale(session, job, unit)
        series = [_placed(read.as_json(), scale) for read in reads if read is not None and scale is not None]
        found.append(RunCurves(run_id=run_id, job_id=job.id, last_seq=last_seq, series=series))
    return found


def _placed(series: dict[str, Any], scale: axes.Scale) -> dict[str, Any]:
    return series | {"x": scale.place(series["steps"])}


def goal_of(name: str) -> Goal:
    """Whether a lower or a higher value of a series is better; None when neither is, as for a learning rate."""
    part, _, metric = name.rpartition("/")
    if part in ("optimizer", "system", "time"):
        return None
    words = metric.split("_")
    if words[-1] in _LOWER_IS_BETTER:
        return "min"
    return "max" if any(word in _HIGHER_IS_BETTER for word in words) else None


def _settings(specs: Mapping[str, dict[str, Any]], runs: Sequence[RunOut]) -> list[SettingRow]:
    by_key: dict[str, dict[str, Value]] = {
        "dataset": {run.id: run.dataset.name for run in runs if run.dataset},
        "model": {run.id: run.model.name for run in runs if run.model},
        "num_parameters": {run.id: run.num_parameters for run in runs},
    }
    for run_id, spec in specs.items():
        for key, value in flatten(spec).items():
            if key not in _TOLD_OTHERWISE:
                by_key.setdefault(key, {})[run_id] = _value(value)
    return _differing(by_key, [run.id for run in runs])


def _value(value: Setting) -> Value:
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
    return value if isinstance(value, bool | str) else str(value)


def _layers(specs: Mapping[str, dict[str, Any]], run_ids: Sequence[str]) -> list[SettingRow]:
    """Layer by layer, in words."""
    by_key: dict[str, dict[str, Value]] = {}
    for run_id, spec in specs.items():
        model = spec.get("model")
        layers = model.get("layers") if isinstance(model, dict) else None
        for i, layer in enumerate(layers if isinstance(layers, list) else ()):
            by_key.setdefault(f"layer {i}", {})[run_id] = _in_words(layer)
        for name, block in (model.get("blocks") or {}).items() if isinstance(model, dict) else ():
            for i, layer in enumerate(block.get("layers") or ()):
                by_key.setdefault(f"block {name}, layer {i}", {})[run_id] = _in_words(layer)
    return _differing(by_key, run_ids)


def _in_words(layer: Any) -> str:
    """{"type": "conv2d", "out_channels": 6, "bias": true} -> "conv2d out_channels=6 bias=true" """
    if not isinstance(layer, dict):
        return _word(layer)
    told = [f"{key}={_word(value)}" for key, value in layer.items() if key != "type" and value not in (None, [], {})]
    return " ".join([str(layer.get("type", "")), *told]).strip()


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "×".join(_word(one) for one in value)
    if isinstance(value, dict):
        return f"({_in_words(value)})"
    return str(value)


def _differing(by_key: dict[str, dict[str, Value]], run_ids: Sequence[str]) -> list[SettingRow]:
    rows = [SettingRow(key=key, values=[found.get(one) for one in run_ids]) for key, found in by_key.items()]
    return [row for row in rows if len({(type(value), value) for value in row.values}) > 1]


def _results(runs: Sequence[RunOut]) -> list[ResultRow]:
    names = sorted({name for run in runs for name in run.metrics if not name.startswith(_READINGS)}, key=_by_part)
    rows = [row for name in names for row in _figures(name, runs)]
    if any(run.duration_s is not None for run in runs):
        rows.append(ResultRow(key="duration_s", goal="min", values=[run.duration_s for run in runs]))
    return rows


def _figures(name: str, runs: Sequence[RunOut]) -> Iterable[ResultRow]:
    """The last value of a series and its best; only the last where it is a single value, as a test's."""
    goal = goal_of(name)
    found = [run.metrics.get(name) for run in runs]
    yield ResultRow(key=name, goal=goal, values=[one and one.last for one in found])
    if goal and any(one and one.num_points > 1 for one in found):
        best = [one and (one.min if goal == "min" else one.max) for one in found]
        yield ResultRow(key=f"{name}.{goal}", goal=goal, values=best)


def _by_part(name: str) -> tuple[int, str]:
    """The test first, for it is what counts; then validation, then training, then the rest."""
    parts = ("test", "validation", "train")
    part = name.partition("/")[0]
    return (parts.index(part) if part in parts else len(parts), name)


def _series(runs: Sequence[RunOut]) -> list[SharedSeries]:
    counts: dict[str, int] = {}
    for run in runs:
        for name in run.metrics:
            counts[name] = counts.get(name, 0) + 1
    return [
        SharedSeries(name=name, num_runs=n) for name, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
