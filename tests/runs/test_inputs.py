"""Several inputs: fed in one row, they train just as a PyTorch user feeds them one by one, and answer over REST."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app import generated
from app.codegen.module import to_module
from app.db.tables import Run
from app.specs.model import ModelSpec
from app.specs.sources import GeneratedSource
from tests.inline import Inline
from tests.runs.test_answers import pixels
from worker.nn.build import build

IN_ORDER = {"type": "shares", "train": 0.6, "validation": 0.0, "test": 0.4, "shuffle": False}
HOW = {"num_epochs": 2, "batch_size": 8, "shuffle": False, "optimizer": {"type": "sgd", "lr": 0.1}}

TOWERS: dict[str, Any] = {
    "name": "towers",
    "dataset": {"name": "ratings", "source": {"type": "generated", "name": "ratings", "num_rows": 100}},
    "model": {
        "inputs": ["film", "user"],
        "layers": [
            {"type": "embedding", "num_embeddings": 20, "embedding_dim": 4, "name": "one"},
            {"type": "flatten", "name": "film_vector"},
            {"type": "embedding", "num_embeddings": 40, "embedding_dim": 4, "inputs": ["user"]},
            {"type": "flatten", "name": "user_vector"},
            {"type": "multiply", "inputs": ["film_vector", "user_vector"]},
            {"type": "linear", "out_features": 1},
        ],
    },
    "data": {
        "target": "rating",
        "inputs": {"user": ["user"], "film": ["film"]},
        "columns": {"film": {"categories": "embedded"}},
        "split": IN_ORDER,
    },
    "training": HOW | {"loss": {"type": "mse_loss"}, "metrics": [{"type": "mae"}]},
}
PICTURES: dict[str, Any] = {
    "name": "pictures and what is told of them",
    "dataset": {
        "name": "shape_images",
        "source": {"type": "generated", "name": "shape_images", "num_rows": 40, "length": 8, "noise": 0.05},
    },
    "model": {
        "inputs": ["picture", "about"],
        "layers": [
            {"type": "normalization", "inputs": ["about"]},
            {"type": "linear", "out_features": 64},
            {"type": "reshape", "shape": [1, 8, 8], "name": "told"},
            {"type": "concat", "inputs": ["picture", "told"]},
            {"type": "conv2d", "out_channels": 4, "kernel_size": 3, "padding": 1},
        ],
    },
    "data": {"target": "mask", "inputs": {"picture": ["image"], "about": ["label"]}, "split": IN_ORDER},
    "training": HOW | {"loss": {"type": "cross_entropy"}, "metrics": [{"type": "accuracy"}]},
}
PROGRAMS = {"towers": TOWERS, "pictures": PICTURES}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "towers": {"user": (1,), "film": (1,)},
    "pictures": {"picture": (1, 8, 8), "about": (3,)},
}


@pytest.fixture(scope="module")
def runs(inline: Inline) -> dict[str, Run]:
    found = {name: inline.train(body) for name, body in PROGRAMS.items()}
    inline.work()
    return found


def made(name: str) -> dict[str, Any]:
    return generated.make(GeneratedSource.model_validate(PROGRAMS[name]["dataset"]["source"]))


def by_frequency(values: list[Any]) -> dict[Any, int]:
    """The place of each value that is looked up, as training values have them: 0 is for what is unknown."""
    counts = {value: values.count(value) for value in sorted(set(values))}
    return {value: i + 1 for i, value in enumerate(sorted(counts, key=lambda value: (-counts[value], value)))}


def by_hand(name: str) -> tuple[list[Tensor], Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """The inputs of all rows as the model's code takes them, their targets, and the loss."""
    columns = made(name)
    if name == "pictures":
        image = pixels(columns["image"]).float().div(255)
        label = torch.from_numpy(columns["label"][:, None] == np.unique(columns["label"])).float()
        return [image.unsqueeze(1), label], pixels(columns["mask"]).long(), F.cross_entropy
    films = columns["film"].tolist()
    known = by_frequency(films[:60])
    fed = [torch.tensor([[known.get(film, 0)] for film in films]), torch.from_numpy(columns["user"]).unsqueeze(1)]
    return fed, torch.from_numpy(columns["rating"]).float().unsqueeze(1), F.mse_loss


