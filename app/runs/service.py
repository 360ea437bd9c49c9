"""Runs: submit, find, describe, change, remove. Plain functions on a session; the caller commits."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, aliased

from app import curves, events, queue
from app.datasets import service as datasets
from app.datasets import versions
from app.db import now
from app.db.tables import Artifact, Checkpoint, Dataset, Job, Model, Run, RunGroup, Worker
from app.errors import AppError, Conflict, NotFound, NotReady, Unprocessable
from app.ids import new_id
from app.queue import JobKind, JobStatus
from app.runs.beginnings import beginning_problems
from app.runs.labels import label, store_tags
from app.runs.notes import rendered
from app.runs.schemas import (
    ArtifactOut,
    CheckpointOut,
    ControlOut,
    DatasetRef,
    ExportState,
    GroupRef,
    Named,
    RunDetail,
    RunOut,
    RunPatch,
    WorkerRef,
)
from app.specs.answers import answer_of
from app.specs.base import Problem, SpecError, problems
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import fed_shape
from app.specs.mergepatch import merged
from app.specs.model import ModelSpec
from app.specs.run import Checked, RunSpec, check
from app.specs.sources import DatasetDefinition
from app.specs.traced import traced
from app.specs.training import TrainingSpec


def create_run(session: Session, spec: RunSpec, *, group_id: str | None = None) -> Run:
    """Check a specification against its dataset, freeze it, queue it. Nothing is stored when it does not hold.

    Raises Unprocessable with every problem, and NotReady while the dataset is still being read.
    """
    spec, model_id = resolve_model(session, spec)
    dataset = _dataset(session, spec)
    checked = _check(session, spec, dataset)
    run_id = new_id()
    job_id = queue.enqueue(
        session,
        JobKind.TRAIN,
        {"run_id": run_id},
        after=dataset.job_id if dataset.status == "ingesting" else None,
        then_after=find_run(session, spec.after).job_id if spec.after else None,
        max_crashes=spec.training.max_crashes,
    )
    frozen = spec.model_copy(update={"dataset": dataset.id})
    run = Run(
        id=run_id,
        name=spec.name,
        job_id=job_id,
        dataset_id=dataset.id,
        model_id=model_id,
        spec=frozen.model_dump(mode="json"),
        inspection=checked.inspection.model_dump(mode="json"),
        num_parameters=checked.inspection.num_parameters,
        group_id=group_id,
        tags=list(spec.tags),
        project=spec.project,
        created_at=now(),
    )
    session.add(run)
    session.flush()
    label(session, run)
    return run


def check_run(session: Session, spec: RunSpec) -> tuple[Checked, Dataset | None]:
    """Check a specification without storing anything. Raises Unprocessable with every problem."""
    spec, _ = resolve_model(session, spec)
    if isinstance(spec.dataset, str):
        dataset = _dataset(session, spec)
        return _check(session, spec, dataset), dataset
    known = datasets.describe(session, spec.dataset)
    return _checked(session, spec, known.columns, known.num_rows), None


def known_of(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Of a body that would not be taken: what is fed, what is asked, the shapes of layers, as far as they follow."""
    dataset = body.get("dataset")
    try:
        data = DataSpec.model_validate(body.get("data"))
        if isinstance(dataset, str):
            columns = datasets.columns_of(session, dataset)
        else:
            columns = datasets.describe(session, DatasetDefinition.model_validate(dataset)).columns
        fed = fed_shape(data, columns)
        asked = _asked(body, data, columns)
    except (ValidationError, SpecError, AppError):
        return {}
    shapes = {name: list(shape) for name, shape in fed.items()} if isinstance(fed, Mapping) else None
    return {
        "input_shape": None if isinstance(fed, Mapping) else list(fed),
        "input_shapes": shapes,
        "output_shape": asked,
        "layers": traced(body.get("model"), fed),
    }


def _asked(body: dict[str, Any], data: DataSpec, columns: Sequence[Column]) -> list[int | None] | None:
    training = TrainingSpec.model_validate(body.get("training"))
    if data.outputs is not None or training.loss is None:
        return None
    found = answer_of(data, training.loss.type, {column.name: column for column in columns})
    return list(found.output_shape) if found else None


