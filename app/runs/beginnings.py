"""Whether what a run is to begin with, or after, is there."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Artifact, Job, Run, WeightsFile
from app.queue import JobStatus
from app.specs.base import Problem
from app.specs.layers.backbone import Backbone, FileWeights
from app.specs.model import ModelSpec
from app.specs.run import RunSpec

WEIGHTS = "model.safetensors"  # what a run that has ended well leaves


def beginning_problems(session: Session, spec: RunSpec) -> Iterator[Problem]:
    """What is named that is not there, each at its place."""
    yield from _run_problems(session, spec)
    yield from _after_problems(session, spec)
    assert isinstance(spec.model, ModelSpec)
    for node in spec.model.graph.nodes:
        named = node.layer.weights if isinstance(node.layer, Backbone) else None
        if isinstance(named, FileWeights) and session.get(WeightsFile, named.id) is None:
            message = f"{node.place} ({node.layer.type}): there are no weights with this id; GET /weights lists them"
            yield Problem(loc=["model", *node.loc, "weights", "id"], msg=message, received=named.id)


def _run_problems(session: Session, spec: RunSpec) -> Iterator[Problem]:
    start = spec.training.start_from
    if start is None:
        return
    message = None
    if session.scalar(select(Run.id).where(Run.id == start.run_id)) is None:
        message = "there is no run with this id"
    elif start.run_id == spec.after:
        return  # it will have left them by then
    elif session.scalar(select(Artifact.id).where(Artifact.run_id == start.run_id, Artifact.name == WEIGHTS)) is None:
        message = "this run has left no weights: only one that has ended well has"
    if message:
        yield Problem(loc=["training", "start_from", "run_id"], msg=message, received=start.run_id)


def _after_problems(session: Session, spec: RunSpec) -> Iterator[Problem]:
    if spec.after is None:
        return
    status = session.scalar(select(Job.status).join(Run, Run.job_id == Job.id).where(Run.id == spec.after))
    message = None
    if status is None:
        message = "there is no run with this id"
    elif status in (JobStatus.FAILED, JobStatus.CANCELLED):
        message = f"this run has ended as {status}: what waits for it would never begin"
    if message:
        yield Problem(loc=["after"], msg=message, received=spec.after)
