from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from sqlalchemy import select

from app.db.tables import Artifact, Run
from app.db.tables import Job as JobRow
from app.specs.model import ModelSpec
from tests.inline import Inline
from worker import export
from worker.nn.build import build
from worker.train import setup

CONVOLUTIONS: list[dict[str, Any]] = [
    {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": "same"},
    {"type": "batch_norm"},
    {"type": "relu"},
    {"type": "local_response_norm", "size": 3},
    {"type": "flatten"},
    {"type": "dropout", "p": 0.5},
    {"type": "linear", "out_features": 3},
]
SEQUENCE: list[dict[str, Any]] = [
    {"type": "embedding", "num_embeddings": 20, "embedding_dim": 4},
    {"type": "lstm", "hidden_size": 5, "input_dropout": 0.2, "recurrent_dropout": 0.2},
    {"type": "linear", "out_features": 1},
]


def module(layers: list[dict[str, Any]], shape: tuple[int, ...]) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(ModelSpec.model_validate({"layers": layers}), shape)


@pytest.mark.parametrize("kind", ["convolutions", "sequence"])
def test_the_exported_graph_gives_torchs_answers_for_any_number_of_rows(
    kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    if kind == "convolutions":
        model, inputs = module(CONVOLUTIONS, (2, 9, 9)), torch.randn(6, 2, 9, 9)
    else:
        model, inputs = module(SEQUENCE, (7,)), torch.randint(20, (6, 7))
    onnx = export.to_onnx(model, inputs)
    for num_rows in (1, 2, 6):
        assert export.largest_difference(model, onnx, inputs[:num_rows]) < 1e-5
    assert capfd.readouterr() == ("", "")


def test_layers_may_be_called_as_torchs_own_objects_are() -> None:
    named = [{"type": "linear", "out_features": 2, "name": "code"}, {"type": "linear", "out_features": 1}]
    model, inputs = module(named, (3,)), torch.randn(4, 3)
    assert export.largest_difference(model, export.to_onnx(model, inputs), inputs) < 1e-5


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    one = Inline(tmp_path)
    yield one
    one.close()


def export_job(inline: Inline, run: Run) -> JobRow:
    with inline.db.read() as session:
        return session.get_one(JobRow, run.export_job_id)


def test_a_training_is_followed_by_its_export(inline: Inline) -> None:
    run = inline.program("celsius", num_epochs=3)
    inline.work()
    assert export_job(inline, run).status == "succeeded"
    with inline.db.read() as session:
        artifact = session.scalars(select(Artifact).where(Artifact.name == "model.onnx")).one()
    assert inline.storage.describe(inline.storage.resolve(artifact.path)).sha256 == artifact.sha256
    graph = onnxruntime.InferenceSession(inline.storage.resolve(artifact.path))
    (answer,) = graph.run(None, {"input": np.array([[100.0]], np.float32)})
    assert run.evaluation is not None
    weight, bias = (parameter["values"] for parameter in run.evaluation["parameters"])
    assert answer.item() == pytest.approx(weight[0][0] * 100 + bias[0], rel=1e-5)


def test_an_export_reads_only_the_rows_that_it_checks(inline: Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    run = inline.program("celsius", num_epochs=3)

    def refuse(*arguments: Any) -> None:
        raise AssertionError("the whole table was prepared")

    monkeypatch.setattr(setup, "prepare", refuse)
    inline.work()
    assert export_job(inline, run).status == "succeeded"


def test_a_graph_that_differs_from_torch_is_kept_from_everyone(inline: Inline, monkeypatch: pytest.MonkeyPatch) -> None:
    run = inline.program("celsius", num_epochs=3)
    monkeypatch.setattr(export, "largest_difference", lambda model, onnx, inputs: 0.01)
    inline.work()
    job = export_job(inline, run)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["kind"] == "export_differs"
    with inline.db.read() as session:
        assert session.scalars(select(Artifact).where(Artifact.name == "model.onnx")).all() == []