def resolve_model(session: Session, spec: RunSpec) -> tuple[RunSpec, str | None]:
    """The specification with its model written out, and the model's id where it named one."""
    if isinstance(spec.model, ModelSpec):
        return spec, None
    row = session.get(Model, spec.model)
    if row is None:
        raise _problem(["model"], "there is no model with this id", spec.model)
    return spec.model_copy(update={"model": ModelSpec.model_validate(row.definition)}), row.id


def _dataset(session: Session, spec: RunSpec) -> Dataset:
    if not isinstance(spec.dataset, str):
        return datasets.ensure(session, spec.dataset)
    row = session.get(Dataset, spec.dataset)
    if row is None:
        raise _problem(["dataset"], "there is no dataset with this id", spec.dataset)
    return row


def _check(session: Session, spec: RunSpec, dataset: Dataset) -> Checked:
    datasets.refuse_failed(session, dataset)
    if dataset.columns is None or dataset.num_rows is None:
        raise NotReady(f"The dataset {dataset.name} is still being read; try again in a few seconds.")
    return _checked(session, spec, [Column.model_validate(column) for column in dataset.columns], dataset.num_rows)


def _checked(session: Session, spec: RunSpec, columns: Sequence[Column], num_rows: int) -> Checked:
    missing = list(beginning_problems(session, spec))
    try:
        checked = check(spec, list(columns), num_rows)
    except SpecError as error:
        raise Unprocessable.of(SpecError([*error.errors, *missing])) from error
    if missing:
        raise Unprocessable.of(SpecError(missing))
    return checked


def _problem(loc: list[str | int], message: str, received: Any) -> Unprocessable:
    return Unprocessable(message, errors=[Problem(loc=loc, msg=message, received=received)])


def find_run(session: Session, run_id: str) -> Run:
    """The run of that id. Raises NotFound."""
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    return run


def summaries(session: Session, run_ids: Sequence[str]) -> list[RunOut]:
    """The runs of these ids, newest first."""
    return _summaries(session, list(session.execute(_rows().where(Run.id.in_(run_ids)).order_by(Run.id.desc()))))


def list_projects(session: Session) -> list[str]:
    """The projects that runs belong to, by name."""
    query = select(Run.project).where(Run.project != "").distinct().order_by(Run.project)
    return list(session.scalars(query.limit(500)))


def get_run(session: Session, run_id: str) -> RunDetail:
    """A run with everything that is known of it. Raises NotFound."""
    run = find_run(session, run_id)
    (summary,) = summaries(session, [run_id])
    controls = [ControlOut.of(row) for row in queue.list_controls(session, run.job_id)]
    findings = events.latest(session, run.job_id, ["finding", events.REWIND], limit=200)
    return RunDetail(
        **summary.model_dump(),
        newer_dataset=_newer_dataset(session, run),
        notes=run.notes,
        notes_html=rendered(run.notes),
        spec=run.spec,
        num_epochs=_num_epochs(run, controls),
        controls=controls,
        inspection=run.inspection,
        evaluation=run.evaluation,
        findings=_standing(findings),
        preflight=_preflight(session, run.job_id),
        checkpoints=list_checkpoints(session, run.job_id),
        artifacts=list_artifacts(session, run_id),
    )


def _num_epochs(run: Run, controls: Sequence[ControlOut]) -> int | None:
    """How many epochs it trains for, as it was last changed."""
    done = [one.num_epochs for one in controls if one.step is not None and one.num_epochs is not None]
    return done[-1] if done else run.spec.get("training", {}).get("num_epochs")


def _standing(found: Sequence[events.Event]) -> list[dict[str, Any]]:
    """Findings that no rewind has taken back, with the number of their event."""
    standing: list[dict[str, Any]] = []
    for event in found:
        if event.kind == events.REWIND:
            to_step = event.body["to_step"]
            standing = [one for one in standing if (one.get("found_at") or one.get("step") or 0) <= to_step]
        else:
            standing.append({**event.body, "seq": event.seq})
    return standing


def _preflight(session: Session, job_id: str) -> dict[str, Any] | None:
    """What was seen before the first step, the last time that it was."""
    found = events.latest(session, job_id, ["preflight"], limit=1)
    return found[0].body if found else None


