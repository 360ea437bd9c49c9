"""A version while it is made: what it is made of, and what it has become so far."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.db.tables import Dataset
from app.stored.manifest import TABLE, File, Manifest, name_of
from worker.job import Job

MAKING_SHARE = 0.7  # of the work; the rest is statistics


@dataclass(frozen=True)
class Base:
    """The version that is gone on from."""

    dataset: Dataset
    place: Path
    manifest: Manifest

    def path_of(self, file: File) -> Path:
        """Where a file of it lies: that of a table of one file has the name it was taken in with."""
        own = self.place / file.name
        return own if own.is_file() else self.place / TABLE


@dataclass(frozen=True)
class Made:
    """What a version has become, before it counts: its parts, which columns are new, what its row is to say."""

    manifest: Manifest
    changed: set[str] | None  # None: all
    found: dict[str, Any]


def named(job: Job, path: Path) -> File:
    """A new file under the name that its content has in every version."""
    stored = job.storage.describe(path)
    target = path.parent / name_of(stored.sha256)
    if target.exists():  # it is there already, and perhaps shared
        path.unlink()
    else:
        path.replace(target)
    return File(name=target.name, size_bytes=stored.size_bytes, sha256=stored.sha256)
