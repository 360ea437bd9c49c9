"""Models to start from: each fits what it is made for, and says what that is where it does not."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.specs.model import ModelSpec

FED: dict[str, dict[str, Any]] = {
    "a table": {"input_shape": [4], "num_outputs": 3},
    "a picture": {"input_shape": [1, 28, 28], "num_outputs": 10},
    "a small picture": {"input_shape": [3, 8, 8], "num_outputs": 2},
    "a large picture": {"input_shape": [3, 224, 200], "num_outputs": 1000},
    "a time series": {"input_shape": [32, 3], "num_outputs": 2},
    "a text": {"input_shape": [20], "num_embeddings": 50, "num_outputs": 1},
    "user and item": {"input_shape": [2], "num_embeddings": 640, "num_columns": 2},
    "columns beside numbers": {"input_shape": [5], "num_embeddings": 640, "num_columns": 3},
}
FITTING = {
    "a table": {"neuron", "mlp", "autoencoder"},
    "a picture": {"neuron", "mlp", "lenet", "vgg", "resnet", "unet", "autoencoder"},
    "a small picture": {"neuron", "mlp", "lenet", "vgg", "resnet", "unet", "autoencoder"},
    "a large picture": {"neuron", "mlp", "lenet", "vgg", "resnet", "unet", "autoencoder"},
    "a time series": {"neuron", "mlp", "lstm", "bigru", "encoder", "autoencoder"},
    "a text": {"lstm", "bigru", "encoder", "decoder", "two_towers"},
    "user and item": {"embedded", "two_towers"},
    "columns beside numbers": {"embedded"},
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
            assert output == _wanted(one["key"], asked), one["key"]


def _wanted(key: str, asked: dict[str, Any]) -> list[int]:
    shape, num_outputs = asked["input_shape"], asked.get("num_outputs", 1)
    own = {"unet": [num_outputs, *shape[1:]], "autoencoder": shape, "decoder": [*shape, asked.get("num_embeddings")]}
    return own.get(key, [num_outputs])


def test_a_u_net_says_which_sizes_it_takes(client: TestClient) -> None:
    found = client.post("/api/v1/models/templates", json={"input_shape": [1, 30, 28]}).json()
    unet = next(one for one in found if one["key"] == "unet")
    assert unet["problem"] == "halves the sides twice: they must be divisible by 4, and these are 30×28"


def test_what_is_no_input_is_refused(client: TestClient) -> None:
    for asked in ({"input_shape": []}, {"input_shape": [0]}, {"input_shape": [1] * 5}, {}):
        assert client.post("/api/v1/models/templates", json=asked).status_code == 422
