"""Runs side by side, over REST."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.dependencies import Reading
from app.errors import Unprocessable
from app.runs import compare
from app.runs.axes import Unit
from app.runs.compare import MAX_NAMES, Comparison, RunCurves
from app.specs.base import Problem

router = APIRouter(prefix="/compare", tags=["compare"])

Ids = Annotated[str | None, Query(description="the ids of runs, with commas between them")]
Filter = Annotated[str | None, Query(description="as the list of runs takes it")]


class CurvesOut(BaseModel):
    """The curves of some runs, in the order asked for."""

    runs: list[RunCurves]


@router.get("")
def compare_runs(session: Reading, ids: Ids = None, filter: Filter = None) -> Comparison:
    """Runs side by side: the settings that differ, and what came of them. At most 200, named or by a filter."""
    if ids is not None:
        runs, missing = compare.find_runs(session, _split(ids))
        return compare.compare(session, runs, missing=missing, num_matching=len(runs))
    if filter is None:
        raise _unsaid()
    runs, num_matching = compare.matching_runs(session, filter)
    return compare.compare(session, runs, missing=[], num_matching=num_matching)


@router.get("/curves")
def curves(
    session: Reading,
    ids: Annotated[str, Query(description="the ids of runs, with commas between them")],
    name: Annotated[list[str], Query(min_length=1, max_length=MAX_NAMES)],
    max_points: Annotated[int, Query(ge=1, le=2000)] = 300,
    from_step: Annotated[int, Query(ge=0)] = 0,
    to_step: Annotated[int | None, Query(ge=0)] = None,
    x: Annotated[Unit, Query(description="the unit of `x` in each series: relative is in seconds")] = "step",
) -> CurvesOut:
    """Series of many runs in one answer, as `GET /runs/{id}/metrics` gives them; a run without one has none here."""
    runs, _ = compare.find_runs(session, _split(ids))
    found = compare.read_curves(
        session,
        [run.id for run in runs],
        name,
        max_points=max_points,
        from_step=from_step,
        to_step=to_step,
        unit=x,
    )
    return CurvesOut(runs=found)


def _split(ids: str) -> list[str]:
    return [one for one in ids.split(",") if one]


def _unsaid() -> Unprocessable:
    message = "say which runs to compare: ids or filter"
    return Unprocessable(message, errors=[Problem(loc=["query", "ids"], msg=message, received=None)])
