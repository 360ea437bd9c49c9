"""Models to start from: each fits what it is made for, and says what that is where it does not."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.specs.model import ModelSpec

FED: dict[str, dict[str, Any]] = {
    "a table": {"input_shape": [4], "output_shape": [3]},
    "a table and itself": {"input_shape": [4], "output_shape": [4]},
    "a picture": {"input_shape": [1, 28, 28], "output_shape": [10]},
    "a picture and itself": {"input_shape": [3, 16, 16], "output_shape": [3, 16, 16]},
    "a picture of columns and itself": {"input_shape": [1, 8, 8], "output_shape": [64]},
    "a picture and its mask": {"input_shape": [1, 24, 16], "output_shape": [None, 24, 16]},
    "a small picture": {"input_shape": [3, 8, 8], "output_shape": [2]},
    "a large picture": {"input_shape": [3, 224, 200], "output_shape": [1000]},
    "a time series": {"input_shape": [32, 3], "output_shape": [2]},
    "a text": {"input_shape": [20], "num_embeddings": 50, "output_shape": [1]},
    "two texts": {"input_shape": [20], "num_embeddings": 50, "num_texts": 2},
    "three texts": {"input_shape": [30], "num_embeddings": 50, "num_texts": 3},
    "a text and its next words": {"input_shape": [20], "num_embeddings": 50, "output_shape": [20, 50]},
    "user and item": {"input_shape": [2], "num_embeddings": 640, "num_columns": 2},
    "columns beside numbers": {"input_shape": [5], "num_embeddings": 640, "num_columns": 3},
    "four columns": {"input_shape": [4], "num_embeddings": 640, "num_columns": 4},
}
FITTING = {
    "a table": {"neuron", "mlp"},
    "a table and itself": {"neuron", "mlp", "autoencoder"},
    "a picture": {"neuron", "mlp", "lenet", "vgg", "resnet"},
    "a picture and itself": {"unet", "autoencoder"},
    "a picture of columns and itself": {"neuron", "mlp", "lenet", "vgg", "resnet", "autoencoder"},
    "a picture and its mask": {"unet"},
    "a small picture": {"neuron", "mlp", "lenet", "vgg", "resnet"},
    "a large picture": {"neuron", "mlp", "lenet", "vgg", "resnet"},
    "a time series": {"neuron", "mlp", "lstm", "bigru", "encoder"},
    "a text": {"lstm", "bigru", "encoder"},
    "two texts": {"lstm", "bigru", "encoder", "two_towers"},
    "three texts": {"lstm", "bigru", "encoder"},
    "a text and its next words": {"decoder"},
    "user and item": {"embedded", "two_towers"},
    "columns beside numbers": {"embedded"},
    "four columns": {"embedded"},
}


@pytest.mark.parametrize("fed", FED)
def test_templates_that_fit_hold_for_what_is_fed(client: TestClient, fed: str) -> None:
    asked = FED[fed]
    found = client.post("/api/v1/models/templates", json=asked).json()
    assert {one["key"] for one in found if one["definition"]} == FITTING[fed]
    assert all(bool(one["definition"]) != bool(one["problem"]) for one in found)
    for one in found:
        if one["definition"]:
            output = ModelSpec.model_validate(one["definition"]).inspect(tuple(asked["input_shape"])).output_shape
            wanted = asked.get("output_shape", [1])
            assert len(output) == len(wanted), one["key"]
            assert all(size in (None, made) for size, made in zip(wanted, output, strict=True)), one["key"]


def test_a_u_net_says_which_sizes_it_takes(client: TestClient) -> None:
    found = client.post(
        "/api/v1/models/templates", json={"input_shape": [1, 30, 28], "output_shape": [2, 30, 28]}
    ).json()
    unet = next(one for one in found if one["key"] == "unet")
    assert unet["problem"] == "halves the sides twice: they must be divisible by 4, and these are 30×28"


def test_what_is_no_input_is_refused(client: TestClient) -> None:
    for asked in (
        {"input_shape": []},
        {"input_shape": [0]},
        {"input_shape": [1] * 5},
        {},
        {"input_shape": [1], "output_shape": []},
    ):
        assert client.post("/api/v1/models/templates", json=asked).status_code == 422


def test_sizes_have_bounds(client: TestClient) -> None:
    huge = 10**400
    assert client.post("/api/v1/models/templates", json={"input_shape": [3, huge, huge]}).status_code == 422
    model = {"layers": [{"type": "linear", "out_features": 2}]}
    for path in ("inspect", "code"):
        body = {"model": model, "input_shape": [1] * 1000}
        assert client.post(f"/api/v1/models/{path}", json=body).status_code == 422
    found = client.post("/api/v1/models/check", json={"model": model, "input_shape": [1] * 1000}).json()
    assert found["ok"] is False and found["layers"] == []
