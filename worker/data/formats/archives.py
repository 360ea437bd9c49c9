"""Zip and tar archives, read member by member: nothing is ever unpacked under a name that an archive gives.

Members that cannot be used are set aside with the reason; an archive that would unpack to too much is refused where the
limit is reached, and reading stops there.
"""

import gzip
import io
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from app.errors import JobFailure
from worker.data.formats.base import Limits, Progress, Read, is_of_disk, reason_of, unreadable

_CHUNK_BYTES = 1 << 20
_HEADER_BYTES = 1 << 20  # of a tar's member: as long as a name may be, and far longer
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory
_DRIVE = re.compile(r"[A-Za-z]:")
_PACKED = frozenset({".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst"})
_JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_ENCRYPTED = 1  # of a zip member's flags
_HINT = "Split what you send, or send the files in another way."


class MemberError(ValueError):
    """A member cannot be read; its words say why."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive, under a name that climbs nowhere and is never used as one."""

    name: str
    size: int  # as the archive says
    handle: Any

    @property
    def ending(self) -> str:
        """The ending of its name, in small letters, with its dot."""
        return PurePosixPath(self.name).suffix.lower()


class Budget:
    """How much may still be unpacked."""

    def __init__(self, packed_bytes: int, limits: Limits) -> None:
        self._packed_bytes, self._limits, self.taken = packed_bytes, limits, 0

    def take(self, num_bytes: int) -> None:
        """Count bytes that were unpacked. Raises JobFailure when they are too many."""
        self.taken += num_bytes
        if self.taken > self._limits.unpacked_bytes:
            message = f"The archive unpacks to more than {self._limits.unpacked_bytes:,} bytes; reading stopped there."
            raise JobFailure("limit", message, _HINT)
        if self.taken > max(self._limits.ratio_from_bytes, self._limits.ratio * self._packed_bytes):
            message = (
                f"The archive unpacks to more than {self._limits.ratio:,} times its size; reading stopped there, as "
                "files that do so are made to fill up whatever reads them."
            )
            raise JobFailure("limit", message, _HINT)


class Archive:
    """The members of an archive that can be used. `found` is told of the others."""

    def __init__(self, path: Path, limits: Limits, found: Read) -> None:
        self.size = path.stat().st_size
        self.limits, self.found = limits, found
        self.members: list[Member] = []
        self._budget = Budget(self.size, limits)
        self._names: set[str] = set()
        self._num_seen = 0

    def read(self, member: Member) -> bytes:
        """The content of a member. Raises MemberError, and JobFailure when the archive unpacks to too much."""
        sink = io.BytesIO()
        self.copy(member, sink, self.limits.member_bytes)
        return sink.getvalue()

    def copy(self, member: Member, sink: BinaryIO, max_bytes: int | None = None) -> None:
        """Write the content of a member to an open file. Raises as `read` does."""
        if max_bytes is not None and member.size > max_bytes:
            raise MemberError(f"it is larger than {max_bytes:,} bytes")
        written = 0
        try:
            with self._open(member) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    self._budget.take(len(chunk))
                    written += len(chunk)
                    if max_bytes is not None and written > max_bytes:
                        raise MemberError(f"it is larger than {max_bytes:,} bytes")
                    sink.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, tarfile.TarError, RuntimeError) as error:
            raise MemberError(f"it is damaged: {reason_of(error)}") from error
        except (ValueError, OSError) as error:
            if isinstance(error, MemberError) or (isinstance(error, OSError) and is_of_disk(error)):
                raise
            raise MemberError(f"it is damaged: {reason_of(error)}") from error

    def close(self) -> None:
        """Let go of the file."""
        raise NotImplementedError

    def _open(self, member: Member) -> BinaryIO:
        raise NotImplementedError

    def _list(self, written: str, size: int, handle: Any, refused: str = "") -> None:
        """Take up a member, unless its name or `refused` says why not."""
        self._num_seen += 1
        if self._num_seen > self.limits.members:
            message = f"The archive has more than {self.limits.members:,} members."
            raise JobFailure("limit", message, _HINT)
        name = written.replace("\\", "/").removeprefix("./")
        climbs = _climbs(name)
        if _is_junk(name) and not climbs:
            return
        reason = climbs or refused or self._unusable(name)
        if reason:
            self.found.put_aside(written, reason)
            return
        self._names.add(name)
        self.members.append(Member(name, size, handle))

    def _unusable(self, name: str) -> str:
        if name in self._names:
            return "another member has the same name"
        if PurePosixPath(name).suffix.lower() in _PACKED and not name.lower().endswith("ubyte.gz"):
            return "it is an archive inside the archive"
        return ""


