"""A run's curves over REST: to draw, along any axis, and to take away."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from app import curves, ghosts
from app.db.tables import Job
from app.dependencies import AppDatabase, Reading
from app.errors import NotFound, Unprocessable
from app.runs import axes, export, histograms, service
from app.runs.histograms import Histograms
from app.runs.schemas import SeriesSummary
from app.specs.base import Problem
from app.stretches import Pass

router = APIRouter(prefix="/runs", tags=["runs"])
MAX_BUCKETS = 200_000  # of one answer: many series get fewer each
_MAX_TOLD = 50  # names in a refusal


@router.get("/{run_id}/metrics", response_model=None)
def metrics(
    run_id: str,
    request: Request,
    session: Reading,
    database: AppDatabase,
    name: Annotated[list[str] | None, Query(description="a series; again for a further one")] = None,
    x: Annotated[axes.Axis, Query(description="the axis; time is in seconds since 1970, relative since the start")] = (
        "step"
    ),
    start: Annotated[float | None, Query(alias="from", allow_inf_nan=False, description="on the axis")] = None,
    end: Annotated[float | None, Query(alias="to", allow_inf_nan=False, description="on the axis, included")] = None,
    from_step: Annotated[int, Query(ge=0, le=axes.MAX_STEP)] = 0,
    to_step: Annotated[int | None, Query(ge=0, le=axes.MAX_STEP)] = None,
    max_points: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    with_ghosts: Annotated[bool, Query(alias="ghosts", description="what rewinds superseded, too")] = False,
    format_: Annotated[Literal["json", "csv", "jsonl", "parquet"] | None, Query(alias="format")] = None,
) -> dict[str, Any] | Response:
    """Curves in a range, both ends included: buckets with first, last, min, max and mean, or raw points if few.

    Without `name`, the names with their summaries. As CSV, JSON lines or Parquet, every raw point.
    """
    run = service.find_run(session, run_id)
    job = session.get_one(Job, run.job_id)
    known = curves.list_series(session, [job.id])[job.id]
    _check_names(name or [], known)
    scale = _scale(session, job, x)
    from_step, to_step = _narrowed(scale, start, end, from_step, to_step)
    wanted = _format(request, format_)
    if wanted != "json":
        whole = Pass(session, job.id, from_step, to_step)
        per_epoch = axes.steps_per_epoch(job.progress or {})
        body = export.write(database, whole, set(name or known), per_epoch, wanted)
        headers = {"Content-Disposition": f'attachment; filename="{run_id}.{wanted}"'}
        return StreamingResponse(body, media_type=export.MEDIA_TYPES[wanted], headers=headers)
    if name is None:
        return {"series": {n: SeriesSummary(**summary).model_dump(mode="json") for n, summary in known.items()}}
    names = list(dict.fromkeys(name))
    max_points = max(1, min(max_points, MAX_BUCKETS // len(names)))
    found = []
    for one in names:
        read = curves.read_series(session, job.id, one, from_step=from_step, to_step=to_step, max_points=max_points)
        if read is not None:
            found.append(_placed(read, scale))
    answer: dict[str, Any] = {"series": found}
    if with_ghosts:
        branches = ghosts.read(session, job.id, names, from_step=from_step, to_step=to_step, max_points=max_points)
        answer["ghosts"] = [_ghost(one, scale, x) for one in branches]
    return answer


@router.get("/{run_id}/histograms")
def read_histograms(
    run_id: str,
    session: Reading,
    layer: Annotated[str | None, Query(description="a layer's name; the first that has any if none is said")] = None,
) -> Histograms:
    """A layer's weights, gradients and outputs over the steps, counted in bins that widen with the distance from 0."""
    found = histograms.read(session, service.find_run(session, run_id), layer)
    if layer is not None and layer not in found.layers:
        told = ", ".join(found.layers[:_MAX_TOLD]) or "none yet"
        message = f"no layer {layer!r} of this run has histograms; there are {told}"
        raise NotFound(message, errors=[Problem(loc=["layer"], msg=message, received=layer)])
    return found


def _check_names(asked: Sequence[str], known: Collection[str]) -> None:
    """Raises NotFound with the place of each name that the run has no series of."""
    told = ", ".join(sorted(known)[:_MAX_TOLD]) or "none yet"
    more = f" and {len(known) - _MAX_TOLD} more" if len(known) > _MAX_TOLD else ""
    unknown = [
        Problem(loc=["name", i], msg=f"the run has no series of this name; it has {told}{more}", received=one)
        for i, one in enumerate(asked)
        if one not in known
    ]
    if unknown:
        names = ", ".join(str(problem.received) for problem in unknown)
        raise NotFound(f"The run has no series {names}; it has {told}{more}.", errors=unknown)


def _scale(session: Session, job: Job, axis: axes.Axis) -> axes.Scale:
    scale = axes.read_scale(session, job, axis)
    if scale is None:
        why = "this run has no epochs" if axis == "epoch" else "this run has no points yet"
        raise Unprocessable(
            f"{why}: ask by step", errors=[Problem(loc=["x"], msg=f"{why}: ask by step", received=axis)]
        )
    return scale


def _narrowed(
    scale: axes.Scale, start: float | None, end: float | None, from_step: int, to_step: int | None
) -> tuple[int, int | None]:
    """The steps that lie in both ranges, the one on the axis and the one in steps."""
    first, last = scale.find_steps(start, end)
    lasts = [one for one in (last, to_step) if one is not None]
    return max(first, from_step), min(lasts, default=None)


def _format(request: Request, asked: str | None) -> Literal["json", "csv", "jsonl", "parquet"]:
    if asked is not None:
        return cast("Literal['json', 'csv', 'jsonl', 'parquet']", asked)
    accepted = request.headers.get("accept", "")
    return next((one for one, media_type in export.MEDIA_TYPES.items() if media_type in accepted), "json")


def _placed(read: curves.SeriesRead, scale: axes.Scale) -> dict[str, Any]:
    return read.as_json() | {"x": scale.place(read.buckets.last_step.tolist())}


def _ghost(ghost: ghosts.Ghost, scale: axes.Scale, axis: axes.Axis) -> dict[str, Any]:
    """A branch as clients read it. Its times are its own: the run came by its steps once more."""
    told = ghost.read.as_json() | {"seq": ghost.seq, "to_step": ghost.to_step, "is_whole": ghost.is_whole}
    if axis in ("time", "relative"):
        return told | {"x": [round(float(time), 6) for time in ghost.times - scale.zero]}
    return told | {"x": scale.place(ghost.read.buckets.last_step.tolist())}
