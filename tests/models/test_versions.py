"""Versions of a model over REST: numbered, listed, held against one another, known to the runs that trained them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db import Database
from app.models import service
from app.models.schemas import ModelIn


def model(size: int, name: str = "small", **rest: Any) -> dict[str, Any]:
    layers = [{"type": "linear", "out_features": size}, {"type": "relu"}, {"type": "linear", "out_features": 3}]
    return {"name": name, "definition": {"layers": layers}, **rest}


def keep(client: TestClient, size: int, **rest: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/models", json=model(size, **rest))
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


def run_of(model_said: Any) -> dict[str, Any]:
    return {
        "name": "of a model",
        "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
        "model": model_said,
        "data": {"target": "species"},
        "training": {"num_epochs": 1, "loss": {"type": "cross_entropy"}},
    }


def test_a_model_made_of_another_is_its_next_version_and_lists_show_the_newest(client: TestClient) -> None:
    first = keep(client, 8)
    assert (first["family_id"], first["version"], first["parent_id"]) == (first["id"], 1, None)
    second = keep(client, 16, parent_id=first["id"])
    third = keep(client, 32, parent_id=first["id"], name="other name")
    assert [one["version"] for one in (second, third)] == [2, 3]
    assert {one["family_id"] for one in (second, third)} == {first["id"]}
    assert third["parent_id"] == first["id"] and third["num_versions"] == 3
    listed = client.get(f"/api/v1/models/{second['id']}/versions").json()
    assert [one["id"] for one in listed] == [third["id"], second["id"], first["id"]]
    assert [one["id"] for one in client.get("/api/v1/models").json()["items"]] == [third["id"]]


def test_a_version_of_nothing_and_one_that_does_not_fit_its_input_are_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/models", json=model(8, parent_id="nobody"))
    assert answer.status_code == 422 and answer.json()["errors"][0]["loc"] == ["parent_id"]
    misfit = {"name": "x", "definition": {"layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 3}]}}
    answer = client.post("/api/v1/models", json=misfit | {"input_shape": [1, 2, 2]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["definition", "layers", 0, "kernel_size"]
    assert client.get("/api/v1/models/nobody/versions").status_code == 404


def test_a_deleted_version_leaves_the_others_their_numbers(client: TestClient) -> None:
    first = keep(client, 8)
    second = keep(client, 16, parent_id=first["id"])
    assert client.delete(f"/api/v1/models/{first['id']}").status_code == 204
    (left,) = client.get(f"/api/v1/models/{second['id']}/versions").json()
    assert (left["version"], left["family_id"], left["parent_id"]) == (2, first["id"], first["id"])
    assert keep(client, 32, parent_id=second["id"])["version"] == 3


def test_a_version_is_made_for_what_its_parent_is_where_that_fits(client: TestClient) -> None:
    first = keep(client, 8, input_shape=[4])
    second = keep(client, 16, parent_id=first["id"])
    assert (second["input_shape"], second["num_parameters"]) == ([4], 4 * 16 + 16 + 16 * 3 + 3)
    conv = {"layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 3}]}
    body = {"name": "conv", "definition": conv, "parent_id": second["id"]}
    third = client.post("/api/v1/models", json=body).json()
    assert (third["input_shape"], third["num_parameters"], third["version"]) == (None, None, 3)


def test_a_difference_tells_layers_and_costs_for_the_input_that_either_was_made_for(client: TestClient) -> None:
    first = keep(client, 8)
    second = keep(client, 16, parent_id=first["id"], input_shape=[4])
    assert second["num_parameters"] == 4 * 16 + 16 + 16 * 3 + 3
    place = f"/api/v1/models/{first['id']}/difference"
    found = client.get(place, params={"to": second["id"]}).json()
    assert (found["before"]["version"], found["after"]["version"]) == (1, 2)
    assert [layer["change"] for layer in found["layers"]] == ["changed", "same", "same"]
    assert found["layers"][0]["fields"] == [{"name": "out_features", "before": 8, "after": 16}]
    assert found["input_shape"] == [4]
    assert found["num_parameters"] == {"before": 4 * 8 + 8 + 8 * 3 + 3, "after": second["num_parameters"]}
    assert found["num_multiply_adds"] == {"before": 4 * 8 + 8 * 3, "after": 4 * 16 + 16 * 3}
    wider = client.get(place, params={"to": second["id"], "input_shape": "7"}).json()
    assert wider["num_multiply_adds"]["before"] == 7 * 8 + 8 * 3


def test_where_no_input_is_known_a_difference_has_no_costs_and_a_misfit_is_said(client: TestClient) -> None:
    first, second = keep(client, 8), keep(client, 16)
    place = f"/api/v1/models/{first['id']}/difference"
    found = client.get(place, params={"to": second["id"]}).json()
    assert found["input_shape"] is None and found["num_parameters"] == {"before": None, "after": None}
    conv = {"name": "conv", "definition": {"layers": [{"type": "conv2d", "out_channels": 1, "kernel_size": 3}]}}
    other = client.post("/api/v1/models", json=conv).json()
    found = client.get(place, params={"to": other["id"], "input_shape": "4"}).json()
    assert found["num_parameters"]["before"] and found["num_parameters"]["after"] is None
    assert found["misfits"] and found["misfits"][0].startswith("version 1: layer 0 (conv2d)")
    assert client.get(place, params={"to": other["id"], "input_shape": "a"}).status_code == 422
    assert client.get(place, params={"to": "nobody"}).status_code == 404


def test_runs_are_found_by_the_model_that_they_trained_also_when_cloned(client: TestClient) -> None:
    first = keep(client, 8)
    second = keep(client, 16, parent_id=first["id"])
    run = client.post("/api/v1/runs", json=run_of(first["id"])).json()
    again = client.post(f"/api/v1/runs/{run['id']}/clone").json()
    assert again["model"] == run["model"]
    own = client.post("/api/v1/runs", json=run_of(model(4)["definition"] | {"name": "small"})).json()
    other = client.post("/api/v1/runs", json=run_of(model(4)["definition"])).json()

    def found(filter: str) -> set[str]:
        answer = client.get("/api/v1/runs", params={"filter": filter})
        return {one["id"] for one in answer.json()["items"]}

    assert found(f"model:{first['id']}") == {run["id"], again["id"]}
    assert found(f"model:{second['id']}") == set()
    assert found("model:small") == {run["id"], again["id"], own["id"]}
    assert found("model!=small") == {other["id"]}
    assert found("model~sma") == {run["id"], again["id"], own["id"]}
    kept = client.get(f"/api/v1/models/{first['id']}").json()
    assert (kept["num_runs"], kept["num_runs_of_family"]) == (2, 2)
    assert (kept["input_shape"], kept["num_parameters"]) == ([4], 4 * 8 + 8 + 8 * 3 + 3)
    newest = client.get(f"/api/v1/models/{second['id']}").json()
    assert (newest["num_runs"], newest["num_runs_of_family"], newest["num_parameters"]) == (0, 2, None)
    costs = client.get(f"/api/v1/models/{first['id']}/difference", params={"to": second["id"]}).json()
    assert costs["input_shape"] == [4], "that of the newest run, where nobody said another"


def test_versions_that_are_kept_at_once_have_numbers_of_their_own(db: Database) -> None:
    with db.write() as session:
        first = service.create_model(session, ModelIn.model_validate(model(8))).id

    def keep_one(size: int) -> int:
        with db.write() as session:
            return service.create_model(session, ModelIn.model_validate(model(size, parent_id=first))).version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(keep_one, range(1, 9))) == list(range(2, 10))


@pytest.mark.parametrize("q", ["model:sm", "model~sm"])
def test_a_filter_completes_the_names_of_models(client: TestClient, q: str) -> None:
    keep(client, 8)
    answer = client.get("/api/v1/runs/filter/completions", params={"q": q}).json()
    assert [one["text"] for one in answer["items"]] == ["small"]


def test_a_new_run_can_be_begun_with_an_older_version(client: TestClient) -> None:
    first = keep(client, 8)
    second = keep(client, 16, parent_id=first["id"])
    assert first["id"] not in {one["id"] for one in client.get("/api/v1/models").json()["items"]}
    page = client.get("/runs/new", params={"model": first["id"]}).text
    assert f'"id": "{first["id"]}"' in page and f'"id": "{second["id"]}"' in page
    assert client.get("/runs/new", params={"model": "nobody"}).status_code == 200
