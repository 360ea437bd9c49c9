"""Runs on a known network, from end to end: its weights from a file, frozen, and from another run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from app.codegen.module import to_module
from app.db import now
from app.db.tables import Job as JobRow
from app.db.tables import Run, WeightsFile
from app.runs import service
from app.specs.layers.backbone import Backbone
from app.specs.model import ModelSpec
from tests.inline import TRAINING, Inline
from tests.worker.nn.cases import skip_unbuildable
from worker.nn.backbone import vision_models


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    skip_unbuildable(Backbone)
    one = Inline(tmp_path)
    yield one
    one.close()


def body(weights: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    """Gray squares, circles and triangles, three times one on another, for a frozen front and a head."""
    front = {"type": "backbone", "architecture": "mobilenet_v3_small", "name": "front", "weights": weights}
    return {
        "dataset": {"name": "shapes", "source": {"type": "generated", "name": "shapes", "num_rows": 40, "length": 12}},
        "model": {
            "layers": [
                {"type": "concat", "inputs": ["input", "input", "input"]},
                front | {"freeze": True},
                {"type": "linear", "out_features": 3, "name": "head"},
            ]
        },
        "data": {"target": "label", "features": [f"pixel{i}" for i in range(144)], "input_shape": [1, 12, 12]},
        "training": {"num_epochs": 1, "batch_size": 16, "loss": {"type": "cross_entropy"}, **training},
    }


def kept(inline: Inline, tensors: dict[str, Tensor]) -> str:
    """The id of a file of weights."""
    torch.save(tensors, place := inline.settings.data_dir / "sent")
    row = WeightsFile(name="sent.pth", format="pth", size_bytes=place.stat().st_size, sha256="", created_at=now())
    with inline.db.write() as session:
        session.add(row)
        session.flush()
        place.rename(inline.storage.folder("weights") / row.id)
        return row.id


def left(inline: Inline, run: Run) -> dict[str, Tensor]:
    with inline.db.read() as session:
        return safetensors.torch.load_file(
            inline.storage.resolve(service.find_artifact(session, run.id, "model.safetensors").path)
        )


def failed(inline: Inline, asked: dict[str, Any]) -> dict[str, Any]:
    """How a run fails."""
    run_id = inline.submit(asked)
    inline.work(TRAINING)
    with inline.db.read() as session:
        error = session.get_one(JobRow, session.get_one(Run, run_id).job_id).error
    assert error is not None
    return error


def test_a_frozen_network_keeps_the_weights_of_its_file_and_hands_them_on(inline: Inline) -> None:
    torch.manual_seed(4)
    given = vision_models().mobilenet_v3_small(weights=None).state_dict()
    first = inline.train(body({"type": "file", "id": kept(inline, given)}))
    weights = left(inline, first)
    taken = {name: weights[f"front.{name}"] for name in given if not name.startswith("classifier")}
    assert all(torch.equal(taken[name], given[name]) for name in taken)
    (line,) = [line for line in inline.log(first) if line.startswith("front: took")]
    assert f"took {len(taken)} tensors from the file sent.pth; not used: classifier.0.bias, classifier.0.weight" in line
    assert "weights_left_out" not in inline.findings(first)
    second = inline.train(body(start_from={"run_id": first.id, "up_to": "front"}, seed=9))
    after = left(inline, second)
    assert all(torch.equal(after[name], weights[name]) for name in weights if name.startswith("front."))
    assert not torch.equal(after["head.weight"], weights["head.weight"])
    code = to_module(ModelSpec.model_validate(second.spec["model"]), (1, 12, 12))
    made: dict[str, Any] = {"__name__": "made"}
    exec(compile(code, "model.py", "exec"), made)
    safetensors.torch.save_file(after, path := inline.settings.data_dir / "after.safetensors")
    loaded = made["load"](str(path))
    assert torch.equal(loaded.state_dict()["front.features.0.0.weight"], after["front.features.0.0.weight"])


def test_weights_of_another_network_are_a_failure(inline: Inline) -> None:
    error = failed(inline, body({"type": "file", "id": kept(inline, {"conv1.weight": torch.zeros(64, 3, 7, 7)})}))
    assert error["kind"] == "no_weights_fit"
    assert error["message"].endswith("nothing is called and shaped as those of torchvision's mobilenet_v3_small.")


def test_weights_that_are_gone_before_the_run_starts_are_a_failure(inline: Inline) -> None:
    weights_id = kept(inline, {"a": torch.zeros(1)})
    asked = body({"type": "file", "id": weights_id})
    run_id = inline.submit(asked)
    with inline.db.write() as session:
        session.delete(session.get_one(WeightsFile, weights_id))
    inline.work(TRAINING)
    with inline.db.read() as session:
        error = session.get_one(JobRow, session.get_one(Run, run_id).job_id).error
    assert error is not None and error["kind"] == "weights_gone"


@pytest.mark.full
def test_a_network_that_was_trained_leaves_as_onnx(inline: Inline) -> None:
    run = inline.train(body())
    inline.work()
    with inline.db.read() as session:
        assert service.find_artifact(session, run.id, "model.onnx").size_bytes > 0
