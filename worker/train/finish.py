"""The end of a training: its evaluation, what it leaves behind, and the export that follows.

All of it becomes true in the transaction that ends the job: the last checkpoints, the evaluation, the artifacts' rows
and the job of the export. A training that dies before goes on from an earlier checkpoint, and takes its points back.
"""

import json
from typing import TYPE_CHECKING, Any

import safetensors.torch
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app import events, queue
from app.db import now
from app.db.tables import Artifact, Run
from app.errors import JobFailure
from app.queue import JobKind
from app.specs.controls import Stop, TimeLimit
from app.storage import Storage, StoredFile
from app.transforms import ImageStep, Preprocessing, TextStep
from worker import evaluate, forecast, shown
from worker.job import Ending
from worker.train.batches import Part
from worker.train.heads import HeadsJudge
from worker.train.plan import Plan
from worker.train.windowed import Windowed

if TYPE_CHECKING:
    from worker.train.trainer import Trainer

WEIGHTS, PREPROCESSING, PARAMETERS = "model.safetensors", "preprocessing.json", "parameters.json"
_MEDIA_TYPES = {WEIGHTS: "application/octet-stream", PREPROCESSING: "application/json", PARAMETERS: "application/json"}


def finish(trainer: "Trainer") -> Ending:
    """Evaluate and write what is left behind. Returns what makes it true, for the transaction that ends the job."""
    job, plan = trainer.job, trainer.plan
    trainer.doctor.look(trainer.history, ended=True)
    checkpoints = trainer.write()
    _take_final_weights(trainer)
    _refuse_non_finite(plan, trainer.step)
    evaluation = evaluation_of(plan)
    trainer.doctor.judge(trainer.step, evaluation)
    if line := forecast.in_words(evaluation.get("forecast", {})):
        job.log(line)
    for name, value in evaluation["parts"].get("test", {}).items():
        if isinstance(value, float | str):  # a word where it is not finite; lists are no points
            job.metrics(f"test/{name}", [trainer.step], [float(value)])
    artifacts = write_artifacts(job.storage, plan, str(job.claim.attempt), evaluation["parameters"])
    job.progress(trainer.progress())
    told = [
        events.New("evaluation", {"parts": evaluation["parts"], "baseline": evaluation["baseline"]}),
        *(checkpoint.event() for checkpoint in checkpoints),
        *(artifact_event(name, file) for name, file in artifacts.items()),
    ]

    def commit(session: Session) -> None:
        trainer.checkpoints.register(session, checkpoints)
        session.execute(update(Run).where(Run.id == plan.run_id).values(evaluation=evaluation))
        register_artifacts(session, plan.run_id, artifacts, _MEDIA_TYPES)
        _enqueue_export(session, plan.run_id)

    return Ending(commit, told)


def artifact_event(name: str, file: StoredFile) -> events.New:
    """Tells of a file that a run has left."""
    return events.New("artifact", {"name": name, "size_bytes": file.size_bytes, "sha256": file.sha256})


def _take_final_weights(trainer: "Trainer") -> None:
    """The best epoch's, or what the training averaged; else the last stay."""
    stopping = trainer.plan.stopping
    if trainer.stop is not None:
        _take_what_was_asked(trainer, trainer.stop)
    elif stopping is not None and stopping.best_weights:
        trainer.plan.model.load_state_dict(stopping.best_weights)
        trainer.job.log(f"took the weights of epoch {stopping.best_epoch:,}, the best by {stopping.series}")
    elif words := trainer.plan.averaging.take(trainer.step):
        trainer.job.log(f"took {words}")


def _take_what_was_asked(trainer: "Trainer", stop: Stop | TimeLimit) -> None:
    kept, averaging = trainer.kept, trainer.plan.averaging
    if kept is None:
        if stop.keep == "best":
            trainer.job.log("no epoch was finished, so none is the best: the weights are the last ones")
        words = averaging.take(trainer.step)
    else:
        trainer.plan.model.load_state_dict(kept.weights)
        trainer.job.log(f"took the weights of epoch {kept.epoch:,}, the best by {trainer.plan.monitored}")
        words = None
        if kept.averages:  # it was judged by these
            averaging.restore(kept.averages)
            words = averaging.take(kept.step)
    if words:
        trainer.job.log(f"took {words}")