def list_checkpoints(session: Session, job_id: str) -> list[CheckpointOut]:
    """The checkpoints that are kept, oldest first."""
    rows = session.scalars(select(Checkpoint).where(Checkpoint.job_id == job_id).order_by(Checkpoint.step))
    return [CheckpointOut.model_validate(row, from_attributes=True) for row in rows]


def list_artifacts(session: Session, run_id: str) -> list[ArtifactOut]:
    """The files that a run left, by name."""
    rows = session.scalars(select(Artifact).where(Artifact.run_id == run_id).order_by(Artifact.name))
    return [ArtifactOut.model_validate(row, from_attributes=True) for row in rows]


def find_artifact(session: Session, run_id: str, name: str) -> Artifact:
    """A file that a run left. Raises NotFound."""
    row = session.scalar(select(Artifact).where(Artifact.run_id == run_id, Artifact.name == name))
    if row is None:
        raise NotFound(f"The run {run_id} has no file {name}.")
    return row


def cancel_run(session: Session, run_id: str) -> None:
    """Ask a run to stop; one that is trained, its export. Raises NotFound, and Conflict when all of it has ended."""
    run = find_run(session, run_id)
    if not stop_export(session, run_id):
        queue.cancel(session, run.job_id)


def stop_export(session: Session, run_id: str) -> bool:
    """Ask a run's export to stop, if it has not ended. Whether there was one to ask. Raises NotFound."""
    export_job_id = find_run(session, run_id).export_job_id
    status = session.scalar(select(Job.status).where(Job.id == export_job_id))
    if export_job_id is None or status is None or status in queue.ENDED:
        return False
    queue.cancel(session, export_job_id)
    return True


def clone_run(session: Session, run_id: str, patch: Mapping[str, Any] = {}) -> Run:
    """The same specification, with a patch merged into it, queued again.

    Raises NotFound, Conflict, and Unprocessable where it does not hold, or its data is gone.
    """
    run = find_run(session, run_id)
    if run.origin != "worker":
        raise Conflict(f"The run {run.name} was not trained here; whoever reported it must start it again.")
    again = create_run(session, _patched(run.spec, patch))
    if "project" not in patch:
        again.project = run.project
    if "model" not in patch:
        again.model_id = run.model_id
    return again


def _patched(spec: dict[str, Any], patch: Mapping[str, Any]) -> RunSpec:
    try:
        return RunSpec.model_validate(merged(spec, dict(patch)))
    except ValidationError as error:
        raise Unprocessable.of(SpecError(problems(error))) from error


def change_run(session: Session, run_id: str, patch: RunPatch) -> None:
    """Change what orders a run among others: name, tags, project, notes, star, archive. Raises NotFound."""
    run = find_run(session, run_id)
    said = patch.model_dump(exclude_unset=True, exclude_none=True)
    archived = said.pop("archived", None)
    if archived is not None and archived != (run.archived_at is not None):
        run.archived_at = now() if archived else None
    for name, value in said.items():
        setattr(run, name, value)
    session.flush()
    if "tags" in said:
        store_tags(session, run_id, said["tags"])


def delete_run(session: Session, run_id: str) -> None:
    """Remove a run and its stream; its files are the caller's to remove afterwards.

    Raises NotFound, and Conflict while a worker may still write to it.
    """
    run = find_run(session, run_id)
    jobs = [job_id for job_id in (run.job_id, run.export_job_id) if job_id]
    waiting = select(Job.id).where(Job.id == run.export_job_id, Job.status == JobStatus.QUEUED)
    if export_job_id := session.scalar(waiting):
        queue.cancel(session, export_job_id)
    if session.scalar(select(func.count()).where(Job.id.in_(jobs), Job.status.not_in(queue.ENDED))):
        if session.scalar(select(Job.status).where(Job.id == run.job_id)) in queue.ENDED:
            raise NotReady(f"The export of {run.name} has been asked to stop; delete the run in a few seconds.")
        raise Conflict(f"The run {run.name} has not ended; cancel it first.")
    session.delete(run)
    session.flush()
    session.execute(delete(Job).where(Job.id.in_(jobs)))


