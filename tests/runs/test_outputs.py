"""Several outputs: one training makes the sum of their losses small, and each is judged and answered by itself."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from sklearn import metrics as sklearn
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app import gallery, generated
from app.codegen.module import to_module
from app.db.tables import Run
from app.specs.model import ModelSpec
from app.specs.sources import GeneratedSource
from tests.inline import Inline
from tests.runs.test_answers import CONV, IN_ORDER, PICTURES, pixels
from worker.data import builtin
from worker.nn.build import build

HOW = {"num_epochs": 2, "batch_size": 8, "shuffle": False, "optimizer": {"type": "sgd", "lr": 0.1}}
IRIS = gallery.definition("two-heads")
IRIS = IRIS | {"data": IRIS["data"] | {"scale": "none", "split": IN_ORDER}}
IRIS["training"] = HOW | {"outputs": IRIS["training"]["outputs"]}
SHAPES: dict[str, Any] = {
    "name": "what it is, where it is, and the picture again",
    "dataset": {"name": "shape_images", "source": PICTURES},
    "model": {
        "outputs": ["label", "mask", "image"],
        "layers": [
            CONV | {"out_channels": 4},
            {"type": "relu", "name": "seen"},
            CONV | {"out_channels": 4, "name": "mask"},
            CONV | {"out_channels": 1, "inputs": ["seen"], "name": "image"},
            {"type": "global_avg_pool", "inputs": ["seen"]},
            {"type": "linear", "out_features": 3, "name": "label"},
        ],
    },
    "data": {
        "features": ["image"],
        "outputs": {name: {"target": name} for name in ("mask", "label", "image")},
        "split": IN_ORDER,
    },
    "training": HOW
    | {
        "outputs": {
            "mask": {"loss": {"type": "cross_entropy"}, "weight": 2, "metrics": [{"type": "accuracy"}]},
            "label": {"loss": {"type": "cross_entropy", "label_smoothing": 0.1}, "metrics": [{"type": "f1"}]},
            "image": {"loss": {"type": "binary_cross_entropy_with_logits"}, "weight": 0.5},
        }
    },
}
PROGRAMS = {"iris": IRIS, "shapes": SHAPES}
FED = {"iris": (3,), "shapes": (1, 8, 8)}


@pytest.fixture(scope="module")
def runs(inline: Inline) -> dict[str, Run]:
    found = {name: inline.train(body) for name, body in PROGRAMS.items()}
    inline.work()
    return found


def by_hand(name: str) -> tuple[Tensor, list[Tensor], Callable[..., list[Tensor]]]:
    """Inputs, the target of each output in the model's order, and the weighted loss of each."""
    if name == "iris":
        made = builtin.make("iris")
        inputs = np.column_stack([made[one] for one in IRIS["data"]["features"]])
        width = torch.from_numpy(made["petal_width"]).unsqueeze(1)
        width = (width - width[:90].mean()) / width[:90].std(correction=0)
        species = torch.from_numpy(np.unique(made["species"], return_inverse=True)[1])
        return (
            torch.from_numpy(inputs).float(),
            [species, width.float()],
            lambda said, wanted: [F.cross_entropy(said[0], wanted[0]), 0.5 * F.mse_loss(said[1], wanted[1])],
        )
    made = generated.make(GeneratedSource.model_validate(PICTURES))
    image = pixels(made["image"]).float().div(255).unsqueeze(1)
    label = torch.from_numpy(np.unique(made["label"], return_inverse=True)[1])
    return (
        image,
        [label, pixels(made["mask"]).long(), image],
        lambda said, wanted: [
            F.cross_entropy(said[0], wanted[0], label_smoothing=0.1),
            2 * F.cross_entropy(said[1], wanted[1]),
            0.5 * F.binary_cross_entropy_with_logits(said[2], wanted[2]),
        ],
    )


