"""A run under way over REST."""

from typing import Annotated

from fastapi import APIRouter, Body

from app import queue
from app.dependencies import Reading, Writing
from app.runs import control, service
from app.runs.schemas import ControlOut, RunOut
from app.specs.controls import AnyControl

router = APIRouter(prefix="/runs", tags=["runs"])

_EXAMPLES = {
    "checkpoint": {"summary": "save the state now", "value": {"type": "checkpoint"}},
    "stop": {"summary": "end it here, and keep the best epoch's weights", "value": {"type": "stop", "keep": "best"}},
    "set_lr": {"summary": "another learning rate", "value": {"type": "set_lr", "lr": 0.0003}},
    "profile": {"summary": "what ran when in the next steps", "value": {"type": "profile", "num_steps": 10}},
    "set_num_epochs": {"summary": "more epochs, or fewer", "value": {"type": "set_num_epochs", "num_epochs": 40}},
}


@router.post("/{run_id}/pause", status_code=202)
def pause(run_id: str, session: Writing) -> RunOut:
    """Let go of a run until it is resumed: a waiting one at once, a running one once it has saved its state."""
    control.pause_run(session, run_id)
    return service.summaries(session, [run_id])[0]


@router.post("/{run_id}/resume", status_code=202)
def resume(run_id: str, session: Writing) -> RunOut:
    """Queue a paused run again, at its old place; one that failed or was cancelled goes on from its checkpoint."""
    control.resume_run(session, run_id)
    return service.summaries(session, [run_id])[0]


@router.get("/{run_id}/controls")
def controls(run_id: str, session: Reading) -> dict[str, list[ControlOut]]:
    """What was asked of a run while it trained, each with the step after which it was done."""
    rows = queue.list_controls(session, service.find_run(session, run_id).job_id)
    return {"items": [ControlOut.of(row) for row in rows]}


@router.post("/{run_id}/controls", status_code=202)
def ask(run_id: str, said: Annotated[AnyControl, Body(openapi_examples=_EXAMPLES)], session: Writing) -> ControlOut:
    """Ask something of a run while it trains: it is done between two steps, and shows on its curves."""
    return control.control_run(session, run_id, said)
