"""Answers of many places, from the body of a run to predictions over REST, beside loops that a PyTorch user writes."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image
from sklearn import metrics as sklearn
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app import generated
from app.db.tables import Job, Run
from app.specs.model import ModelSpec
from app.specs.sources import GeneratedSource
from tests.inline import Inline
from worker.data import builtin
from worker.nn.build import build

IN_ORDER = {"type": "shares", "train": 0.6, "validation": 0.0, "test": 0.4, "shuffle": False}
PICTURES = {"type": "generated", "name": "shape_images", "num_rows": 40, "length": 8, "noise": 0.05}
LETTERS = {"type": "generated", "name": "markov_text", "num_rows": 40, "length": 9, "noise": 0.0}
MEASURES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
LENGTH, VOCABULARY = 6, 12

Programs = dict[str, dict[str, Any]]


def program(
    source: dict[str, Any], layers: list[dict[str, Any]], data: dict[str, Any], **training: Any
) -> dict[str, Any]:
    how = {"num_epochs": 2, "batch_size": 8, "shuffle": False, "optimizer": {"type": "sgd", "lr": 0.1}}
    return {
        "name": "answers",
        "dataset": {"name": str(source["name"]), "source": source},
        "model": {"layers": layers},
        "data": {"split": IN_ORDER, **data},
        "training": how | training,
    }


CONV = {"type": "conv2d", "kernel_size": 3, "padding": 1}
PROGRAMS: Programs = {
    "numbers": program(
        {"type": "builtin", "name": "iris"},
        [{"type": "linear", "out_features": 2}, {"type": "linear", "out_features": 4}],
        {"features": MEASURES, "target": MEASURES, "scale_target": "standardize"},
        loss={"type": "mse_loss"},
        metrics=[{"type": "mae"}, {"type": "r2"}],
    ),
    "image": program(
        PICTURES,
        [CONV | {"out_channels": 2}, {"type": "relu"}, CONV | {"out_channels": 1}],
        {"features": ["image"], "target": "image"},
        loss={"type": "binary_cross_entropy_with_logits"},
        metrics=[{"type": "accuracy"}],
    ),
    "mask": program(
        PICTURES,
        [CONV | {"out_channels": 4}, {"type": "relu"}, CONV | {"out_channels": 4}],
        {"features": ["image"], "target": "mask"},
        loss={"type": "cross_entropy"},
        metrics=[{"type": "accuracy"}, {"type": "f1"}, {"type": "top_k_accuracy", "k": 2}],
    ),
    "next": program(
        LETTERS,
        [
            {"type": "embedding", "num_embeddings": VOCABULARY, "embedding_dim": 5},
            {"type": "linear", "out_features": VOCABULARY},
        ],
        {
            "features": ["text"],
            "target": "text",
            "next_token": True,
            "columns": {
                "text": {
                    "tokens": {"level": "characters", "length": LENGTH, "vocabulary_size": VOCABULARY, "pad": "end"}
                }
            },
        },
        loss={"type": "cross_entropy"},
        metrics=[{"type": "accuracy"}, {"type": "top_k_accuracy", "k": 3}],
    ),
}


@pytest.fixture(scope="module")
def runs(inline: Inline) -> dict[str, Run]:
    found = {name: inline.train(body) for name, body in PROGRAMS.items()}
    inline.work()
    return found


def pixels(column: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in column]))


def vocabulary(texts: list[str]) -> dict[str, int]:
    """Tokens from 2 on by how often they occur, equal ones by alphabet."""
    counts = {letter: "".join(texts).count(letter) for letter in sorted(set("".join(texts)))}
    return {letter: i + 2 for i, letter in enumerate(sorted(counts, key=lambda letter: (-counts[letter], letter)))}


def by_hand(name: str) -> tuple[Tensor, Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """Inputs and targets of all rows, and the loss, as one would write them for the program of that name."""
    if name == "numbers":
        made = builtin.make("iris")
        inputs = torch.tensor(np.column_stack([made[one] for one in MEASURES]), dtype=torch.float64)
        train = inputs[: round(0.6 * 150)]
        targets = (inputs - train.mean(0)) / train.std(0, correction=0)
        return inputs.float(), targets.float(), F.mse_loss
    made = generated.make(GeneratedSource.model_validate(PROGRAMS[name]["dataset"]["source"]))
    if name == "next":
        texts = made["text"].tolist()
        known = vocabulary(texts[:24])
        ids = torch.tensor([[known.get(letter, 1) for letter in text] for text in texts])
        shown, following = ids[:, :LENGTH], ids[:, 1 : LENGTH + 1]
        return (
            shown,
            following,
            lambda outputs, targets: F.cross_entropy(
                outputs.reshape(-1, VOCABULARY), targets.reshape(-1), ignore_index=0
            ),
        )
    image = pixels(made["image"]).float().div(255).unsqueeze(1)
    if name == "image":
        return image, image, F.binary_cross_entropy_with_logits
    return image, pixels(made["mask"]).long(), F.cross_entropy


def trained_by_hand(name: str) -> tuple[nn.Module, list[float]]:
    inputs, targets, loss_of = by_hand(name)
    body = PROGRAMS[name]
    torch.manual_seed(0)
    model = build(ModelSpec.model_validate(body["model"]), tuple(inputs.shape[1:]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    num_train, losses = round(0.6 * len(inputs)), []
    for _ in range(2):
        for start in range(0, num_train, 8):
            rows = slice(start, min(start + 8, num_train))
            loss = loss_of(model(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    return model.eval(), losses


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_run_learns_as_a_loop_written_by_hand_does(inline: Inline, runs: dict[str, Run], name: str) -> None:
    _, losses = trained_by_hand(name)
    _, ours = inline.series(runs[name], "train/loss")
    assert ours == pytest.approx(losses, rel=1e-5)


def judged_by_hand(name: str) -> tuple[Tensor, Tensor]:
    """Outputs and targets of the test rows."""
    model, _ = trained_by_hand(name)
    inputs, targets, _ = by_hand(name)
    rows = slice(round(0.6 * len(inputs)), None)
    with torch.no_grad():
        return model(inputs[rows]), targets[rows]


def test_numbers_are_judged_column_by_column_in_their_own_units(runs: dict[str, Run]) -> None:
    outputs, targets = judged_by_hand("numbers")
    spread = by_hand("numbers")[0][:90].double().std(0, correction=0)
    found = (runs["numbers"].evaluation or {})["parts"]["test"]
    wrong = (outputs - targets).double() * spread
    assert found["mae"] == pytest.approx(float(wrong.abs().mean()), rel=1e-4)
    theirs = sklearn.r2_score(targets.double(), outputs.double(), multioutput="variance_weighted")
    assert found["r2"] == pytest.approx(theirs, rel=1e-4)
    baseline = (runs["numbers"].evaluation or {})["baseline"]
    assert baseline["name"] == "always saying the mean of each column"


def test_pixels_are_judged_one_by_one(runs: dict[str, Run]) -> None:
    outputs, targets = judged_by_hand("mask")
    said, truth = outputs.argmax(1).flatten(), targets.flatten()
    evaluation = runs["mask"].evaluation or {}
    found = evaluation["parts"]["test"]
    assert found["loss"] == pytest.approx(float(F.cross_entropy(outputs, targets)), rel=1e-5)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, said))
    assert found["f1"] == pytest.approx(sklearn.f1_score(truth, said, average="macro", zero_division=0))
    flat = outputs.movedim(1, -1).reshape(-1, 4)
    assert found["top_2_accuracy"] == pytest.approx(
        sklearn.top_k_accuracy_score(truth, flat.double().softmax(1), k=2, labels=range(4)), abs=1e-6
    )
    assert found["confusion"] == sklearn.confusion_matrix(truth, said, labels=range(4)).tolist()
    assert evaluation["baseline"]["accuracy"] == pytest.approx(float((truth == 0).float().mean()))
    assert evaluation["baseline"]["name"] == "always saying class 0"


def test_tokens_are_judged_where_one_follows(runs: dict[str, Run]) -> None:
    outputs, targets = judged_by_hand("next")
    said, truth = outputs.argmax(-1).flatten(), targets.flatten()
    found = (runs["next"].evaluation or {})["parts"]["test"]
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, said))
    best = outputs.flatten(0, 1).topk(3).indices
    assert found["top_3_accuracy"] == pytest.approx(float((best == truth[:, None]).any(1).float().mean()))
    assert np.sum(found["confusion"]) == len(truth)


def predict(client: TestClient, run: Run, row: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": [row]})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    return dict(found)


def test_several_numbers_are_answered_by_name(client: TestClient, runs: dict[str, Run]) -> None:
    inputs, _, _ = by_hand("numbers")
    model, _ = trained_by_hand("numbers")
    found = predict(client, runs["numbers"], dict(zip(MEASURES, inputs[0].tolist(), strict=True)))
    train = inputs[:90].double()
    theirs = model(inputs[:1]).double()[0] * train.std(0, correction=0) + train.mean(0)
    assert found["value"] == pytest.approx(dict(zip(MEASURES, theirs.tolist(), strict=True)), rel=1e-4)
    answer = client.post(
        f"/api/v1/runs/{runs['numbers'].id}/predictions",
        files={"file": ("rows.csv", f"{','.join(MEASURES)}\n5,3,1,0.2\n".encode())},
    )
    assert answer.text.splitlines()[0] == ",".join([*MEASURES, *(f"predicted {one}" for one in MEASURES)])


@pytest.mark.parametrize("name", ["image", "mask"])
def test_images_are_answered_by_images(client: TestClient, runs: dict[str, Run], name: str) -> None:
    column = generated.make(GeneratedSource.model_validate(PICTURES))["image"]
    inputs, _, _ = by_hand(name)
    model, _ = trained_by_hand(name)
    found = predict(client, runs[name], {"image": base64.b64encode(column[0]).decode()})
    theirs = model(inputs[:1]).detach()[0]
    if name == "image":
        np.testing.assert_allclose(found["value"], theirs.sigmoid(), atol=1e-5)
    else:
        assert found == {"label": theirs.argmax(0).tolist()}


def test_the_next_token_is_told_for_the_last_place(client: TestClient, runs: dict[str, Run]) -> None:
    texts = generated.make(GeneratedSource.model_validate(LETTERS))["text"].tolist()
    known = vocabulary(texts[:24])
    words = {i: letter for letter, i in known.items()} | {0: "[PAD]", 1: "[UNK]", 10: "#10", 11: "#11"}
    model, _ = trained_by_hand("next")
    found = predict(client, runs["next"], {"text": texts[0][:4]})
    shares = model(torch.tensor([[known[letter] for letter in texts[0][:4]] + [0, 0]])).detach()[0].softmax(-1)
    assert found["tokens"] == [words[int(i)] for i in shares[:4].argmax(-1)]
    assert found["label"] == found["tokens"][-1]
    best = {words[int(i)]: float(shares[3, i]) for i in shares[3].topk(3).indices}
    assert {one: found["probabilities"][one] for one in best} == pytest.approx(best, rel=1e-4)
    assert len(found["probabilities"]) == 10


def test_a_text_of_one_token_has_none_that_comes_next(tmp_path: Path) -> None:
    inline = Inline(tmp_path)
    body = PROGRAMS["next"]
    words = {"text": {"tokens": {"level": "words", "length": LENGTH, "vocabulary_size": VOCABULARY}}}
    run_id = inline.submit(body | {"data": body["data"] | {"columns": words}})
    inline.work()
    with inline.db.read() as session:
        job = session.get_one(Job, session.get_one(Run, run_id).job_id)
    assert job.status == "failed" and job.error is not None
    assert job.error["message"] == "No training text of 'text' has a second token, so none comes next."
    inline.close()
