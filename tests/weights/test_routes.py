"""Files of weights over REST: sent in pieces, kept if they begin as weights do, named by runs, forgotten."""

import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from fastapi.testclient import TestClient

from tests.api.test_runs import PROGRAM, RUNS
from tests.uploads.test_routes import send

pytestmark = pytest.mark.full_on_postgres

WEIGHTS = "/api/v1/weights"
TENSORS = safetensors.torch.save({"conv1.weight": torch.zeros(2, 3)})


def keep(client: TestClient, content: bytes, **more: Any) -> Any:
    return client.post(WEIGHTS, json={"upload": send(client, content, "resnet.weights"), **more})


def saved(path: Path, **how: Any) -> bytes:
    torch.save({"a": torch.zeros(2)}, path, **how)
    return path.read_bytes()


def test_a_file_is_kept_listed_and_forgotten(client: TestClient, data_dir: Path) -> None:
    answer = keep(client, TENSORS, name="mine")
    assert answer.status_code == 201
    found = answer.json()
    assert (found["name"], found["format"], found["size_bytes"]) == ("mine", "safetensors", len(TENSORS))
    assert client.get(answer.headers["location"]).json() == found
    second = keep(client, TENSORS).json()
    assert second["name"] == "resnet.weights"
    page = client.get(WEIGHTS, params={"limit": 1}).json()
    assert page["items"] == [second]
    assert client.get(WEIGHTS, params={"cursor": page["next_cursor"]}).json()["items"] == [found]
    assert (data_dir / "weights" / found["id"]).read_bytes() == TENSORS
    assert not list(data_dir.glob("uploads/*"))
    file = client.get(f"{WEIGHTS}/{found['id']}/file")
    assert file.content == TENSORS and file.headers["content-disposition"] == 'attachment; filename="mine"'
    assert file.headers["etag"] == f'"{found["sha256"]}"'
    assert client.delete(f"{WEIGHTS}/{found['id']}").status_code == 204
    assert client.get(f"{WEIGHTS}/{found['id']}/file").status_code == 404
    assert client.get(f"{WEIGHTS}/{found['id']}").status_code == 404
    assert not (data_dir / "weights" / found["id"]).exists()


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_torch_saves_is_known_by_how_it_begins(client: TestClient, tmp_path: Path, is_zip: bool) -> None:
    content = saved(tmp_path / "a.pth", _use_new_zipfile_serialization=is_zip)
    assert keep(client, content).json()["format"] == "pth"


def test_safetensors_whose_length_begins_as_a_pickle_does_are_safetensors(client: TestClient) -> None:
    """A header of 0x…80 bytes: in about one file of 32."""
    text = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    content = struct.pack("<Q", 0x180) + text.ljust(0x180) + bytes(4)
    assert content.startswith(b"\x80") and safetensors.torch.load(content)["a"].shape == (1,)
    assert keep(client, content).json()["format"] == "safetensors"


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", b"a,b\n1,2\n", struct.pack("<Q", 5) + b"[1,2]rest", struct.pack("<Q", 1 << 60) + b"{}", TENSORS[:20]],
)
def test_what_is_no_weights_is_refused_and_nothing_is_kept(client: TestClient, data_dir: Path, content: bytes) -> None:
    answer = keep(client, content)
    assert answer.status_code == 415
    assert "no file of weights" in answer.json()["detail"]
    assert client.get(WEIGHTS).json()["items"] == []
    assert not list(data_dir.glob("weights/*"))


def test_a_file_that_is_not_whole_is_waited_for(client: TestClient) -> None:
    begun = client.post("/api/v1/uploads", json={"filename": "a.pth", "size_bytes": 10}).json()
    assert client.post(WEIGHTS, json={"upload": begun["id"]}).status_code == 409
    assert client.post(WEIGHTS, json={"upload": "nobody"}).status_code == 404


def test_a_run_names_weights_that_are_there(client: TestClient) -> None:
    layer = {"type": "backbone", "architecture": "resnet18", "weights": {"type": "file", "id": "nobody"}}
    model = {"layers": [layer, {"type": "linear", "out_features": 1}]}
    problems = client.post(RUNS, json=PROGRAM | {"model": model}).json()["errors"]
    (problem,) = [one for one in problems if "no weights" in one["msg"]]
    assert problem["loc"] == ["model", "layers", 0, "weights", "id"]
    layer["weights"] = {"type": "file", "id": keep(client, pickle.dumps({})).json()["id"]}
    problems = client.post(RUNS, json=PROGRAM | {"model": model}).json()["errors"]
    assert not [one for one in problems if one["loc"][-1] == "id"]