class ZipArchive(Archive):
    """A zip archive. Raises JobFailure when it is damaged or encrypted."""

    def __init__(self, path: Path, limits: Limits, found: Read) -> None:
        super().__init__(path, limits, found)
        _refuse_many_entries(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise unreadable(f"The zip archive cannot be read: {reason_of(error)}") from error
        try:
            for info in self._zip.infolist():
                if info.flag_bits & _ENCRYPTED:
                    raise unreadable("The archive is encrypted.", "Send it without a password.")
                if not info.filename.endswith("/"):
                    self._list(info.filename, info.file_size, info, _kind_of_zipped(info))
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        self._zip.close()

    def _open(self, member: Member) -> BinaryIO:
        return cast("BinaryIO", self._zip.open(member.handle))


class TarArchive(Archive):
    """A tar archive that is not compressed. Raises JobFailure when it is damaged."""

    def __init__(self, path: Path, limits: Limits, found: Read) -> None:
        super().__init__(path, limits, found)
        self._file = path.open("rb")
        try:
            with tarfile.open(fileobj=cast("BinaryIO", _Headers(self._file)), mode="r:") as tar:
                for info in tar:
                    if not info.isdir():
                        self._list(info.name, info.size, info.offset_data, _kind_of_tarred(info))
                    cast("Any", tar).members = []  # it would keep them all
        except (tarfile.TarError, ValueError, EOFError) as error:
            self._file.close()
            raise unreadable(f"The tar archive cannot be read: {reason_of(error)}") from error
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def _open(self, member: Member) -> BinaryIO:
        """Its content lies in the archive as it is: at a place, and so many bytes."""
        self._file.seek(member.handle)
        return cast("BinaryIO", _Stretch(self._file, member.size))


class _Headers:
    """A tar's file for reading the headers of its members, which claim how long they are."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, num_bytes: int = -1) -> bytes:
        if not 0 <= num_bytes <= _HEADER_BYTES:
            raise tarfile.ReadError("the header of a member is too long")
        return self._file.read(num_bytes)


class _Stretch(io.RawIOBase):
    """So many bytes of a file, from where it is."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, num_bytes: int = -1) -> bytes:
        data = self._file.read(min(num_bytes, self._left))
        if not data and self._left:
            raise EOFError("the archive is cut off")
        self._left -= len(data)
        return data


@contextmanager
def sole_member(path: Path, progress: Progress, limits: Limits | None = None) -> Iterator[tuple[Path, str]]:
    """The one file of a zip archive, as a file of a name of ours beside it that is gone afterwards; and its own name.

    Raises JobFailure when it is damaged, when its name climbs out, or when it unpacks to too much.
    """
    archive = ZipArchive(path, limits or Limits(), found := Read())
    try:
        if not archive.members:
            raise unreadable(f"The archive holds nothing that can be used. {found.set_aside[0].reason}.")
        member = archive.members[0]
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".unpacked-") as sink:
            try:
                archive.copy(member, cast("BinaryIO", _Heard(sink, progress)))
            except MemberError as error:
                raise unreadable(f"{member.name} cannot be read: {error}.") from error
            sink.flush()
            yield Path(sink.name), member.name
    finally:
        archive.close()


class _Heard:
    """A file that tells `progress` 0 with each piece that is written."""

    def __init__(self, file: Any, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def write(self, data: bytes) -> None:
        self._progress(0)
        self._file.write(data)


@contextmanager
def unpacked(path: Path, limits: Limits, progress: Progress) -> Iterator[Path]:
    """What a gzip file holds, as a file of a name of ours beside it that is gone afterwards.

    `progress` is told 0 now and then: whoever asks to stop is heard while a large file is unpacked.
    Raises JobFailure when it is damaged, or unpacks to too much.
    """
    with path.open("rb") as source, tempfile.NamedTemporaryFile(dir=path.parent, prefix=".unpacked-") as sink:
        try:
            gunzip(source, cast("BinaryIO", sink), Budget(path.stat().st_size, limits), progress)
        except MemberError as error:
            raise unreadable(f"The gzip file cannot be read: {error}.") from error
        yield Path(sink.name)


def gunzip(packed: BinaryIO, sink: BinaryIO, budget: Budget, progress: Progress) -> None:
    """Write what a gzip file holds, from its beginning. Raises MemberError, and JobFailure when it is too much."""
    packed.seek(0)
    try:
        with gzip.open(packed) as source:
            while chunk := source.read(_CHUNK_BYTES):
                budget.take(len(chunk))
                sink.write(chunk)
                progress(0)
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and is_of_disk(error):
            raise
        raise MemberError(f"it is damaged: {reason_of(error)}") from error
    sink.flush()


def _refuse_many_entries(path: Path, limits: Limits) -> None:
    """Python's reader makes an object of each entry before anybody can count them."""
    num_entries, before = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            num_entries += (before + chunk).count(_ENTRY)
            before = chunk[-len(_ENTRY) + 1 :]
            if num_entries > limits.members:
                raise JobFailure("limit", f"The archive has more than {limits.members:,} members.", _HINT)


def _kind_of_zipped(info: zipfile.ZipInfo) -> str:
    """Why a member is not read, if it is not a plain file: what Unix says of it stands in the upper half."""
    kind = (info.external_attr >> 28) & 0xF
    return "it is a link or a device, not a file" if info.create_system == 3 and kind not in (0, 8) else ""


def _kind_of_tarred(info: tarfile.TarInfo) -> str:
    if info.issparse():
        return "it is a sparse file"
    return "" if info.isreg() else "it is a link or a device, not a file"


def _is_junk(name: str) -> bool:
    """What systems leave in archives, and hidden files."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return not parts or any(part.startswith(".") or part.lower() in _JUNK for part in parts)


def _climbs(name: str) -> str:
    if name.startswith("/") or _DRIVE.match(name):
        return "its name is an absolute path"
    return "its name leads out of the archive" if ".." in name.split("/") else ""
