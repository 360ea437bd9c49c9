"""Runs that a script reports, over REST."""

from fastapi import APIRouter, Response

from app.dependencies import AppSettings, Writing
from app.reports import service
from app.reports.schemas import FinishIn, PointsIn, Receipt, ReportedIn
from app.runs import service as runs
from app.runs.schemas import RunOut

router = APIRouter(prefix="/runs", tags=["reported runs"])


@router.post("/reported", status_code=201)
def begin(said: ReportedIn, session: Writing, settings: AppSettings, response: Response) -> RunOut:
    """Begin a run that a script of your own does and reports, or, by its id, go on with one."""
    run = service.begin(session, said, lease_s=settings.report_lease_s)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return runs.summaries(session, [run.id])[0]


@router.post("/{run_id}/points")
def points(run_id: str, said: PointsIn, session: Writing, settings: AppSettings) -> Receipt:
    """Take a batch of points, log lines and progress, once however often it comes; empty, it is a sign of life."""
    return service.take(session, run_id, said, lease_s=settings.report_lease_s)


@router.post("/{run_id}/finish")
def finish(run_id: str, said: FinishIn, session: Writing, settings: AppSettings) -> RunOut:
    """End a reported run. Said again, it changes nothing."""
    service.finish(session, run_id, said, lease_s=settings.report_lease_s)
    return runs.summaries(session, [run_id])[0]
