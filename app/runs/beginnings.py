"""Whether what a run is to begin with is there."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Artifact, Run
from app.specs.base import Problem
from app.specs.run import RunSpec

_WEIGHTS = "model.safetensors"


def beginning_problems(session: Session, spec: RunSpec) -> Iterator[Problem]:
    """What is named that is not there, each at its place."""
    start = spec.training.start_from
    if start is None:
        return
    message = None
    if session.scalar(select(Run.id).where(Run.id == start.run_id)) is None:
        message = "there is no run with this id"
    elif session.scalar(select(Artifact.id).where(Artifact.run_id == start.run_id, Artifact.name == _WEIGHTS)) is None:
        message = "this run has left no weights: only one that has ended well has"
    if message:
        yield Problem(loc=["training", "start_from", "run_id"], msg=message, received=start.run_id)
