"""Every template trains an epoch on data that fit it, and its code computes what the trained model computes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from app.codegen.module import to_module
from app.models.schemas import TemplatesIn
from app.models.templates import TEMPLATES, templates
from app.specs.model import ModelSpec
from tests.codegen.test_script import NUM_LOSSES, Trained, losses
from tests.inline import Inline
from worker.nn.build import build

EXAMPLES = Path(__file__).parents[2] / "examples"

# Of each template: a program whose data fit it, and how many whole numbers its model looks up.
PROGRAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "neuron": ("heart-builtin", {}),
    "mlp": ("heart-builtin", {}),
    "lenet": ("digits-builtin", {}),
    "vgg": ("digits-builtin", {}),
    "resnet": ("digits-builtin", {}),
    "unet": ("unet", {"output_shape": (4, 24, 24)}),
    "autoencoder": ("autoencoder", {}),
    "lstm": ("waves", {}),
    "bigru": ("waves", {}),
    "encoder": ("text-pairs", {"num_embeddings": 50}),
    "decoder": ("decoder", {"num_embeddings": 10}),
    "two_towers": ("text-pairs", {"num_embeddings": 50, "num_texts": 2}),
    "embedded": ("ratings", {"num_embeddings": 640, "num_columns": 2}),
}


IN_SUITE = {"neuron", "resnet", "unet", "decoder", "two_towers"}


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=[] if key in IN_SUITE else [pytest.mark.full]) for key in PROGRAMS]
)
def test_a_template_trains_an_epoch_and_leaves_as_code(key: str, tmp_path: Path) -> None:
    deck = Inline(tmp_path)
    body, shape = made(deck, key)
    run = deck.train(body)
    assert [value for value in deck.series(run, "train/loss")[1] if value != value] == []
    assert_same(ModelSpec.model_validate(run.spec["model"]), shape, deck.storage.folder("runs", run.id))


@pytest.mark.full
def test_the_script_of_each_has_the_first_losses_of_its_run(tmp_path: Path) -> None:
    trained = Trained(tmp_path)
    expected = {key: trained.script(key, made(trained.inline, key)[0]) for key in PROGRAMS}
    said = trained.said(list(PROGRAMS))
    assert all(len(steps) == NUM_LOSSES for steps in expected.values())
    assert {key: losses(said[key]) for key in PROGRAMS} == expected
    trained.inline.close()


def made(deck: Inline, key: str) -> tuple[dict[str, Any], tuple[int, ...]]:
    """A run of the template on data that fit it, and the shape that it is fed."""
    name, whole = PROGRAMS[key]
    body = json.loads((EXAMPLES / f"{name}.json").read_bytes())
    fits = deck.checked(body)
    asked = {"input_shape": fits.input_shape, "output_shape": fits.output_shape, **whole}
    found = {one.key: one.definition for one in templates(TemplatesIn(**asked))}
    assert found[key] is not None, f"{key} does not fit {name}"
    return body | {"model": found[key], "training": training(body["training"])}, tuple(fits.input_shape)


def test_no_template_is_left_out() -> None:
    assert PROGRAMS.keys() == {one.key for one in TEMPLATES}


def training(asked: dict[str, Any]) -> dict[str, Any]:
    """An epoch, ending in raw scores: what templates end with."""
    loss = asked["loss"]["type"].replace("binary_cross_entropy_with_logits", "binary_cross_entropy")
    raw = {"binary_cross_entropy": "binary_cross_entropy_with_logits"}.get(loss, loss)
    kept = {name: value for name, value in asked.items() if name not in ("optimizer", "schedule", "early_stopping")}
    return kept | {"num_epochs": 1, "loss": {"type": raw}, "optimizer": {"type": "adam", "lr": 0.003}}


def assert_same(spec: ModelSpec, shape: tuple[int, ...], folder: Path) -> None:
    """The code's model with the run's weights gives what the trained one gives."""
    weights = next(folder.rglob("model.safetensors"))
    trained = build(spec, shape)
    trained.load_state_dict(load_file(weights))
    made: dict[str, Any] = {"__name__": "made"}
    exec(compile(to_module(spec, shape), "model.py", "exec"), made)
    loaded = made["load"](str(weights))
    x = rows(spec, shape)
    with torch.no_grad():
        difference = (loaded(x) - trained.eval()(x)).abs().max()
    assert difference < 1e-6


def rows(spec: ModelSpec, shape: tuple[int, ...]) -> Tensor:
    whole = spec.takes_integers or any(node.layer.takes_columns for node in spec.nodes)
    x = torch.randint(0, 10, (5, *shape)) if whole else torch.randn(5, *shape)
    return x if spec.takes_integers else x.float()
