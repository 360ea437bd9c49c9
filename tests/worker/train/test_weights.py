"""Weights from files and from the hub: tensors are taken, code is not run, and what fails says why."""

import hashlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from app.errors import JobFailure
from worker.train import weights

TENSORS = {"conv1.weight": torch.arange(6.0).reshape(2, 3)}


class Exploit:
    """What runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def saved(folder: Path, content: Any, **how: Any) -> Path:
    torch.save(content, path := folder / "file.pth", **how)
    return path


def is_tensors(found: dict[str, Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in found)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"state_dict": it, "epoch": 3}, lambda it: {"model": it}])
def test_what_torch_saved_is_read(tmp_path: Path, wrap: Any, is_zip: bool) -> None:
    path = saved(tmp_path, wrap(TENSORS), _use_new_zipfile_serialization=is_zip)
    assert is_tensors(weights.read(path, "The file", "pth"))


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors.torch.save_file(TENSORS, path := tmp_path / "file")
    assert is_tensors(weights.read(path, "The file"))


def test_names_of_other_times_are_todays() -> None:
    old = {"module.encoder.layers.encoder_layer_0.mlp.linear_2.weight": torch.zeros(1)}
    assert list(weights.named_today(old)) == ["encoder.layers.encoder_layer_0.mlp.3.weight"]


@pytest.mark.parametrize("is_zip", [True, False])
def test_code_in_a_file_is_not_run(tmp_path: Path, is_zip: bool) -> None:
    mark = tmp_path / "ran"
    path = saved(tmp_path, {"a": torch.zeros(1), "b": Exploit(mark)}, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(JobFailure, match="holds more than tensors, which could be code") as error:
        weights.read(path, "The file", "pth")
    assert error.value.kind == "unsafe_weights"
    assert not mark.exists()


BROKEN = [
    ("safetensors", b"\5\0\0\0\0\0\0\0{}abc"),
    ("pth", b"PK\3\4broken"),
    ("pth", b"\x80"),
    ("pth", b"\x80\2broken"),
]


@pytest.mark.parametrize(("format", "content"), BROKEN)
def test_a_broken_file_is_a_failure_in_words(tmp_path: Path, format: str, content: bytes) -> None:
    (path := tmp_path / "file").write_bytes(content)
    with pytest.raises(JobFailure) as error:
        weights.read(path, "The weights mine", format)
    assert error.value.kind == "unreadable_weights"
    assert "weights_only" not in error.value.message
    assert error.value.message.startswith("The weights mine")


def test_a_file_cut_short_is_a_failure(tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(JobFailure) as error:
        weights.read(path, "The file", "pth")
    assert error.value.kind == "unreadable_weights"


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}, {}])
def test_a_file_without_tensors_is_a_failure(tmp_path: Path, content: Any) -> None:
    with pytest.raises(JobFailure, match="no tensors by name"):
        weights.read(saved(tmp_path, content), "The file", "pth")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address on this machine, and the folder whose files are there."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    (folder := tmp_path / "hub").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def offered(folder: Path, content: Any, digest: str | None = None) -> str:
    """A file called by its own hash, as on torchvision's hub, or by another."""
    path = saved(folder, content)
    digest = digest or hashlib.sha256(path.read_bytes()).hexdigest()
    return path.rename(folder / f"net-{digest[:8]}.pth").name


def test_the_hub_is_asked_once(hub: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = hub
    name = offered(folder, TENSORS)
    assert is_tensors(weights.fetch(f"{address}/{name}", tmp_path / "kept"))
    (folder / name).unlink()
    assert is_tensors(weights.fetch(f"{address}/{name}", tmp_path / "kept"))


def test_what_the_hub_gives_is_held_to_its_hash_and_never_run(hub: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = hub
    with pytest.raises(JobFailure, match="hash"):
        weights.fetch(f"{address}/{offered(folder, TENSORS, digest='0' * 64)}", tmp_path / "kept")
    assert not list((tmp_path / "kept").glob("*"))
    with pytest.raises(JobFailure, match="could be code"):
        weights.fetch(f"{address}/{offered(folder, Exploit(tmp_path / 'ran'))}", tmp_path / "kept")
    assert not (tmp_path / "ran").exists()


def test_a_hub_that_cannot_be_reached_is_told_with_what_to_do(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/net-00000000.pth"
    with pytest.raises(JobFailure, match=url) as error:
        weights.fetch(url, tmp_path)
    assert error.value.kind == "hub_failed"
    assert "POST /weights" in (error.value.hint or "")
