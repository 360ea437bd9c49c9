"""Predictions by the server itself, with ONNX Runtime: no worker, no torch.

A trained model and its fitted preprocessing are files of a run; what is loaded of them is kept by their hashes, for
a file of a given hash never changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Artifact, Dataset, Job, Run
from app.errors import Conflict, NotFound, NotReady, Unprocessable
from app.queue import ENDED, JobStatus
from app.runs.predict_windows import WindowReader
from app.specs.base import SpecError
from app.storage import Storage
from app.transforms import Preprocessing, check_names, columns_of, decode, encode

if TYPE_CHECKING:
    import onnxruntime

MODEL, PREPROCESSING = "model.onnx", "preprocessing.json"
BATCH_ROWS = 1024
_BATCH_BYTES = 16 << 20
_KEPT_MODELS = 8
_THREADS = 2

Row = dict[str, Any]
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Predictor:
    """A trained model that is ready to answer."""

    preprocessing: Preprocessing
    session: "onnxruntime.InferenceSession"

    @property
    def features(self) -> list[str]:
        """The columns that it reads."""
        return self.preprocessing.columns

    def predict(self, inputs: NDArray[Any]) -> list[dict[str, Any]]:
        """The predictions for inputs (N, *input_shape), some at a time: of a view, no more is copied at once."""
        name = self.session.get_inputs()[0].name
        at_once = max(1, min(BATCH_ROWS, _BATCH_BYTES // max(1, inputs[:1].nbytes)))
        found: list[dict[str, Any]] = []
        for start in range(0, len(inputs), at_once):
            some = np.ascontiguousarray(inputs[start : start + at_once])
            found += decode(self.preprocessing, self.session.run(None, {name: some})[0], some)
        return found

    def reader(self) -> "Reader":
        """Who takes rows and answers them."""
        window = self.preprocessing.window
        return RowReader(self) if window is None else WindowReader(self.preprocessing, window, self.predict)


class Reader(Protocol):
    """Takes rows, some at a time, in their order."""

    def answers(self, columns: Columns) -> Sequence[dict[str, Any] | None]:
        """For each of the next N rows, held as columns, its prediction, or None where none follows it.

        Raises SpecError with the places of what does not fit, `["rows", i, column]` with i from 0 for these rows.
        """
        ...

    def finish(self) -> None:
        """No more rows come. Raises SpecError where there were too few for any prediction."""
        ...


class RowReader:
    """Each row is answered by itself."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def answers(self, columns: Columns) -> Sequence[dict[str, Any] | None]:
        return self._predictor.predict(encode(self._predictor.preprocessing, columns))

    def finish(self) -> None:
        pass


def predict(session: Session, storage: Storage, run_id: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The run's prediction for each row; of a time series, for each window, with the `row` that it follows, from 0 on.

    Raises NotFound, NotReady while there is no model yet, Conflict when there will be none, Unprocessable with the
    place of every value that does not fit.
    """
    predictor = find_predictor(session, storage, run_id)
    if not rows:
        return []
    columns = columns_of(rows)
    try:
        check_names(predictor.preprocessing, list(columns))
        reader = predictor.reader()
        found = reader.answers({name: [None] * len(rows) for name in predictor.features} | columns)
        reader.finish()
    except SpecError as error:
        raise Unprocessable.of(error) from error
    if predictor.preprocessing.window is None:
        return [one for one in found if one is not None]
    return [{"row": row, **one} for row, one in enumerate(found) if one is not None]


def find_predictor(session: Session, storage: Storage, run_id: str) -> Predictor:
    """The run's model, loaded. Raises NotFound, NotReady while there is none yet, Conflict when there will be none."""
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id}.")
    query = select(Artifact).where(Artifact.run_id == run_id, Artifact.name.in_((MODEL, PREPROCESSING)))
    files = {artifact.name: artifact for artifact in session.scalars(query)}
    if len(files) < 2:
        raise _not_exported(session, run)
    model, preprocessing = files[MODEL], files[PREPROCESSING]
    return Predictor(
        _preprocessing(storage.resolve(preprocessing.path), preprocessing.sha256),
        _inference_session(storage.resolve(model.path), model.sha256),
    )


def source_of(session: Session, run_id: str) -> Mapping[str, Any]:
    """How the file was written of which the run's dataset was made; empty where the dataset is gone."""
    run = session.get_one(Run, run_id)
    dataset = session.get(Dataset, run.dataset_id) if run.dataset_id else None
    return dataset.source if dataset else {}


def _not_exported(session: Session, run: Run) -> Conflict:
    """Why there is no model to predict with, and whether waiting helps."""
    training = session.get_one(Job, run.job_id).status
    if training in (JobStatus.FAILED, JobStatus.CANCELLED):
        return Conflict(f"The training has {training}, so there is no model to predict with.")
    if training not in ENDED:
        return NotReady(f"The training is {training}; it can predict once it has succeeded.")
    export = session.get(Job, run.export_job_id) if run.export_job_id else None
    if export is None or export.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        reason = (export.error or {}).get("message") if export else None
        return Conflict(f"The model could not be exported{f': {reason}' if reason else '.'}")
    return NotReady(f"The export is {export.status}; try again in a few seconds.")


@lru_cache(maxsize=_KEPT_MODELS)
def _inference_session(path: Path, sha256: str) -> "onnxruntime.InferenceSession":
    import onnxruntime  # takes a third of a second, and most servers start without predicting

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=_KEPT_MODELS)
def _preprocessing(path: Path, sha256: str) -> Preprocessing:
    return Preprocessing.model_validate_json(path.read_bytes())
