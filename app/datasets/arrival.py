"""One file on its way into a dataset's folder: delimited text is checked as it comes, all else is kept as it is."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from app import formats
from app.errors import TooLarge
from app.formats import Format
from app.storage import Storage
from app.stored.manifest import CHECKED, RAW
from app.tabular.intake import Intake
from app.tabular.packing import format_of
from app.tabular.records import Taken
from app.tabular.refusals import Limits, size
from app.tabular.set_aside import SET_ASIDE, SetAside
from app.tabular.sniffing import Overrides, preferred_delimiter


@dataclass(frozen=True)
class Kept:
    """A file that was kept as it came."""

    format: Format
    size_bytes: int
    sha256: str
    overrides: Overrides  # for a table that is packed in it


class Arrival:
    """Feed it in pieces of any size, then finish or discard; the first two raise AppError."""

    def __init__(self, storage: Storage, dataset_id: str, filename: str, overrides: Overrides, limits: Limits) -> None:
        self._storage, self._dataset_id, self._filename = storage, dataset_id, filename
        self._overrides, self._limits = overrides, limits
        self._open = ExitStack()
        self._head = b""
        self._taker: Intake | _Keeper | None = None

    def feed(self, data: bytes) -> None:
        """The next piece of the file."""
        if self._taker is None:
            data = self._head = self._head + data
            if len(data) < formats.HEAD_BYTES:
                return
            self._begin()
        assert self._taker is not None
        self._taker.feed(data)

    def finish(self) -> Taken | Kept:
        """The file has ended, and lies where it belongs."""
        if self._taker is None:
            self._begin()
            assert self._taker is not None
            self._taker.feed(self._head)
        taken = self._taker.finish()
        self._open.close()
        return taken

    def discard(self) -> None:
        """Leave nothing behind."""
        self._open.__exit__(_Discarded, _Discarded(), None)
        self._storage.remove("datasets", self._dataset_id)

    def _begin(self) -> None:
        found = format_of(self._head, self._filename)
        if found != "delimited":
            self._taker = _Keeper(self._file(RAW), self._limits, found, self._overrides)
            return
        set_aside = SetAside(lambda: self._file(SET_ASIDE))
        sink = self._file(CHECKED)
        self._taker = Intake(
            sink, self._limits, self._overrides, prefer=preferred_delimiter(self._filename), set_aside=set_aside
        )

    def _file(self, name: str) -> BinaryIO:
        folder = self._storage.folder("datasets", self._dataset_id)
        return self._open.enter_context(self._storage.writing(folder / name))


class _Keeper:
    """Writes a file as it comes."""

    def __init__(self, file: BinaryIO, limits: Limits, found: Format, overrides: Overrides) -> None:
        self._file, self._limits, self._format, self._overrides = file, limits, found, overrides
        self._sha256 = hashlib.sha256()
        self._num_bytes = 0

    def feed(self, data: bytes) -> None:
        self._num_bytes += len(data)
        if self._num_bytes > self._limits.file_bytes:
            raise TooLarge(f"The file is larger than {size(self._limits.file_bytes)}.")
        self._sha256.update(data)
        self._file.write(data)

    def finish(self) -> Kept:
        return Kept(self._format, self._num_bytes, self._sha256.hexdigest(), self._overrides)


class _Discarded(Exception):
    """Takes back a file that was being written."""
