"""Export: a trained model as ONNX, which the server predicts with and other tools read.

The exported graph is held to torch's own answers on real rows before anyone sees it.
"""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np
import onnxruntime
import safetensors.torch
import torch
import torch.fx
from sqlalchemy import select
from torch import Tensor, nn

from app.db.tables import Artifact
from app.errors import JobFailure
from app.transforms import Preprocessing
from worker.data.prepare import first_inputs
from worker.data.series import first_windows
from worker.job import Cancelled, Ending, Job
from worker.nn.build import build
from worker.train import setup
from worker.train.finish import PREPROCESSING, WEIGHTS, artifact_event, register_artifacts

MODEL, MEDIA_TYPE = "model.onnx", "application/octet-stream"
INPUT, OUTPUT = "input", "output"
MAX_DIFFERENCE = 1e-4  # between torch and ONNX Runtime, relative to the largest output
CHECKED_ROWS = 256


def run(job: Job) -> Ending:
    """Export the model of the run that the job names. Returns what registers the file.

    Raises JobFailure, and Cancelled when asked to stop.
    """
    submitted = setup.read(job)
    preprocessing = Preprocessing.model_validate_json(_artifact(job, submitted.run_id, PREPROCESSING))
    model = build(submitted.model, preprocessing.fed)
    model.load_state_dict(safetensors.torch.load(_artifact(job, submitted.run_id, WEIGHTS)))
    first = first_inputs if preprocessing.window is None else first_windows
    inputs = torch.from_numpy(first(submitted.table, preprocessing, submitted.columns, CHECKED_ROWS))
    _obey(job)
    onnx = to_onnx(model, inputs)
    _obey(job)
    difference = largest_difference(model, onnx, inputs)
    job.log(f"exported {len(onnx):,} bytes; differs from torch by {difference:.1e} at most on {len(inputs)} rows")
    if not difference <= MAX_DIFFERENCE:  # NaN is not
        raise JobFailure(
            "export_differs",
            f"The exported model differs from the trained one by {difference:.1e} of its largest output.",
            hint="The weights themselves are whole: model.safetensors has them.",
            details={"difference": repr(difference)},
        )
    folder = job.storage.folder("runs", submitted.run_id, f"export-{job.claim.attempt}")
    file = job.storage.write(folder / MODEL, onnx)
    return Ending(
        lambda session: register_artifacts(session, submitted.run_id, {MODEL: file}, {MODEL: MEDIA_TYPE}),
        [artifact_event(MODEL, file)],
    )


def _obey(job: Job) -> None:
    if job.requested:
        raise Cancelled


def _artifact(job: Job, run_id: str, name: str) -> bytes:
    query = select(Artifact).where(Artifact.run_id == run_id, Artifact.name == name)
    with job.db.read() as session:
        artifact = session.scalars(query).one()
    return job.storage.resolve(artifact.path).read_bytes()


def to_onnx(model: nn.Module, example: Tensor) -> bytes:
    """The model as ONNX, for batches of any size. `example` is a batch `(N, …)` of what it takes, N at least 2."""
    model.eval()
    # What is exported becomes an object of torch's own, in which a layer called "code" would take that one's place.
    is_taken = any(hasattr(torch.fx.GraphModule, name) for name, _ in model.named_children())
    with _quiet():
        program = torch.onnx.export(
            nn.Sequential(model) if is_taken else model,
            (example,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    serialized: bytes = program.model_proto.SerializeToString()
    return serialized


def largest_difference(model: nn.Module, onnx: bytes, inputs: Tensor) -> float:
    """How far the exported graph is from torch on `inputs` at most, relative to the largest output."""
    with torch.no_grad():
        ours = model.eval()(inputs).numpy()
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    (theirs,) = session.run([OUTPUT], {INPUT: inputs.numpy()})
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(ours).max()))


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports its progress and its own deprecations; neither concerns whoever trained the model."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