def _rows() -> Any:
    # Made anew each time: threads that meet one of a module for the first time would each fill in its columns, and
    # whatever statement was cached meanwhile would look for those of the other for ever.
    train_job, export_job = aliased(Job, name="train_job"), aliased(Job, name="export_job")
    before = aliased(Run, name="before")
    return (
        select(
            Run,
            train_job,
            export_job,
            Worker,
            Dataset.name.label("dataset_name"),
            Dataset.version.label("dataset_version"),
            Model.name.label("model_name"),
            before.id.label("before_id"),
            before.name.label("before_name"),
            RunGroup,
            now().label("at"),
        )
        .join(train_job, Run.job_id == train_job.id)
        .outerjoin(Dataset, Run.dataset_id == Dataset.id)
        .outerjoin(export_job, Run.export_job_id == export_job.id)
        .outerjoin(Model, Run.model_id == Model.id)
        .outerjoin(RunGroup, Run.group_id == RunGroup.id)
        .outerjoin(Worker, train_job.worker_id == Worker.id)
        .outerjoin(before, before.job_id == func.coalesce(train_job.then_after_id, train_job.after_id))
    )


def _summaries(session: Session, rows: Sequence[Any]) -> list[RunOut]:
    trained = [row.Run.job_id for row in rows if row.Run.origin == "worker"]
    series = curves.list_series(session, [row.Run.job_id for row in rows], without_layers=trained)
    return [_summary(row, series[row.Run.job_id]) for row in rows]


def _summary(row: Any, series: dict[str, dict[str, Any]]) -> RunOut:
    run, job, at = row.Run, row.train_job, row.at
    duration = None if job.started_at is None else max(0.0, (job.finished_at or at) - job.started_at)
    return RunOut(
        id=run.id,
        name=run.name,
        status=job.status,
        request=job.request if job.status == JobStatus.RUNNING else None,
        tags=run.tags,
        project=run.project,
        is_favorite=run.is_favorite,
        archived_at=run.archived_at,
        origin=run.origin,
        created_at=run.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        duration_s=duration,
        num_parameters=run.num_parameters,
        job_id=run.job_id,
        last_seq=job.last_seq,
        attempt=job.attempt,
        waits_for=job.after_id,
        after=Named(id=row.before_id, name=row.before_name) if row.before_id else None,
        group=_group_ref(row.RunGroup, run) if row.RunGroup else None,
        dataset=_dataset_ref(row) if run.dataset_id else None,
        model=_model_ref(run, row.model_name),
        progress=job.progress,
        progress_at=job.progress_at,
        cause=job.cause,
        metrics=series,
        worker=_worker_ref(job, row.Worker, at),
        error=job.error,
        export=_export_state(row.export_job),
    )


def _dataset_ref(row: Any) -> DatasetRef:
    return DatasetRef(id=row.Run.dataset_id, name=row.dataset_name, version=row.dataset_version)


def _group_ref(group: RunGroup, run: Run) -> GroupRef:
    value = run.spec["data"]["split"]["fold"] if group.over == "folds" else run.spec["training"]["seed"]
    place = group.members.index(value) + 1
    return GroupRef(
        id=group.id, name=group.name, over=group.over, value=value, place=place, num_runs=len(group.members)
    )


def _newer_dataset(session: Session, run: Run) -> DatasetRef | None:
    """The newest version of what a run was trained on, None where it is that or is not trained here."""
    used = session.get(Dataset, run.dataset_id) if run.dataset_id else None
    newest = versions.newest_of(session, used.family_id, ready=True) if used else None
    if used is None or newest is None or newest.version <= used.version:
        return None
    return DatasetRef(id=newest.id, name=newest.name, version=newest.version)


def _model_ref(run: Run, name: str | None) -> Named | None:
    """The model of a run; one that a script reports has none of ours."""
    inline = run.spec.get("model")
    return None if inline is None else Named(id=run.model_id, name=name or inline.get("name") or "unnamed")


def _worker_ref(job: Job, worker: Worker | None, at: float) -> WorkerRef | None:
    if worker is None:
        return None
    age = None if job.heartbeat_at is None or job.finished_at else max(0.0, at - job.heartbeat_at)
    return WorkerRef(
        id=worker.id,
        name=worker.name,
        host=worker.host,
        device=(job.progress or {}).get("device"),
        pid=job.pid,
        heartbeat_at=job.heartbeat_at,
        heartbeat_age_s=age,
        lease_left_s=None if job.lease_until is None else job.lease_until - at,
    )


def _export_state(job: Job | None) -> ExportState:
    return ExportState(status="none") if job is None else ExportState(status=job.status, error=job.error)
