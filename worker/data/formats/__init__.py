"""Readers for every kind of file beside delimited text. Whatever comes in, one table with typed columns goes out.

A module for each format. `fields` says how columns of images and arrays are marked, `base` what may be in a file and
what came of it, `archives` how archives are read without harm.
"""

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from app.formats import HEAD_BYTES, Format, detect
from worker.data.formats import idx, json_lines, npy, packed, parquet, tensors
from worker.data.formats.archives import sole_member, unpacked
from worker.data.formats.base import Limits, Progress, Read, SetAside, unreadable

__all__ = ["Limits", "Progress", "Read", "SetAside", "read", "sole_member"]

_LIMITS = Limits()


def read(
    path: Path,
    filename: str,
    format: Format,
    target: BinaryIO,
    progress: Progress,
    limits: Limits = _LIMITS,
    sheet: str | None = None,
    texts: Collection[str] = (),
) -> Read:
    """Read the file at `path`, which its sender called `filename`, into the open Parquet file `target`.

    `format` is what `app.formats.detect` says of it; `sheet` names one of a workbook; the columns `texts` of
    JSON and of workbooks hold text whatever it looks like. `progress` is told how many of
    the file's bytes are done, and may raise to stop. What is large is unpacked beside `path`, under names of ours that
    are gone afterwards. Raises JobFailure, with words and a hint, when no table can be made of the file.
    """
    match format:
        case "json_lines":
            return json_lines.read(path, target, progress, limits, texts)
        case "parquet":
            return parquet.read(path, target, progress, limits)
        case "npy":
            return npy.read(path, filename, target, progress, limits)
        case "safetensors":
            return tensors.read(path, target, progress, limits)
        case "idx":
            return idx.read(path, filename, target, progress, limits)
        case "zip":
            return packed.read_zip(path, sheet, target, progress, limits, texts)
        case "tar":
            return packed.read_tar(path, target, progress, limits)
        case "gzip":
            return _read_gzip(path, filename, target, progress, limits, texts)
        case "image":
            message = f"{filename} is a single image, and a dataset has many."
            raise unreadable(message, "Put images into a zip archive, with a folder for each class.")
        case "delimited":
            raise unreadable(f"{filename} is delimited text, or of no kind that is known.")


def _read_gzip(
    path: Path, filename: str, target: BinaryIO, progress: Progress, limits: Limits, texts: Collection[str]
) -> Read:
    """Read what a gzip file holds: any format but another archive that would have to be unpacked."""
    name = filename[:-3] if filename.lower().endswith(".gz") else filename
    packed_bytes = path.stat().st_size
    with unpacked(path, limits, progress) as inner:
        with inner.open("rb") as file:
            format = detect(file.read(HEAD_BYTES), name)
        if format in ("gzip", "zip"):
            raise unreadable(f"{filename} is an archive inside an archive.", "Send the one that is inside.")
        size = max(1, inner.stat().st_size)
        told = lambda done: progress(packed_bytes * done // size)  # noqa: E731
        return read(inner, name, format, target, told, limits, texts=texts)
