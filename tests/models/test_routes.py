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
