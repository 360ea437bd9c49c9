"""Files: an opaque id becomes a place, and a file appears whole or not at all.

Nothing here ever sees a name that a client chose. A file counts once its row, with size and SHA-256, is committed;
whoever writes one commits that row afterwards.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
TEMPORARY = re.compile(r"\..+\.part")  # how a file is called until it is whole
SPILLED = ".spilled-"  # begins the name of a folder for what a query does not keep in memory


@dataclass(frozen=True)
class StoredFile:
    """A durable file: its place relative to the data folder, its size, its hash."""

    path: str
    size_bytes: int
    sha256: str


class Storage:
    """The data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def path(self, *parts: str) -> Path:
        """The place of an id and names of ours under it. A part that could climb out is a mistake of ours."""
        assert all(_NAME.fullmatch(part) and ".." not in part for part in parts), parts
        return self.data_dir.joinpath(*parts)

    def folder(self, *parts: str) -> Path:
        """The same, as a folder that exists, durably."""
        folder = self.path(*parts)
        if not folder.is_dir():
            made = [one for one in (folder, *folder.parents) if not one.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            for one in made:
                sync_folder(one.parent)
        return folder

    def resolve(self, stored: str) -> Path:
        """The place of a path that a row holds."""
        return self.path(*stored.split("/"))

    @contextmanager
    def writing(self, target: Path) -> Iterator[BinaryIO]:
        """A file that takes `target`'s name when the block ends well, durably, and leaves no trace otherwise."""
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                yield cast("BinaryIO", file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(target.parent)

    def write(self, target: Path, content: bytes) -> StoredFile:
        """Write `content` whole and durably."""
        with self.writing(target) as file:
            file.write(content)
        return StoredFile(self.relative(target), len(content), hashlib.sha256(content).hexdigest())

    def link(self, source: Path, target: Path) -> None:
        """The same file under a second name, durably; a copy where the disk knows no such thing."""
        try:
            target.hardlink_to(source)
            sync_folder(target.parent)
        except OSError:
            with source.open("rb") as original, self.writing(target) as file:
                shutil.copyfileobj(original, file, 1 << 20)

    def describe(self, target: Path) -> StoredFile:
        """Size and hash of a file that is there."""
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return StoredFile(self.relative(target), target.stat().st_size, digest)

    def relative(self, target: Path) -> str:
        """A place as rows keep it."""
        return target.relative_to(self.data_dir).as_posix()

    def size(self, *parts: str) -> int:
        """What a folder or file takes up, in bytes; 0 where there is none."""
        target = self.path(*parts)
        files = target.rglob("*") if target.is_dir() else [target]
        return sum(file.stat().st_size for file in files if file.is_file())

    def own_size(self, *parts: str) -> int:
        """What removing a folder would free, in bytes: files that another folder holds too are not gone with it."""
        names: Counter[tuple[int, int]] = Counter()
        files: dict[tuple[int, int], os.stat_result] = {}
        for folder, _, held in os.walk(self.path(*parts)):
            for name in held:
                with suppress(FileNotFoundError):  # of a version that is being made
                    found = Path(folder, name).stat()
                    place = (found.st_dev, found.st_ino)
                    names[place] += 1
                    files[place] = found
        return sum(one.st_size for place, one in files.items() if one.st_nlink == names[place])

    def remove(self, *parts: str) -> None:
        """Remove a folder or file, if it is there."""
        target = self.path(*parts)
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


@contextmanager
def spilling(place: Path) -> Iterator[Path]:
    """A folder beside `place`, so on its disk, for what does not fit in memory; gone at the end."""
    with tempfile.TemporaryDirectory(prefix=SPILLED, dir=place.parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a rename is only that once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def printable_name(filename: str) -> str:
    """A file's name without folders, and without what cannot be seen."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return "".join(character for character in name if character.isprintable())[:200]
