"""Where everything waits until the server has it: one append-only file of JSON lines for each run and process.

A line is written before it is sent, and never changes: so what is sent again, from here or by `sync` once the process
is dead, carries the same number, and the server stores it once. The first line begins the run; the last may end it.
"""

import json
import os
import time
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

from traindeck.say import warn_once

try:
    import fcntl
except ImportError:  # not on Windows: there, a file that is still written to is known by its age
    fcntl = None  # type: ignore[assignment]

FSYNC_EVERY_S = 5.0
IN_MEMORY_BYTES = 64 << 20  # when there is no disk to write to
_SHRINK_BYTES = 1 << 20
_ALIVE_S = 120.0


class Busy(Exception):
    """The process that writes this file is alive."""


class Spool:
    """One file. `append`, `sync` and `shrink` belong to one thread, `peek` and `advance` to one other."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open a file that is there, or with `create` make it. Raises Busy, and OSError if it is not to be made."""
        self.path = path
        self._memory: deque[bytes] = deque()  # what there is no disk for
        self._file: BinaryIO | None = None
        self._reader: BinaryIO | None = None
        self._read_at = self._header_end = self._end = 0
        self._synced_at = 0.0
        try:
            self._file = _open(path, create)
            self._reader = path.open("rb")
            self._end = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            if not create:
                raise
            self._give_up_disk(error)

    def append(self, line: dict[str, Any]) -> bool:
        """Write a line; False when there is no room for it anywhere."""
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        if self._file is not None:
            try:
                self._write(self._file, data)
                return True
            except OSError as error:
                self._give_up_disk(error)
        if sum(map(len, self._memory)) + len(data) > IN_MEMORY_BYTES:
            return False
        self._memory.append(data)
        return True

    def sync(self) -> None:
        """Make it outlast the machine, not only the process; now and then, for it takes a while."""
        if self._file is not None and time.monotonic() > self._synced_at + FSYNC_EVERY_S:
            self._synced_at = time.monotonic()
            os.fsync(self._file.fileno())

    def peek(self) -> dict[str, Any] | None:
        """The first line that is not delivered; None when there is none."""
        while line := self._line():
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if isinstance(found, dict):
                return found
            self.advance()  # a crash of the machine has torn this line
        return None

    def advance(self) -> None:
        """The line that `peek` gave is delivered."""
        line = self._line()
        if self._is_on_disk():
            self._read_at += len(line)
            self._header_end = self._header_end or self._read_at
        elif self._memory:
            self._memory.popleft()

    def shrink(self) -> None:
        """Forget what is delivered, when that is all and much. The line that begins the run stays."""
        if self._file is not None and self._read_at == self._end > _SHRINK_BYTES:
            self._file.truncate(self._header_end)
            self._end = self._read_at = self._header_end

    def num_waiting_bytes(self) -> int:
        """How much is not delivered."""
        return max(0, self._end - self._read_at) + sum(map(len, self._memory))

    def keep_alive(self) -> None:
        """Show that a process writes here, where files cannot be locked."""
        if fcntl is None and self._file is not None:
            os.utime(self.path)

    def set_aside(self) -> Path:
        """The server will never take it: keep it under another name, out of the way."""
        aside = self.path.with_suffix(".refused")
        if self._file is not None:
            self.path.replace(aside)
        return aside

    def close(self, *, remove: bool) -> None:
        """Let go of the file; `remove` it when all of it is delivered."""
        for file in (self._file, self._reader):
            if file is not None:
                file.close()
        if remove and self._file is not None:
            self.path.unlink(missing_ok=True)

    def let_go(self) -> None:
        """In a process that was forked off: the file, and its lock, are the parent's."""
        if self._file is not None:
            os.close(self._file.fileno())
            self._file = None

    def _is_on_disk(self) -> bool:
        return self._reader is not None and self._read_at < self._end

    def _line(self) -> bytes:
        if self._is_on_disk() and self._reader is not None:
            self._reader.seek(self._read_at)
            return self._reader.readline()
        return self._memory[0] if self._memory else b""

    def _write(self, file: BinaryIO, data: bytes) -> None:
        try:
            file.seek(self._end)
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(self._end)
            raise
        self._end += len(data)

    def _give_up_disk(self, error: OSError) -> None:
        warn_once(f"cannot write to {self.path} ({error}): what the server has not taken waits in memory only", "disk")
        self._file = None


def _open(path: Path, create: bool) -> BinaryIO:
    if create:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0) | getattr(os, "O_BINARY", 0)
    file: BinaryIO = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
    try:
        _lock(file, path, create)
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: BinaryIO, path: Path, create: bool) -> None:
    if fcntl is None:
        if not create and time.time() - path.stat().st_mtime < _ALIVE_S:
            raise Busy(path)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy(path) from error
