"""Models kept over REST: what comes back is what was said."""

from typing import Any

from fastapi.testclient import TestClient

LAYERS: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 8, "weight_init": {"type": "xavier_uniform"}},
    {"type": "relu"},
    {"type": "linear", "out_features": 3, "bias": True},
]


def test_a_kept_model_is_what_was_said_and_can_be_trained(client: TestClient) -> None:
    kept = client.post("/api/v1/models", json={"name": "small", "definition": {"layers": LAYERS}})
    assert kept.status_code == 201, kept.text
    found = client.get(kept.headers["Location"]).json()
    assert found["definition"] == {"layers": LAYERS}
    run = {
        "name": "of a kept model",
        "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
        "model": found["id"],
        "data": {"target": "species"},
        "training": {"num_epochs": 1, "loss": {"type": "cross_entropy"}},
    }
    answer = client.post("/api/v1/runs", json=run)
    assert answer.status_code == 201, answer.text
    assert answer.json()["model"] == {"id": found["id"], "name": "small"}
    spec = client.get(answer.headers["Location"]).json()["spec"]
    assert [layer["type"] for layer in spec["model"]["layers"]] == ["linear", "relu", "linear"]


def test_a_model_that_is_forgotten_is_gone(client: TestClient) -> None:
    place = client.post("/api/v1/models", json={"name": "x", "definition": {"layers": LAYERS}}).headers["Location"]
    assert client.delete(place).status_code == 204
    assert client.get(place).status_code == 404


BLOCK: dict[str, Any] = {
    "arguments": {"width": None},
    "layers": [{"type": "linear", "out_features": "$width"}, {"type": "relu"}],
}


def test_a_model_of_blocks_is_looked_at_kept_and_trained(client: TestClient) -> None:
    use = {"type": "block", "block": "dense", "arguments": {"width": 6}, "repeat": 2, "name": "stage"}
    model = {"blocks": {"dense": BLOCK}, "layers": [use, {"type": "linear", "out_features": 3}]}
    body = {"model": model, "input_shape": [4], "optimizer": {"type": "adam"}, "batch_size": 10}
    found = client.post("/api/v1/models/inspect", json=body).json()
    assert [layer["name"] for layer in found["layers"]] == ["stage.0.0", "stage.0.1", "stage.1.0", "stage.1.1", "1"]
    assert found["num_multiply_adds"] == 4 * 6 + 6 * 6 + 6 * 3
    assert found["num_parameters"] == 30 + 42 + 21
    # Each linear layer keeps what it is given, each relu what it gives, and the loss needs what comes out.
    assert found["num_kept"] == 6 + 6 + 3
    assert found["memory"]["activations"] == 4 * 10 * (4 + 6 + 6 + 3)
    assert found["memory"]["optimizer"] == 2 * found["memory"]["weights"] == 2 * 4 * 93
    kept = client.post("/api/v1/models", json={"name": "blocks", "definition": model})
    assert kept.status_code == 201, kept.text
    run = {
        "name": "of blocks",
        "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
        "model": kept.json()["id"],
        "data": {"target": "species"},
        "training": {"num_epochs": 1, "loss": {"type": "cross_entropy"}},
    }
    checked = client.post("/api/v1/runs/check", json=run).json()
    assert checked["ok"] and checked["memory"]["weights"] == 4 * 93
    answer = client.post("/api/v1/runs", json=run)
    assert answer.status_code == 201, answer.text
    assert client.get(answer.headers["Location"]).json()["spec"]["model"]["blocks"]["dense"] == BLOCK | {
        "inputs": ["input"]
    }


