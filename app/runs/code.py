"""A run as Python that needs Traindeck no more: its model, and the whole of its training."""

from sqlalchemy.orm import Session

from app.codegen.module import to_module
from app.codegen.script import to_script
from app.codegen.writing import Trained
from app.db.tables import Dataset, Run
from app.errors import NotFound, NotReady, Unprocessable
from app.runs.service import find_run
from app.settings import Settings
from app.specs.base import SpecError
from app.specs.columns import Column
from app.specs.inspection import Inspection
from app.specs.model import ModelSpec
from app.specs.run import RunSpec


def code_of(session: Session, run_id: str) -> str:
    """The run's model as Python. Raises NotFound, also where a script has reported the run, which has no model here."""
    run = _trained_here(session, run_id)
    return to_module(ModelSpec.model_validate(run.spec["model"]), Inspection.model_validate(run.inspection).fed)


def script_of(session: Session, run_id: str, url: str, settings: Settings) -> str:
    """A script that trains the run again; `url` is where the server's interface is.

    Raises NotFound as `code_of` does, NotReady while the dataset is being read, Unprocessable where the run does
    something that no script says.
    """
    run = _trained_here(session, run_id)
    dataset = session.get_one(Dataset, run.dataset_id)
    if dataset.columns is None or dataset.num_rows is None:
        raise NotReady(f"The dataset {dataset.name} is still being read; try again in a few seconds.")
    trained = Trained(
        spec=RunSpec.model_validate(run.spec),
        columns=[Column.model_validate(column) for column in dataset.columns],
        num_rows=dataset.num_rows,
        table_url=f"{url}/datasets/{dataset.id}/table",
        slots=settings.slots,
        data_in_memory_bytes=settings.data_in_memory_bytes,
    )
    try:
        return to_script(trained)
    except SpecError as error:
        raise Unprocessable.of(error) from error


def _trained_here(session: Session, run_id: str) -> Run:
    run = find_run(session, run_id)
    if "layers" not in (run.spec.get("model") or {}):
        raise NotFound("This run was reported by a script: its model is not known here.")
    return run