def _refuse_non_finite(plan: Plan, step: int) -> None:
    """The last step's own loss was still a number; what that step made of the weights may not be."""
    if all(bool(parameter.isfinite().all()) for parameter in plan.model.parameters()):
        return
    raise JobFailure(
        "non_finite_weights",
        f"Weights became NaN or infinite at step {step:,}.",
        hint="Try a smaller learning rate, scaled inputs (standardize), or max_grad_norm 1.",
        details={"step": step},
    )


def evaluation_of(plan: Plan) -> dict[str, Any]:
    """The figures of every part, those of a model that ignores its inputs, the classes and the parameters."""
    judged_on = next(name for name in ("test", "validation", "train") if name in plan.parts)
    baseline = evaluate.baseline(plan.constant, plan.parts[judged_on], plan.judge, plan.constant_name)
    return {
        "parts": {
            name: evaluate.report(plan.model, part, plan.judge, plan.device) for name, part in plan.parts.items()
        },
        "baseline": {**baseline, "part": judged_on},
        "classes": plan.judge.classes,
        "parameters": evaluate.parameters(plan.model),
        **_heads(plan, judged_on),
        **_forecast(plan),
        **_shown(plan, judged_on),
    }


def _heads(plan: Plan, judged_on: str) -> dict[str, Any]:
    """Of several outputs the same figures of each."""
    if not isinstance(plan.judge, HeadsJudge):
        return {}
    found = {}
    for head in plan.judge.heads:
        how, cut = head.judging, head.cut
        constant = how.constant.to(plan.device)
        baseline = evaluate.baseline(constant, plan.parts[judged_on], how.judge, how.constant_name, cut.of_targets)
        parts = {
            name: evaluate.report(plan.model, part, how.judge, plan.device, cut.of) for name, part in plan.parts.items()
        }
        baseline |= {"part": judged_on}
        said = {"weight": head.weight, "places": how.judge.places.kind, "classes": how.judge.classes}
        found[head.name] = {**said, "parts": parts, "baseline": baseline}
    return {"heads": found}


def _shown(plan: Plan, judged_on: str) -> dict[str, Any]:
    """Of images and texts that are answered by others, a few of the part that judges the model."""
    how, part = plan.preprocessing, plan.parts[judged_on]
    if not isinstance(how, Preprocessing) or not isinstance(part, Part):
        return {}
    if not isinstance(how.target.step, ImageStep | TextStep):
        return {}
    return {"shown": {"part": judged_on, **shown.report(plan.model, part, how, plan.device)}}


def _forecast(plan: Plan) -> dict[str, Any]:
    """Of a time series, how good its forecast is on the part that judges the model."""
    if plan.shown is None:
        return {}
    part = plan.parts[plan.shown.part]
    assert isinstance(part, Windowed) and isinstance(plan.preprocessing, Preprocessing)
    return {"forecast": forecast.report(plan.model, part, plan.preprocessing.target, plan.shown, plan.device)}


def write_artifacts(
    storage: Storage, plan: Plan, attempt: str, parameters: list[dict[str, Any]]
) -> dict[str, StoredFile]:
    """Write weights, preprocessing and readable parameters, each durable."""
    folder = storage.folder("runs", plan.run_id, attempt)
    weights = {name: tensor.cpu().contiguous().clone() for name, tensor in plan.model.state_dict().items()}
    contents = {
        WEIGHTS: safetensors.torch.save(weights),
        PREPROCESSING: plan.preprocessing.model_dump_json().encode(),
        PARAMETERS: json.dumps(parameters, allow_nan=False).encode(),
    }
    return {name: storage.write(folder / name, content) for name, content in contents.items()}


def register_artifacts(
    session: Session, run_id: str, files: dict[str, StoredFile], media_types: dict[str, str]
) -> None:
    """The rows of files that are durable, in place of earlier ones of the same names."""
    session.execute(delete(Artifact).where(Artifact.run_id == run_id, Artifact.name.in_(files)))
    for name, file in files.items():
        session.add(
            Artifact(
                run_id=run_id,
                name=name,
                media_type=media_types[name],
                path=file.path,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                created_at=now(),
            )
        )


def _enqueue_export(session: Session, run_id: str) -> None:
    run = session.get_one(Run, run_id)
    if run.export_job_id is None:
        run.export_job_id = queue.enqueue(session, JobKind.EXPORT, {"run_id": run_id})
