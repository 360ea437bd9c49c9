"""Weights that begin with those of a finished run: by name and shape, told what was not, and once only."""

from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from app.db import now
from app.db.tables import Artifact, Run
from app.errors import JobFailure
from app.ids import new_id
from app.queue import JobKind, enqueue
from app.specs.model import ModelSpec
from app.specs.training import StartFrom
from worker.nn.build import build
from worker.train.beginning import Beginning
from worker.train.trainer import Trainer

from .conftest import Bench, make_plan

FRONT: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 5, "name": "first"},
    {"type": "batch_norm", "name": "norm"},
    {"type": "linear", "out_features": 4, "name": "second"},
]
SHAPE = (3,)


def model(num_classes: int, head: str = "head") -> ModelSpec:
    return ModelSpec.model_validate({"layers": [*FRONT, {"type": "linear", "out_features": num_classes, "name": head}]})


def seeded(spec: ModelSpec, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    module = build(spec, SHAPE)
    nn.init.uniform_(module.get_buffer("norm.running_mean"))
    return module


def left(bench: Bench, weights: dict[str, Tensor], content: bytes | None = None) -> str:
    """A run that has left these weights."""
    storage = bench.jobs[-1].storage
    run_id = new_id()
    place = storage.folder("runs", run_id, "1") / "model.safetensors"
    file = storage.write(place, safetensors.torch.save(weights) if content is None else content)
    fields: dict[str, Any] = {"spec": {}, "inspection": {}, "tags": [], "num_parameters": 0, "created_at": now()}
    with bench.db.write() as session:
        job_id = enqueue(session, JobKind.TRAIN, {})
        session.add(Run(id=run_id, name="earlier", job_id=job_id, **fields))
        session.flush()
        fields = {"path": file.path, "size_bytes": file.size_bytes, "sha256": file.sha256, "created_at": now()}
        session.add(Artifact(run_id=run_id, name="model.safetensors", media_type="a/b", **fields))
    return run_id


def begun(bench: Bench, run_id: str, spec: ModelSpec, up_to: str | None = None) -> tuple[nn.Module, list[str]]:
    """The module, and what was said of it."""
    module = seeded(spec, 2)
    beginning = Beginning(bench.jobs[-1], spec, StartFrom(run_id=run_id, up_to=up_to))
    return module, [finding.text for finding in beginning.take(module)]


def equal_names(module: nn.Module, weights: dict[str, Tensor]) -> set[str]:
    """Those that say something: running counts begin alike."""
    own = module.state_dict()
    names = [name for name in own.keys() & weights.keys() if own[name].shape == weights[name].shape]
    return {name for name in names if torch.equal(own[name], weights[name])}


def test_everything_that_fits_is_taken(bench: Bench) -> None:
    bench.claim()
    weights = seeded(model(2), 1).state_dict()
    module, said = begun(bench, left(bench, weights), model(2))
    assert equal_names(module, weights) == weights.keys()
    assert said == []


def test_a_head_of_another_shape_begins_anew_and_that_is_said(bench: Bench) -> None:
    bench.claim()
    weights = seeded(model(2), 1).state_dict()
    module, (said,) = begun(bench, left(bench, weights), model(3))
    assert {"first.weight", "second.bias", "norm.running_mean"} <= equal_names(module, weights)
    assert "head.weight (3×4 here, 2×4 there), head.bias (3 here, 2 there)" in said
    module, (said,) = begun(bench, left(bench, weights), model(2, head="other"))
    assert "other.weight (not there)" in said


def test_a_prefix_of_the_layers_is_taken(bench: Bench) -> None:
    bench.claim()
    weights = seeded(model(2), 1).state_dict()
    fresh = seeded(model(2), 2).state_dict()
    module, said = begun(bench, left(bench, weights), model(2), up_to="norm")
    assert {"first.weight", "first.bias", "norm.running_mean"} <= equal_names(module, weights)
    assert {"second.weight", "head.weight"} <= equal_names(module, fresh)
    assert said == []


def test_a_prefix_ends_with_a_block_too() -> None:
    layers = [{"type": "block", "block": "b", "name": "front", "repeat": 2}, {"type": "linear", "out_features": 1}]
    spec = ModelSpec.model_validate({"layers": layers, "blocks": {"b": {"layers": [{"type": "relu"}]}}})
    assert [node.name for node in spec.layers_up_to("front")] == ["front.0.0", "front.1.0"]
    assert [node.name for node in spec.layers_up_to("front.0")] == ["front.0.0"]
    assert spec.layers_up_to("fron") == ()


def test_nothing_that_fits_is_a_failure(bench: Bench) -> None:
    bench.claim()
    with pytest.raises(JobFailure, match="In the run earlier nothing is called and shaped") as error:
        begun(bench, left(bench, {"a.weight": torch.zeros(2)}), model(2))
    assert error.value.kind == "no_weights_fit"


def test_weights_that_are_damaged_or_gone_are_told_so(bench: Bench) -> None:
    bench.claim()
    with pytest.raises(JobFailure, match="The weights of the run earlier cannot be read") as error:
        begun(bench, left(bench, {}, content=b"nothing of the kind"), model(2))
    assert error.value.kind == "unreadable_weights"
    with pytest.raises(JobFailure) as error:
        begun(bench, new_id(), model(2))
    assert error.value.kind == "weights_gone"


def test_a_run_that_goes_on_takes_nothing_again(bench: Bench) -> None:
    job = bench.claim()
    spec = ModelSpec.model_validate({"layers": [{"type": "linear", "out_features": 16}]})
    weights = {"0.weight": torch.full((16, 4), 0.5), "0.bias": torch.zeros(16)}
    start = StartFrom(run_id=left(bench, weights))
    first = Trainer(job, make_plan(bench.run_id, num_epochs=2, beginning=Beginning(job, spec, start)))
    first.resume()
    assert torch.equal(first.plan.model.get_parameter("0.weight"), weights["0.weight"])
    first.fit()
    first.save()
    ended = first.plan.model.get_parameter("0.weight").clone()
    with bench.db.write() as session:
        session.delete(session.get_one(Run, start.run_id))  # what it began with is no longer needed
    job = bench.claim()
    second = Trainer(job, make_plan(bench.run_id, num_epochs=2, beginning=Beginning(job, spec, start)))
    second.resume()
    assert torch.equal(second.plan.model.get_parameter("0.weight"), ended)
