"""Of which files a table is made.

A table is a list of parts, one below the other. A part is a Parquet file with every column, some of which may be
superseded: these stand in a Parquet file of their own, with as many rows. So a version that adds rows or changes a
column writes only what is new, and shares the other files with the version before it. A file is called by its hash: it
has the same name in every version, and what is in it never changes.

A table of one part needs no list. It is `data.parquet`, as every dataset is that was taken in as a whole.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

MANIFEST, TABLE = "table.json", "data.parquet"
# What a dataset's folder holds before there is a table, for the worker to read.
RAW = "upload.bin"  # a file as it was sent
CHECKED = "upload.csv"  # delimited text that was checked while it came
CHANGES = "changes.json"  # which cells a version relabels
_NAME_LETTERS = 32  # of a hash


class File(BaseModel):
    """A Parquet file in the table's folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    size_bytes: int
    sha256: str


class TablePart(BaseModel):
    """Rows of a table."""

    model_config = ConfigDict(frozen=True)

    file: File
    num_rows: int
    columns: dict[str, File] = {}  # by name, those that stand in files of their own

    @property
    def files(self) -> list[File]:
        """Every file of the part."""
        return [self.file, *self.columns.values()]

    def file_of(self, column: str) -> File:
        """Where a column stands."""
        return self.columns.get(column, self.file)


class Manifest(BaseModel):
    """The parts of a table, from the first row to the last."""

    model_config = ConfigDict(frozen=True)

    parts: tuple[TablePart, ...]

    @property
    def files(self) -> list[File]:
        """Every file once."""
        return list({file.name: file for part in self.parts for file in part.files}.values())

    @property
    def num_rows(self) -> int:
        """Of all parts."""
        return sum(part.num_rows for part in self.parts)

    @property
    def size_bytes(self) -> int:
        """What the files of the table take up, shared or not."""
        return sum(file.size_bytes for file in self.files)

    def content(self) -> bytes:
        """What is written to the disk: the same for the same rows in the same files."""
        return self.model_dump_json(exclude_defaults=True).encode()

    @property
    def sha256(self) -> str:
        """The hash of the whole: of the list, which names every file by its own."""
        return hashlib.sha256(self.content()).hexdigest()


def name_of(sha256: str) -> str:
    """How a file of that content is called in every version that has it."""
    return f"{sha256[:_NAME_LETTERS]}.parquet"


def read_manifest(folder: Path) -> Manifest | None:
    """The list of parts in a table's folder, None where the table is one file."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None


def damage(folder: Path, size_bytes: int | None, sha256: str | None) -> str | None:
    """How a table is not what was written, in words that follow its name; None where it is: a second for a gigabyte.

    `size_bytes` is that of all its files, `sha256` that of its list or of its one file, None where nobody knows it.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return _of_file(folder / TABLE, size_bytes, sha256)
    if sha256 is not None and hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() != sha256:
        return "has another list of files than was written"
    return next(_of_files(folder, manifest), None)


def _of_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    for file in manifest.files:
        how = _of_file(folder / file.name, file.size_bytes, file.sha256)
        if how is not None:
            yield how


def _of_file(path: Path, size_bytes: int | None, sha256: str | None) -> str | None:
    if not path.is_file():
        return "is not there"
    if path.stat().st_size != size_bytes:  # known at once
        return f"has {path.stat().st_size:,} bytes where {size_bytes or 0:,} were written"
    if sha256 is not None and _sha256(path) != sha256:
        return "is not what was written, by its SHA-256"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
