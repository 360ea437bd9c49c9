"""A file appears whole or not at all, and only where we chose."""

import os
from pathlib import Path

import pytest

from app import storage as files
from app.storage import Storage


def test_a_write_is_synced_before_it_gets_its_name(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(handle: int) -> None:
        done.append("sync folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "sync file")  # noqa: PTH112
        fsync(handle)

    def record_replace(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    folder = storage.folder("runs", "0a")
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    storage.write(folder / "model.onnx", b"weights")
    assert done == ["sync file", "rename", "sync folder"]


def test_every_folder_that_is_made_on_the_way_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    storage = Storage(tmp_path)
    storage.folder("runs", "0a", "1", "step-5")
    assert set(synced) == {tmp_path, tmp_path / "runs", tmp_path / "runs" / "0a", tmp_path / "runs" / "0a" / "1"}
    synced.clear()
    storage.folder("runs", "0a", "1", "step-6")
    assert synced == [tmp_path / "runs" / "0a" / "1"]
    storage.folder("runs", "0a", "1", "step-6")
    assert len(synced) == 1


def test_a_write_that_fails_leaves_no_trace(storage: Storage) -> None:
    folder = storage.folder("runs", "0a")
    storage.write(folder / "state.json", b"old")
    with pytest.raises(OSError, match="full"), storage.writing(folder / "state.json") as file:
        file.write(b"new")
        raise OSError("disk full")
    assert [path.name for path in folder.iterdir()] == ["state.json"]
    assert (folder / "state.json").read_bytes() == b"old"


def test_size_and_hash_are_of_the_content(storage: Storage) -> None:
    folder = storage.folder("datasets", "0b")
    stored = storage.write(folder / "data.parquet", b"abc")
    assert stored == storage.describe(storage.resolve(stored.path))
    assert (stored.size_bytes, stored.sha256[:8]) == (3, "ba7816bf")


@pytest.mark.parametrize("part", ["..", "../x", "a/b", "", "/etc", "a\\b", "a\0", "A", ".hidden", "a..b"])
def test_no_part_can_climb_out(storage: Storage, part: str) -> None:
    with pytest.raises(AssertionError):
        storage.path("runs", part)


def test_a_folder_owns_what_no_other_holds(storage: Storage) -> None:
    one, other = storage.folder("datasets", "1"), storage.folder("datasets", "2", "inner").parent
    storage.write(one / "shared", b"12345")
    storage.link(one / "shared", other / "inner" / "shared")
    storage.write(other / "own", b"123")
    storage.link(other / "own", other / "again")
    assert [storage.own_size("datasets", name) for name in ("1", "2", "3")] == [0, 3, 0]
    storage.remove("datasets", "1")
    assert storage.own_size("datasets", "2") == 8
