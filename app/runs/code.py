"""A run as Python that needs Traindeck no more: its model, and the whole of its training."""

from collections.abc import Iterator, Sequence

from sqlalchemy.orm import Session

from app import queue
from app.codegen.module import to_module
from app.codegen.script import to_script
from app.codegen.writing import Beginning, Trained
from app.db.tables import Control, Dataset, Run, WeightsFile
from app.errors import NotFound, NotReady, Unprocessable
from app.runs.beginnings import WEIGHTS, beginning_problems
from app.runs.service import find_run
from app.settings import Settings
from app.specs.base import SpecError
from app.specs.columns import Column
from app.specs.controls import Asked, Profile, control_of
from app.specs.inspection import Inspection
from app.specs.layers.backbone import Backbone, FileWeights
from app.specs.model import ModelSpec
from app.specs.run import RunSpec


def code_of(session: Session, run_id: str) -> str:
    """The run's model as Python. Raises NotFound, also where a script has reported the run, which has no model here."""
    run = _trained_here(session, run_id)
    return to_module(ModelSpec.model_validate(run.spec["model"]), Inspection.model_validate(run.inspection).fed)


def script_of(session: Session, run_id: str, url: str, settings: Settings) -> str:
    """A script that trains the run again; `url` is where the server's interface is.

    Raises NotFound as `code_of` does, NotReady while the dataset is being read, Unprocessable where the run does
    something that no script says, or began with weights that are gone.
    """
    run = _trained_here(session, run_id)
    dataset = session.get_one(Dataset, run.dataset_id)
    if dataset.columns is None or dataset.num_rows is None:
        raise NotReady(f"The dataset {dataset.name} is still being read; try again in a few seconds.")
    spec = RunSpec.model_validate(run.spec)
    try:
        trained = Trained(
            spec=spec,
            columns=[Column.model_validate(column) for column in dataset.columns],
            num_rows=dataset.num_rows,
            table_url=f"{url}/datasets/{dataset.id}/table",
            slots=settings.slots,
            data_in_memory_bytes=settings.data_in_memory_bytes,
            beginnings=dict(_beginnings(session, spec, url)),
        )
        return _told_apart(to_script(trained), queue.list_controls(session, run.job_id))
    except SpecError as error:
        raise Unprocessable.of(error) from error


def _beginnings(session: Session, spec: RunSpec, url: str) -> Iterator[tuple[str, Beginning]]:
    """The files of weights that a run begins with, by their ids. Raises SpecError where one is gone."""
    if problems := list(beginning_problems(session, spec)):
        raise SpecError(problems)
    assert isinstance(spec.model, ModelSpec)
    for node in spec.model.nodes:
        if isinstance(node.layer, Backbone) and isinstance(named := node.layer.weights, FileWeights):
            format = session.get_one(WeightsFile, named.id).format
            yield named.id, Beginning(f"weights-{named.id}.{format}", f"{url}/weights/{named.id}/file")
    if (start := spec.training.start_from) is not None:
        yield (
            start.run_id,
            Beginning(f"run-{start.run_id}.safetensors", f"{url}/runs/{start.run_id}/artifacts/{WEIGHTS}"),
        )


def _told_apart(script: str, controls: Sequence[Control]) -> str:
    """A script repeats what was submitted: what else was done to the run while it trained is told under its title."""
    asked = [(one.step, control_of(one.said)) for one in controls if one.step is not None]
    done = [f"#   after step {step:,}: {_words(said)}" for step, said in asked if not isinstance(said, Profile)]
    if not done:
        return script
    title, end, rest = script.partition('"""\n\n')
    told = ["# While it trained, the run was changed, and this script does not repeat that:", *done]
    return title + end + "\n".join(told) + "\n\n" + rest


def _words(said: Asked) -> str:
    return ", ".join([said.type.replace("_", " "), *(str(value) for name, value in said if name != "type")])


def _trained_here(session: Session, run_id: str) -> Run:
    run = find_run(session, run_id)
    if "layers" not in (run.spec.get("model") or {}):
        raise NotFound("This run was reported by a script: its model is not known here.")
    return run
