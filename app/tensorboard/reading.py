"""Event files become runs: the files of a folder are one, as TensorBoard itself has it. Nothing is stored here."""

import lzma
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from app.columns import Points, Times
from app.errors import TooLarge, Unprocessable
from app.reports.schemas import MAX_TIME
from app.specs.base import Problem
from app.tensorboard.messages import Event, read_event
from app.tensorboard.records import Damaged, read_records

MARK = "tfevents"  # what the name of every event file has in it
MAX_FILES = 10_000
MAX_TEXTS = 1_000


# What zipfile raises: also what its decompressors do, RuntimeError for an encrypted entry and its NotImplementedError
# for a method of packing that it does not know.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)


@dataclass(frozen=True)
class Source:
    """A file as it was sent: its path, with the folders that were told, and where to read it."""

    path: PurePosixPath
    inner: tuple[zipfile.ZipFile, zipfile.ZipInfo] | None  # where it is in an archive
    file: BinaryIO | Path

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The file, to be read from its beginning."""
        if self.inner is not None:
            archive, entry = self.inner
            with archive.open(entry) as unpacked:
                yield unpacked  # type: ignore[misc]
        elif isinstance(self.file, Path):
            with self.file.open("rb") as opened:
                yield opened
        else:
            self.file.seek(0)
            yield self.file


@dataclass
class Column:
    """The points of one tag, as they were read."""

    steps: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    times: "array[float]" = field(default_factory=lambda: array("d"))

    def drop_from(self, step: int) -> None:
        """Forget the points at a step and after it."""
        kept = [i for i, one in enumerate(self.steps) if one < step]
        self.steps = array("q", [self.steps[i] for i in kept])
        self.values = array("d", [self.values[i] for i in kept])
        self.times = array("d", [self.times[i] for i in kept])


@dataclass
class FileRead:
    """How far a file was read; `fault` says where and why no further."""

    name: str
    num_records: int = 0
    fault: Damaged | None = None


@dataclass
class RunRead:
    """What the files of one folder say."""

    name: str
    files: list[FileRead] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)
    texts: list[tuple[float | None, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def points(self) -> list[Points]:
        """The series, as they were read; steps below 0, which no series of ours has, are left out."""
        found = (Points.of(tag, c.steps, c.values, sound_times(c.times)) for tag, c in self.columns.items())
        return [points.select(points.steps >= 0) for points in found]

    def take(self, event: Event) -> None:
        """Count an event in."""
        if event.is_restart:
            for column in self.columns.values():
                column.drop_from(event.step)
        for tag, value in event.scalars:
            column = self.columns.setdefault(tag, Column())
            column.steps.append(event.step)
            column.values.append(value)
            column.times.append(event.wall_time)
        if len(self.texts) < MAX_TEXTS:
            at = event.wall_time if 0 <= event.wall_time <= MAX_TIME else None
            self.texts += [(at, f"{tag} (step {event.step}): {text}") for tag, text in event.texts]
        self.settings.update(event.settings)


def sound_times(told: Sequence[float]) -> Times | None:
    """Times (N,), with each that is no time replaced by the one before, or at first by the one after; None without any.

    Event files come with milliseconds, infinities and nothing at all where seconds since the epoch should be.
    """
    times = np.asarray(told, np.float64)
    is_sound = (times >= 0) & (times <= MAX_TIME)
    if is_sound.all() or not is_sound.any():
        return times if is_sound.any() else None
    last_sound = np.maximum.accumulate(np.where(is_sound, np.arange(len(times)), np.argmax(is_sound)))
    return times[last_sound]


def sources(files: Sequence[tuple[str, BinaryIO]], max_bytes: int) -> list[Source]:
    """The event files among what was sent, those within archives too. Raises Unprocessable, and TooLarge."""
    found: list[Source] = []
    num_bytes = 0
    for i, (name, file) in enumerate(files):
        path = _path(name)
        if not name.lower().endswith(".zip"):
            found.append(Source(path, None, file))
            continue
        archive = _archive(file, i)
        inside = [entry for entry in archive.infolist() if MARK in PurePosixPath(entry.filename).name]
        num_bytes += sum(entry.file_size for entry in inside)
        found += [Source(PurePosixPath(entry.filename), (archive, entry), file) for entry in inside]
    if num_bytes > max_bytes or len(found) > MAX_FILES:
        raise TooLarge("There is more in this archive than the server takes.")
    return found


def read_runs(found: Sequence[Source], fallback: str) -> Iterator[RunRead]:
    """A run for each folder, its files in the order of their names, which is that of their times."""
    folders: dict[PurePosixPath, list[Source]] = {}
    for source in sorted(found, key=lambda source: source.path):
        folders.setdefault(source.path.parent, []).append(source)
    for folder, name in zip(folders, _names(list(folders), fallback), strict=True):
        run = RunRead(name)
        for source in folders[folder]:
            run.files.append(_read_file(source, run))
        yield run


def _read_file(source: Source, run: RunRead) -> FileRead:
    """Everything up to the first fault."""
    read = FileRead(str(source.path))
    offset = 0
    try:
        with source.open() as file:
            for record in read_records(file):
                run.take(read_event(record))
                read.num_records += 1
                offset += len(record) + 16
    except Damaged as fault:
        read.fault = fault
    except (ValueError, struct.error) as error:
        read.fault = Damaged(offset, f"this record is no event: {error}")
    except _UNREADABLE as error:
        read.fault = Damaged(offset, f"the archive cannot be read from here: {error}")
    return read


def _names(folders: Sequence[PurePosixPath], fallback: str) -> list[str]:
    """What each run is called: its folder, seen from the innermost that holds them all."""
    if len(folders) < 2:
        return [folder.name or fallback for folder in folders]
    parts = [folder.parts for folder in folders]
    shared = 0
    while all(len(one) > shared and one[shared] == parts[0][shared] for one in parts):
        shared += 1
    return ["/".join(one[shared:]) or (one[-1] if one else fallback) for one in parts]


def _path(name: str) -> PurePosixPath:
    """A name as a browser or a shell sends it; what it says of places outside is of no use here."""
    path = PurePosixPath(name.replace("\\", "/"))
    return PurePosixPath(*(part for part in path.parts if part not in ("/", "..", "."))) if path.parts else path


def _archive(file: BinaryIO, i: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (*_UNREADABLE, ValueError, struct.error) as error:
        message = f"this is no zip archive that can be read: {error}"
        raise Unprocessable(message, errors=[Problem(loc=["files", i], msg=message)]) from error


def batches(points: Sequence[Points], points_a_batch: int) -> Iterator[list[Points]]:
    """Series, each by ascending step, cut into stretches of steps that hold about so many points together."""
    steps = np.sort(np.concatenate([one.steps for one in points])) if points else np.empty(0, np.int64)
    starts = np.unique(steps[::points_a_batch])
    bounds = [np.append(np.searchsorted(one.steps, starts), len(one.steps)).tolist() for one in points]
    for i in range(len(starts)):
        cut = ((one, bound[i], bound[i + 1]) for one, bound in zip(points, bounds, strict=True))
        yield [_slice(one, start, end) for one, start, end in cut if start < end]


def _slice(points: Points, start: int, end: int) -> Points:
    times = None if points.times is None else points.times[start:end]
    return Points(points.name, points.steps[start:end], points.values[start:end], times)
