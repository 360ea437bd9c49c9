"""Rows with images and arrays, and the images themselves, small."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.columns import spell_one
from app.datasets.tables import read_cell, read_rows
from app.datasets.thumbnails import thumbnail
from app.db import Database, now
from app.db.tables import Dataset
from app.settings import Settings
from app.storage import Storage
from worker.data.formats.fields import array_field, image_field, open_writer

pytestmark = pytest.mark.full_on_postgres

RANDOM = np.random.default_rng(0)


def encoded(width: int, height: int, format: str = "PNG", mode: str = "RGB") -> bytes:
    pixels = RANDOM.integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, format)
    return file.getvalue()


PHOTOGRAPH, DRAWING = encoded(400, 200, "JPEG"), encoded(20, 10, "GIF", "P")
FIELDS = [
    pa.field("a/b c", pa.binary(), metadata={b"traindeck": b"image"}),
    pa.field("x", pa.list_(pa.float32(), 6), metadata={b"traindeck": b"array", b"shape": b"2,3"}),
    pa.field("long", pa.list_(pa.int64(), 100), metadata={b"traindeck": b"array", b"shape": b"2,50"}),
    pa.field("n", pa.int64()),
]


def write(path: Path) -> None:
    columns: list[list[Any]] = [
        [PHOTOGRAPH, DRAWING, None, b"\x89PNG\r\n broken"],
        [[1, 2, 3, 4, float("nan"), float("inf")], None, [0] * 6, [0] * 6],
        [list(range(100))] * 4,
        [1, 2, 3, 4],
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, FIELDS, strict=True)]
    pq.write_table(pa.table(arrays, pa.schema(FIELDS)), path, row_group_size=2)


@pytest.fixture
def dataset(client: TestClient, db: Database, settings: Settings) -> str:
    """A dataset with images that is ready."""
    write(Storage(settings.data_dir).folder("datasets", "d1") / "data.parquet")
    with db.write() as session:
        session.add(
            Dataset(id="d1", name="pictures", source={}, content_hash="x", status="ready", num_rows=4, created_at=now())
        )
    return "/api/v1/datasets/d1"


def test_rows_tell_of_images_and_show_arrays(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet")
    first, second = read_rows(tmp_path / "t.parquet", 0, 2)
    assert first["a/b c"] == {"bytes": len(PHOTOGRAPH), "format": "JPEG", "width": 400, "height": 200}
    assert first["x"] == [[1.0, 2.0, 3.0], [4.0, None, spell_one(float("inf"))]]
    assert first["long"] == [list(range(50)), list(range(50, 64))]
    assert (second["x"], second["n"], second["a/b c"]["format"]) == (None, 2, "GIF")
    (third,) = read_rows(tmp_path / "t.parquet", 2, 1)
    assert (third["a/b c"], third["n"]) == (None, 3)


@pytest.mark.parametrize("kind", ["image", "array"])
def test_rows_of_large_cells_are_not_held_together(tmp_path: Path, kind: str) -> None:
    """200 cells of 256 KiB, in groups of 8: as much as they are together is never in memory."""
    num_rows, num_bytes = 200, 256 << 10
    image = encoded(16, 16, "PNG")
    field = image_field("x") if kind == "image" else array_field("x", pa.uint8(), [num_bytes])
    with (tmp_path / "t.parquet").open("wb") as file, open_writer(file, pa.schema([field])) as writer:
        for _ in range(0, num_rows, 8):
            cells = [image.ljust(num_bytes, b"\0") if kind == "image" else RANDOM.integers(0, 256, num_bytes)] * 8
            writer.write_table(pa.table([pa.array(cells, field.type)], pa.schema([field])))
    before = pa.default_memory_pool()
    pa.set_memory_pool(watched := pa.proxy_memory_pool(before))
    try:
        rows = read_rows(tmp_path / "t.parquet", 0, num_rows)
    finally:
        pa.set_memory_pool(before)
    assert len(rows) == num_rows
    assert watched.max_memory() < num_rows * num_bytes / 3


def test_a_cell_is_read_out_of_its_row_group(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet")
    assert [read_cell(tmp_path / "t.parquet", "a/b c", row) for row in range(3)] == [PHOTOGRAPH, DRAWING, None]
    for column, row in (("a/b c", 4), ("n", 0), ("none", 0)):
        with pytest.raises(LookupError):
            read_cell(tmp_path / "t.parquet", column, row)


def test_images_are_answered_small_and_kept_by_browsers(client: TestClient, dataset: str) -> None:
    answer = client.get(f"{dataset}/images/a/b c/0?size=100")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.content)).size == (100, 50)
    assert "immutable" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    small = client.get(f"{dataset}/images/a%2Fb%20c/1")
    assert (small.headers["content-type"], Image.open(io.BytesIO(small.content)).size) == ("image/png", (20, 10))


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("a/b c/2", 404),
        ("a/b c/3", 404),
        ("a/b c/4", 404),
        ("n/0", 404),
        ("none/0", 404),
        ("a/b c/-1", 422),
        ("n/x", 422),
    ],
)
def test_what_is_no_image_is_said_so(client: TestClient, dataset: str, place: str, status: int) -> None:
    answer = client.get(f"{dataset}/images/{place}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("size", [0, 7, 1025, "large"])
def test_sizes_are_held_to_a_range(client: TestClient, dataset: str, size: Any) -> None:
    assert client.get(f"{dataset}/images/a/b c/0?size={size}").status_code == 422


def test_images_need_a_token_and_a_dataset_that_is_read(client: TestClient, dataset: str, db: Database) -> None:
    assert client.get(f"{dataset}/images/a/b c/0", headers={"Authorization": ""}).status_code == 401
    assert client.get("/api/v1/datasets/none/images/x/0").status_code == 404
    with db.write() as session:
        session.get_one(Dataset, "d1").status = "ingesting"
    assert client.get(f"{dataset}/images/a/b c/0").status_code == 409


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_images_of_every_mode_are_shown(mode: str) -> None:
    file = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(np.full((30, 30), 40_000, np.uint16)).save(file, "PNG")
    else:
        Image.fromarray(RANDOM.integers(0, 256, (30, 30, 3), np.uint8)).convert(mode).save(file, "PNG")
    content, media_type = thumbnail(file.getvalue(), 16)
    shown = Image.open(io.BytesIO(content))
    assert (shown.size, media_type) == ((16, 16), "image/png")
    if mode == "I;16":
        assert np.asarray(shown).mean() == pytest.approx(40_000 / 256, abs=1)


def test_a_photograph_of_another_mode_is_shown_too() -> None:
    content, media_type = thumbnail(encoded(64, 64, "JPEG", "CMYK"), 32)
    assert (Image.open(io.BytesIO(content)).mode, media_type) == ("RGB", "image/jpeg")


def test_a_cut_image_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        thumbnail(encoded(64, 64)[:-3000], 32)