def module_of(name: str) -> Any:
    """The model as its own code says it, which takes its inputs one by one, with the weights that a run begins with."""
    spec = ModelSpec.model_validate(PROGRAMS[name]["model"])
    torch.manual_seed(0)
    packed = build(spec, SHAPES[name])
    written: dict[str, Any] = {"__name__": "written"}
    exec(compile(to_module(spec, SHAPES[name]), "model.py", "exec"), written)
    model = written["Model"]()
    model.load_state_dict({written["_renamed"](model, key): one for key, one in packed.state_dict().items()})
    if name == "pictures":
        label = by_hand(name)[0][1][:24]
        model.normalization_0.mean.copy_(label.mean(0))
        model.normalization_0.std.copy_(label.std(0, correction=0))
    return model


def trained_by_hand(name: str) -> tuple[Any, list[float]]:
    inputs, targets, loss_of = by_hand(name)
    model = module_of(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    num_train, losses = round(0.6 * len(targets)), []
    for _ in range(2):
        for start in range(0, num_train, 8):
            rows = slice(start, min(start + 8, num_train))
            loss = loss_of(model(*[one[rows] for one in inputs]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return model.eval(), losses


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_row_of_inputs_teaches_what_inputs_one_by_one_do(inline: Inline, runs: dict[str, Run], name: str) -> None:
    _, losses = trained_by_hand(name)
    _, ours = inline.series(runs[name], "train/loss")
    assert ours == pytest.approx(losses, rel=1e-5)


def row_of(name: str, i: int) -> dict[str, Any]:
    columns = made(name)
    if name == "pictures":
        return {"image": base64.b64encode(columns["image"][i]).decode(), "label": columns["label"][i]}
    return {"user": int(columns["user"][i]), "film": columns["film"][i]}


@pytest.mark.parametrize("name", PROGRAMS)
def test_rows_are_predicted_as_the_models_own_code_says(client: TestClient, runs: dict[str, Run], name: str) -> None:
    body = {"rows": [row_of(name, i) for i in (0, 7)]}
    answer = client.post(f"/api/v1/runs/{runs[name].id}/predict", json=body)
    assert answer.status_code == 200, answer.text
    inputs, _, _ = by_hand(name)
    model, _ = trained_by_hand(name)
    with torch.no_grad():
        theirs = model(*[one[[0, 7]] for one in inputs])
    found = answer.json()["predictions"]
    if name == "pictures":
        assert [one["label"] for one in found] == theirs.argmax(1).tolist()
    else:
        assert [one["value"] for one in found] == pytest.approx(theirs.flatten().tolist(), rel=1e-4)


def test_what_was_never_seen_is_looked_up_as_unknown(client: TestClient, runs: dict[str, Run]) -> None:
    answer = client.post(f"/api/v1/runs/{runs['towers'].id}/predict", json={"rows": [{"user": 3, "film": "film 0"}]})
    model, _ = trained_by_hand("towers")
    expected = float(model(torch.tensor([[0]]), torch.tensor([[3]])).detach())
    assert answer.json()["predictions"][0]["value"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("user", [40, -1, 2.5])
def test_no_number_is_looked_up_that_its_embedding_does_not_have(
    client: TestClient, runs: dict[str, Run], user: float
) -> None:
    body = {"rows": [{"user": user, "film": "film 1"}]}
    answer = client.post(f"/api/v1/runs/{runs['towers'].id}/predict", json=body)
    (problem,) = answer.json()["errors"]
    assert answer.status_code == 422 and problem["loc"] == ["rows", 0, "user"]
    assert "a whole number is expected, from 0 to 39" in problem["msg"]


def test_the_page_of_a_run_shows_its_inputs_and_its_code(client: TestClient, runs: dict[str, Run]) -> None:
    found = client.get(f"/api/v1/runs/{runs['towers'].id}").json()["inspection"]
    assert found["inputs"] == {"user": [1], "film": [1]} and found["input_shape"] == [2] and "outputs" not in found
    code = client.get(f"/api/v1/runs/{runs['towers'].id}/code").text
    assert "def forward(self, film: Tensor, user: Tensor) -> Tensor:" in code
    assert "film (N, 1) of whole numbers, user (N, 1) of whole numbers" in code