def test_a_model_that_is_wired_wrongly_is_not_kept(client: TestClient) -> None:
    body = {"name": "odd", "definition": {"layers": [{"type": "block", "block": "nowhere"}]}}
    answer = client.post("/api/v1/models", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["loc"] == ["definition", "layers", 0, "block"] and "there is no block 'nowhere'" in error["msg"]


def test_a_model_is_given_as_python(client: TestClient) -> None:
    body = {"model": {"name": "small", "layers": LAYERS}, "input_shape": [4]}
    answer = client.post("/api/v1/models/code", json=body)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/x-python")
    assert answer.text.startswith('"""small, for inputs (N, 4)."""') and "class Model(nn.Sequential)" in answer.text
    misfit = client.post("/api/v1/models/code", json=body | {"input_shape": []})
    assert misfit.status_code == 422 and misfit.json()["errors"][0]["loc"] == ["input_shape"]


def test_a_runs_model_is_given_as_python_for_what_it_was_fed(client: TestClient) -> None:
    run = {
        "name": "of a model",
        "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
        "model": {"layers": LAYERS},
        "data": {"target": "species"},
        "training": {"num_epochs": 1, "loss": {"type": "cross_entropy"}},
    }
    place = client.post("/api/v1/runs", json=run).headers["Location"]
    answer = client.get(f"{place}/code")
    assert answer.status_code == 200, answer.text
    assert 'filename="model.py"' in answer.headers["content-disposition"]
    assert "nn.Linear(in_features=4, out_features=8)" in answer.text
    assert client.get("/api/v1/runs/nobody/code").status_code == 404


def test_a_model_that_keras_wrote_becomes_one_of_ours_that_can_be_trained(client: TestClient) -> None:
    dense = [{"class_name": "Dense", "config": {"name": "dense", "units": 3, "activation": "relu"}}]
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4]}}
    model = {"class_name": "Sequential", "config": {"name": "small", "layers": [first, *dense]}}
    found = client.post("/api/v1/models/from-keras", json=model)
    assert found.status_code == 200, found.text
    body = found.json()
    assert body["input_shape"] == [4] and body["notes"] == [] and body["inspection"]["num_parameters"] == 15
    assert [layer["type"] for layer in body["model"]["layers"]] == ["linear", "relu"]
    assert body["model"]["layers"][0]["weight_init"] == {"type": "xavier_uniform"}
    kept = client.post("/api/v1/models", json={"name": "of Keras", "definition": body["model"]})
    assert kept.status_code == 201, kept.text


def test_a_keras_model_is_refused_with_every_place_and_sizes_left_open_are_asked_for(client: TestClient) -> None:
    open_ended = {"class_name": "InputLayer", "config": {"batch_shape": [None, None]}}
    embedding = {"class_name": "Embedding", "config": {"input_dim": 9, "output_dim": 2}}
    layers: list[Any] = [open_ended, embedding]
    model = {"class_name": "Sequential", "config": {"layers": layers}}
    answer = client.post("/api/v1/models/from-keras", json=model)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["config", "layers", 0, "config", "batch_shape"]
    given = client.post("/api/v1/models/from-keras?input_shape=7", json=model).json()
    assert given["input_shape"] == [7] and given["inspection"]["output_shape"] == [7, 2]
    layers += [{"class_name": "Lambda", "config": {}}, {"class_name": "Dense", "config": {"units": "many"}}]
    errors = client.post("/api/v1/models/from-keras?input_shape=7", json=model).json()["errors"]
    assert [error["loc"][2:] for error in errors] == [[2, "class_name"], [3, "config", "units"]]
    for odd in ("null", "[]", "NaN", '"\\ud800"', "[" * 10_000):
        answer = client.post("/api/v1/models/from-keras", content=odd, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422) and answer.json()["detail"]


TWO = {
    "inputs": ["a", "b"],
    "layers": [{"type": "concat", "inputs": ["a", "b"]}, {"type": "linear", "out_features": 1}],
}


def test_a_model_with_several_inputs_is_asked_with_a_shape_for_each(client: TestClient) -> None:
    body = {"model": TWO, "input_shapes": {"a": [2], "b": [3]}}
    found = client.post("/api/v1/models/inspect", json=body).json()
    assert found["inputs"] == {"a": [2], "b": [3]} and found["num_parameters"] == 6
    assert "forward(self, a: Tensor, b: Tensor)" in client.post("/api/v1/models/code", json=body).text
    assert client.post("/api/v1/models/check", json=body).json()["ok"] is True
    answer = client.post("/api/v1/models/check", json={"model": TWO, "input_shape": [5]}).json()
    assert [problem["loc"] for problem in answer["errors"]] == [["input_shapes"]]
    refused = client.post("/api/v1/models/inspect", json={"model": TWO, "input_shapes": {"a": [2]}})
    assert refused.status_code == 422 and refused.json()["errors"][0]["loc"] == ["input_shapes", "b"]
