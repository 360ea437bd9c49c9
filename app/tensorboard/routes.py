"""TensorBoard's event files over REST."""

import tempfile
from functools import partial
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import StreamingResponse

from app import curves, idempotency
from app.db.tables import Job
from app.dependencies import AppDatabase, AppSettings, Reading
from app.runs import service as runs
from app.runs.schemas import Tag
from app.tensorboard import service
from app.tensorboard.schemas import ImportOut

router = APIRouter(tags=["tensorboard"])
_IN_MEMORY_BYTES = 8 << 20
_PIECE_BYTES = 1 << 18


@router.post("/import/tensorboard", status_code=201)
def import_files(
    files: Annotated[list[UploadFile], File(description="event files, or zip archives of folders of them")],
    request: Request,
    database: AppDatabase,
    settings: AppSettings,
    project: Annotated[str, Form(max_length=200)] = "",
    tags: Annotated[list[Tag] | None, Form()] = None,
) -> ImportOut:
    """Take event files in: each folder becomes a run, with its scalars, their times, texts and hyperparameters."""
    named = [(file.filename or f"file {i + 1}", file.file) for i, file in enumerate(files)]
    found = service.read(named, settings.max_upload_bytes)
    service.remove_unfinished(database)
    last = partial(idempotency.writing, request, database)
    return ImportOut(runs=service.store(database, found, project=project, tags=tags or [], last=last))


@router.get("/runs/{run_id}/tensorboard")
def export(run_id: str, session: Reading, database: AppDatabase) -> StreamingResponse:
    """Every point of every curve, as a zip with an event file that TensorBoard reads."""
    run = runs.find_run(session, run_id)
    known = curves.list_series(session, [run.job_id])[run.job_id]
    started_at = session.get_one(Job, run.job_id).started_at or run.created_at
    target = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115, closed when it is sent
    service.export(database, run.job_id, list(known), started_at, target)  # type: ignore[arg-type]
    size = target.tell()
    target.seek(0)

    def pieces() -> object:
        with target:
            while piece := target.read(_PIECE_BYTES):
                yield piece

    headers = {"Content-Disposition": f'attachment; filename="{run_id}-tensorboard.zip"', "Content-Length": str(size)}
    return StreamingResponse(pieces(), media_type="application/zip", headers=headers)  # type: ignore[arg-type]
