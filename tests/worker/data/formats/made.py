"""Files made for the readers, and the tables that come of them."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from app.formats import HEAD_BYTES, detect
from worker.data.formats import Limits, Read, read


@dataclass
class Found:
    """What came of a file."""

    read: Read
    table: pa.Table
    num_groups: int
    progress: list[int]

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    @property
    def aside(self) -> dict[str, str]:
        """Why each part was set aside."""
        return {one.place: one.reason for one in self.read.set_aside}

    def marks(self) -> dict[str, str]:
        """The marks of the columns that have one."""
        found = {field.name: (field.metadata or {}).get(b"traindeck") for field in self.table.schema}
        return {name: mark.decode() for name, mark in found.items() if mark}

    def types(self) -> dict[str, str]:
        return {field.name: str(field.type) for field in self.table.schema}


def found_in(folder: Path, data: bytes, filename: str, limits: Limits | None = None, **options: Any) -> Found:
    """What the reader of a file's format makes of it. Nothing may lie beside it afterwards."""
    place = folder / "place"
    place.mkdir()
    source = place / "upload"
    source.write_bytes(data)
    progress: list[int] = []
    with (folder / "table.parquet").open("wb+") as target:
        made = read(
            source,
            filename,
            detect(data[:HEAD_BYTES], filename),
            target,
            progress.append,
            limits or Limits(),
            **options,
        )
    assert [one.name for one in place.iterdir()] == ["upload"]
    assert all(0 <= done <= len(data) for done in progress)
    assert progress == sorted(progress)
    with pq.ParquetFile(folder / "table.parquet") as file:
        table, num_groups = file.read(), file.num_row_groups
    assert made.num_rows == table.num_rows
    assert made.num_set_aside >= len(made.set_aside)
    return Found(made, table, num_groups, progress)


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w") -> bytes:
    """A tar archive of these members; one that is a TarInfo is without content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            if isinstance(data, tarfile.TarInfo):
                archive.addfile(data)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def picture(width: int = 4, height: int = 3, format: str = "PNG", seed: int = 0, mode: str = "RGB") -> bytes:
    """An encoded image of random pixels."""
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format)
    return file.getvalue()


def pixels_of(data: bytes) -> Any:
    """The pixels of an encoded image."""
    return np.asarray(Image.open(io.BytesIO(data)))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()
