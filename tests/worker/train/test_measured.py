"""Normalization layers are measured on the training rows alone; blocks, attention and the rest train end to end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from sqlalchemy import select

from app.db.tables import Artifact, Run
from app.specs.base import SpecError
from app.specs.model import ModelSpec
from tests.inline import Inline
from worker.nn.build import build
from worker.train import measured
from worker.train.batches import Part
from worker.train.measured import measure

CPU = torch.device("cpu")


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    one = Inline(tmp_path)
    yield one
    one.close()


def model(*layers: dict[str, Any], **blocks: Any) -> ModelSpec:
    return ModelSpec.model_validate({"layers": layers, "blocks": blocks})


@pytest.mark.parametrize("num_rows", [5, 1000, 3007])
def test_figures_are_those_of_scikit_learns_scaler(num_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "NUMBERS_AT_ONCE", 4000)
    rows = torch.randn(num_rows, 4, generator=torch.Generator().manual_seed(1)) * 3 + 1000
    rows[:, 2] = 7.0  # does not vary
    spec = model({"type": "normalization"}, {"type": "linear", "out_features": 2})
    module = build(spec, (4,))
    measure(spec, module, Part(rows, torch.zeros(num_rows)), CPU)
    scaler = StandardScaler().fit(rows.double().numpy())
    layer = module.get_submodule("0")
    np.testing.assert_allclose(layer.mean.numpy(), scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(layer.std.numpy(), scaler.scale_, rtol=1e-5)
    found = layer(rows)
    np.testing.assert_allclose(found.numpy(), scaler.transform(rows.double().numpy()), atol=2e-3)


def test_channels_of_images_and_features_of_sequences_have_figures_of_their_own() -> None:
    images = torch.rand(9, 3, 4, 5) * torch.tensor([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    spec = model({"type": "normalization"}, {"type": "flatten"})
    module = build(spec, (3, 4, 5))
    measure(spec, module, Part(images, torch.zeros(9)), CPU)
    torch.testing.assert_close(module.get_submodule("0").mean, images.mean((0, 2, 3)))
    sequences = torch.rand(9, 6, 2)
    spec = model({"type": "normalization", "dim": -1}, {"type": "flatten"})
    module = build(spec, (6, 2))
    measure(spec, module, Part(sequences, torch.zeros(9)), CPU)
    torch.testing.assert_close(module.get_submodule("0").mean, sequences.mean((0, 1)))


def test_given_figures_stay() -> None:
    spec = model({"type": "normalization", "mean": [1.0], "std": [2.0]})
    module = build(spec, (1,))
    measure(spec, module, Part(torch.full((4, 1), 9.0), torch.zeros(4)), CPU)
    assert module(torch.tensor([[5.0]])).item() == 2.0


def test_what_is_measured_takes_from_the_input() -> None:
    with pytest.raises(SpecError, match="measured on the training rows, so it takes from the input"):
        model({"type": "linear", "out_features": 2}, {"type": "normalization"}).inspect((3,))
    model({"type": "flatten"}, {"type": "normalization"}).inspect((3, 2))


WINE: dict[str, Any] = {
    "name": "wine",
    "dataset": {"name": "wine", "source": {"type": "builtin", "name": "wine"}},
    "data": {
        "target": "grower",
        "split": {"type": "shares", "train": 0.7, "validation": 0.3, "test": 0.0, "seed": 1},
    },
    "training": {
        "num_epochs": 30,
        "batch_size": 16,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "lr": 0.01},
        "metrics": [{"type": "accuracy"}],
    },
}


def weights(inline: Inline, run: Run) -> dict[str, Any]:
    with inline.db.read() as session:
        query = select(Artifact).where(Artifact.run_id == run.id, Artifact.name == "model.safetensors")
        path = session.scalars(query).one().path
    return dict(load_file(inline.storage.resolve(path)))


def test_a_run_keeps_the_figures_of_its_training_rows(inline: Inline) -> None:
    layers = [{"type": "normalization"}, {"type": "linear", "out_features": 3}]
    run = inline.train(WINE | {"model": {"layers": layers}})
    found = weights(inline, run)
    everything = load_wine().data
    assert not np.allclose(found["0.mean"], everything.mean(0), rtol=1e-4), "not of all rows"
    np.testing.assert_allclose(found["0.mean"], everything.mean(0), rtol=0.2)


RESIDUAL: dict[str, Any] = {
    "arguments": {"width": None, "p": 0.1},
    "layers": [
        {"type": "layer_norm"},
        {"type": "linear", "out_features": "$width"},
        {"type": "silu"},
        {"type": "drop_path", "p": "$p"},
        {"type": "add", "inputs": ["input", "3"]},
    ],
}


def test_blocks_train_and_leave_as_onnx(inline: Inline) -> None:
    layers = [
        {"type": "normalization"},
        {"type": "linear", "out_features": 16},
        {"type": "block", "block": "residual", "arguments": {"width": 16}, "repeat": 2, "name": "deep"},
        {"type": "reshape", "shape": [4, 4]},
        {"type": "transformer_encoder_layer", "nhead": 2, "dim_feedforward": 8, "norm_first": True, "name": "before"},
        {"type": "multihead_attention", "num_heads": 1, "rotary": True, "is_causal": True},
        {"type": "add", "inputs": ["before", "5"]},
        {"type": "mean"},
        {"type": "linear", "out_features": 3},
    ]
    training = WINE["training"] | {"num_epochs": 60, "optimizer": {"type": "adam", "lr": 0.01}}
    run = inline.train(WINE | {"training": training, "model": {"layers": layers, "blocks": {"residual": RESIDUAL}}})
    assert "deep.1.1.weight" in weights(inline, run)
    _, losses = inline.series(run, "train/loss")
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    inline.work()  # the export
    with inline.db.read() as session:
        names = set(session.scalars(select(Artifact.name).where(Artifact.run_id == run.id)))
    assert "model.onnx" in names
