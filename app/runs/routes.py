"""Runs over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import ValidationError

from app import events
from app.dependencies import AppDatabase, AppSettings, AppStorage, Reading, Writing
from app.errors import NotFound, Unprocessable
from app.runs import batch, service
from app.runs.code import code_of, script_of
from app.runs.log import read_log
from app.runs.schemas import (
    ArtifactOut,
    CheckOut,
    CheckpointOut,
    CloneIn,
    Freed,
    LogOut,
    RunDetail,
    RunOut,
    RunPatch,
)
from app.specs.base import problems
from app.specs.run import RunSpec

router = APIRouter(prefix="/runs", tags=["runs"])


@router.post("", status_code=201)
def create(spec: RunSpec, session: Writing, response: Response) -> RunOut:
    """Queue a run: its dataset and model are ids, or written inline."""
    run = service.create_run(session, spec)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return service.summaries(session, [run.id])[0]


@router.post("/check")
def check(body: dict[str, Any], session: Reading) -> CheckOut:
    """Say whether a run would be taken, and what the model makes of the data. Stores nothing."""
    try:
        spec = RunSpec.model_validate(body)
        checked, _ = service.check_run(session, spec)
    except ValidationError as error:
        found = problems(error)
    except Unprocessable as error:
        found = error.errors
    else:
        return CheckOut(
            ok=True,
            errors=[],
            inspection=checked.inspection.model_dump(mode="json"),
            input_shape=list(checked.input_shape),
            input_shapes=checked.inspection.inputs,
            output_shape=list(checked.output_shape),
            memory=checked.memory,
            rates=spec.training.rates(checked.num_rows["train"]) if checked.num_rows else [],
            num_rows=checked.num_rows,
            warnings=[problem.model_dump(mode="json") for problem in checked.warnings],
        )
    known = service.known_of(session, body)
    return CheckOut(
        ok=False,
        errors=[problem.model_dump(mode="json") for problem in found],
        inspection=None,
        **known,
        num_rows=None,
    )


@router.get("/{run_id}")
def get(run_id: str, session: Reading) -> RunDetail:
    """Everything that is known of a run."""
    return service.get_run(session, run_id)


@router.patch("/{run_id}")
def change(run_id: str, patch: RunPatch, session: Writing) -> RunOut:
    """Change a run's name, tags, project, notes, star, or whether it is archived."""
    service.change_run(session, run_id, patch)
    return service.summaries(session, [run_id])[0]


@router.delete("/{run_id}")
def delete(run_id: str, database: AppDatabase, storage: AppStorage) -> Freed:
    """Remove a run that has ended, its curves and its files, and say how much disk that gave back."""
    return Freed(freed_bytes=batch.delete_whole(database, storage, run_id))


@router.post("/{run_id}/cancel", status_code=202)
def cancel(run_id: str, session: Writing) -> RunOut:
    """Ask a run to stop: a waiting one ends at once, a running one once it has saved its state."""
    service.cancel_run(session, run_id)
    return service.summaries(session, [run_id])[0]


@router.post("/{run_id}/clone", status_code=201)
def clone(run_id: str, session: Writing, response: Response, body: CloneIn | None = None) -> RunOut:
    """Queue the same specification again, or with a patch merged into it; what does not hold is told by its place."""
    run = service.clone_run(session, run_id, body.patch if body else {})
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return service.summaries(session, [run.id])[0]


@router.get("/{run_id}/events")
def stream(
    run_id: str,
    session: Reading,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> dict[str, Any]:
    """The run's stream itself, after a number: what the websocket sends."""
    job_id = service.find_run(session, run_id).job_id
    found = events.read(session, job_id, after=after, limit=limit)
    return {"stream": job_id, "events": [event.as_json() for event in found]}


@router.get("/{run_id}/logs")
def logs(
    run_id: str,
    session: Reading,
    before: int | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    contains: Annotated[str, Query(max_length=200)] = "",
) -> LogOut:
    """The newest log lines, oldest first; with `before`, those before that event; of all, those that contain a text."""
    return read_log(session, service.find_run(session, run_id).job_id, limit, before, contains)


@router.get("/{run_id}/checkpoints")
def checkpoints(run_id: str, session: Reading) -> dict[str, list[CheckpointOut]]:
    """The states that are kept."""
    return {"items": service.list_checkpoints(session, service.find_run(session, run_id).job_id)}


@router.get("/{run_id}/evaluation")
def evaluation(run_id: str, session: Reading) -> dict[str, Any]:
    """How good the model is, on each part of the data."""
    found = service.find_run(session, run_id).evaluation
    if found is None:
        raise NotFound("This run has no evaluation yet: it follows the training.")
    return found


@router.get("/{run_id}/code", response_class=PlainTextResponse)
def code(run_id: str, session: Reading) -> PlainTextResponse:
    """The run's model as a PyTorch module that needs Traindeck no more, and loads the run's weights."""
    return _python(code_of(session, run_id), "model.py")


@router.get("/{run_id}/script", response_class=PlainTextResponse)
def script(run_id: str, session: Reading, request: Request, settings: AppSettings) -> PlainTextResponse:
    """The run as a script that trains it again without Traindeck, and has the same losses."""
    return _python(script_of(session, run_id, f"{request.base_url}api/v1", settings), "train.py")


def _python(text: str, name: str) -> PlainTextResponse:
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text, media_type="text/x-python", headers=attached)


@router.get("/{run_id}/artifacts")
def artifacts(run_id: str, session: Reading) -> dict[str, list[ArtifactOut]]:
    """The files that the run left."""
    return {"items": service.list_artifacts(session, service.find_run(session, run_id).id)}


@router.get("/{run_id}/artifacts/{name}")
def artifact(run_id: str, name: str, session: Reading, storage: AppStorage) -> FileResponse:
    """A file that the run left, as a download."""
    row = service.find_artifact(session, run_id, name)
    return FileResponse(
        storage.resolve(row.path), media_type=row.media_type, filename=row.name, headers={"ETag": f'"{row.sha256}"'}
    )