def trained_by_hand(name: str) -> tuple[nn.Module, list[float]]:
    """The model as its own code says it, which gives its outputs one by one, after a loop as PyTorch users write it."""
    spec = ModelSpec.model_validate(PROGRAMS[name]["model"])
    torch.manual_seed(0)
    packed = build(spec, FED[name])
    written: dict[str, Any] = {"__name__": "written"}
    exec(compile(to_module(spec, FED[name]), "model.py", "exec"), written)
    model: nn.Module = written["Model"]()
    model.load_state_dict({written["_renamed"](model, key): one for key, one in packed.state_dict().items()})
    inputs, targets, losses_of = by_hand(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    num_train, losses = round(0.6 * len(inputs)), []
    for _ in range(2):
        for start in range(0, num_train, 8):
            rows = slice(start, min(start + 8, num_train))
            loss = torch.stack(losses_of(model(inputs[rows]), [one[rows] for one in targets])).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return model.eval(), losses


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_sum_of_the_losses_falls_as_in_a_loop_written_by_hand(
    inline: Inline, runs: dict[str, Run], name: str
) -> None:
    _, losses = trained_by_hand(name)
    _, ours = inline.series(runs[name], "train/loss")
    assert ours == pytest.approx(losses, rel=1e-5)


def test_each_output_has_curves_of_its_own(inline: Inline, runs: dict[str, Run]) -> None:
    for metric in ("species_loss", "species_accuracy", "petal_width_loss", "petal_width_mae", "petal_width_r2"):
        steps, values = inline.series(runs["iris"], f"train/{metric}")
        assert len(steps) == 2 and np.isfinite(values).all()
    _, sums = inline.series(runs["iris"], "train/epoch_loss")
    _, species = inline.series(runs["iris"], "train/species_loss")
    _, width = inline.series(runs["iris"], "train/petal_width_loss")
    assert sums == pytest.approx([one + 0.5 * other for one, other in zip(species, width, strict=True)], rel=1e-5)


def test_each_output_is_judged_by_itself(runs: dict[str, Run]) -> None:
    evaluation = runs["shapes"].evaluation or {}
    model, _ = trained_by_hand("shapes")
    inputs, targets, losses_of = by_hand("shapes")
    with torch.no_grad():
        outputs = model(inputs[24:])
    each = losses_of(outputs, [one[24:] for one in targets])
    heads = evaluation["heads"]
    assert list(heads) == ["label", "mask", "image"] and heads["mask"]["weight"] == 2
    assert evaluation["parts"]["test"]["loss"] == pytest.approx(float(sum(each)), rel=1e-5)
    said, truth = outputs[1].argmax(1).flatten(), targets[1][24:].flatten()
    mask = heads["mask"]["parts"]["test"]
    assert mask["loss"] == pytest.approx(float(each[1]) / 2, rel=1e-5)
    assert mask["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, said))
    assert mask["confusion"] == sklearn.confusion_matrix(truth, said, labels=range(4)).tolist()
    assert evaluation["parts"]["test"]["mask_accuracy"] == mask["accuracy"]
    label = heads["label"]
    assert [head["places"] for head in heads.values()] == ["rows", "pixels", "binary"]
    assert label["classes"] == ["circle", "square", "triangle"] and len(label["parts"]["test"]["per_class"]) == 3
    constant = np.bincount(targets[0][:24]).argmax()
    assert label["baseline"]["name"] == f"always saying {label['classes'][constant]}"
    assert evaluation["baseline"]["loss"] == pytest.approx(
        2 * heads["mask"]["baseline"]["loss"] + label["baseline"]["loss"] + heads["image"]["baseline"]["loss"] / 2
    )


def predict(client: TestClient, run: Run, row: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": [row]})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    return dict(found)


def test_each_output_answers_in_its_own_words(client: TestClient, runs: dict[str, Run]) -> None:
    inputs, _, _ = by_hand("iris")
    row = dict(zip(IRIS["data"]["features"], inputs[0].tolist(), strict=True))
    found = predict(client, runs["iris"], row)["outputs"]
    model, _ = trained_by_hand("iris")
    species, width = (one.detach()[0] for one in model(inputs[:1]))
    shares = dict(zip(("setosa", "versicolor", "virginica"), species.softmax(0).tolist(), strict=True))
    assert found["species"]["probabilities"] == pytest.approx(shares, rel=1e-4)
    known = torch.from_numpy(builtin.make("iris")["petal_width"])[:90]
    assert found["petal_width"]["value"] == pytest.approx(
        float(width[0].double() * known.std(correction=0) + known.mean()), rel=1e-4
    )


def test_pictures_are_answered_beside_classes(client: TestClient, runs: dict[str, Run]) -> None:
    picture = generated.make(GeneratedSource.model_validate(PICTURES))["image"][0]
    found = predict(client, runs["shapes"], {"image": base64.b64encode(picture).decode()})["outputs"]
    model, _ = trained_by_hand("shapes")
    label, mask, image = (one.detach()[0] for one in model(by_hand("shapes")[0][:1]))
    assert found["label"]["label"] == ["circle", "square", "triangle"][int(label.argmax())]
    assert found["mask"]["label"] == mask.argmax(0).tolist()
    np.testing.assert_allclose(found["image"]["value"], image.sigmoid(), atol=1e-5)


def test_a_file_of_rows_gets_columns_for_each_output(client: TestClient, runs: dict[str, Run]) -> None:
    rows = f"{','.join(IRIS['data']['features'])}\n5,3,1\n".encode()
    answer = client.post(f"/api/v1/runs/{runs['iris'].id}/predictions", files={"file": ("rows.csv", rows)})
    header, row = (line.split(",") for line in answer.text.splitlines())
    assert header[3:] == [
        "predicted species",
        "probability of setosa",
        "probability of versicolor",
        "probability of virginica",
        "predicted petal_width",
    ]
    assert row[3] in ("setosa", "versicolor", "virginica") and float(row[7])
