"""One stream as all of its readers in a process share it. Each reader brings a cursor and gets the next frame."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from app.errors import NotFound
from app.live.buffer import Board, Buffer, Entry, to_json
from app.live.lists import RECENT_S
from app.live.tail import News

# A stream that runs away from its readers faster than this is told in snapshots, not more often than that.
RESET_EVERY_S = 0.25

Frame = tuple[int, str]  # the cursor after it, and the message
START_ANEW = -1  # the cursor of a reader that cannot be told what it has missed


class Feed:
    """What `Hub` knows of a stream: who waits for news, and since when nobody does."""

    def __init__(self) -> None:
        self.readers: set[asyncio.Event] = set()
        self.idle_since = time.monotonic()

    def add(self, reader: asyncio.Event) -> None:
        """Wake this reader, too, when there is news."""
        self.readers.add(reader)

    def discard(self, reader: asyncio.Event) -> None:
        """No longer wake this reader."""
        self.readers.discard(reader)
        self.idle_since = time.monotonic()

    def wake(self) -> None:
        """There is news."""
        for reader in self.readers:
            reader.set()

    async def next(self, cursor: int) -> Frame | None:
        """What follows a cursor; None when nothing does yet. Raises NotFound when the stream is gone."""
        raise NotImplementedError


class JobFeed(Feed):
    """The events of a job."""

    def __init__(self, buffer: Buffer, read_snapshot: Callable[[], Awaitable[Frame]]) -> None:
        super().__init__()
        self.buffer = buffer
        self._is_gone = False
        self._read_snapshot = read_snapshot
        self._reading = asyncio.Lock()
        self._snapshot: Frame = (START_ANEW, "")
        self._snapshot_at = float("-inf")
        self._will_wake = False

    def take(self, news: News) -> None:
        """What the tail has found."""
        if news is None:
            self._is_gone = True
        elif isinstance(news, Buffer):
            self.buffer = news
        else:
            self._append(news)
        self.wake()

    def _append(self, entries: list[Entry]) -> None:
        self.buffer.append([entry for entry in entries if entry.seq > self.buffer.last_seq])

    async def next(self, cursor: int) -> Frame | None:
        if self._is_gone:
            raise NotFound(f"The stream {self.buffer.stream} was removed.")
        # Not `==`: a snapshot, or another server before this one, may have told more than this process has seen.
        if cursor >= self.buffer.last_seq:
            return None
        text = self.buffer.frame(cursor)
        return (self.buffer.last_seq, text) if text is not None else await self._next_snapshot(cursor)

    async def _next_snapshot(self, cursor: int) -> Frame | None:
        async with self._reading:  # one reads, the others find what it read
            wait_s = self._snapshot_at + RESET_EVERY_S - time.monotonic()
            if wait_s <= 0:
                self._snapshot = await self._read_snapshot()
                self._snapshot_at = time.monotonic()
        if self._snapshot[0] > cursor:
            return self._snapshot
        self._wake_in(max(wait_s, RESET_EVERY_S / 10))
        return None

    def _wake_in(self, wait_s: float) -> None:
        if not self._will_wake:
            self._will_wake = True
            asyncio.get_running_loop().call_later(wait_s, self._wake_late)

    def _wake_late(self) -> None:
        self._will_wake = False
        self.wake()


class ListFeed(Feed):
    """The changes of a list. A cursor is a version of the board, and means nothing to another process."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.board = Board(kind)
        self._versions: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def take(self, changed: dict[str, str] | None) -> None:
        """What the list's source has found; None when that was too much."""
        if changed is None:
            self.board.forget()
        else:
            self.board.put(changed)
        if self.board.version > self._versions[-1][1]:
            self._versions.append((time.monotonic(), self.board.version))
            self.wake()

    def start(self) -> int:
        """The cursor of a page that was made just now, or up to `RECENT_S` ago."""
        while len(self._versions) > 1 and self._versions[1][0] < time.monotonic() - RECENT_S:
            self._versions.popleft()
        return max(self._versions[0][1], self.board.floor)

    async def next(self, cursor: int) -> Frame | None:
        version = self.board.version
        if cursor >= version:
            return None
        text = self.board.frame(cursor)
        if text is None:
            text = to_json({"type": "reset", "stream": self.board.kind, "last_seq": version, "snapshot": {}})
        return version, text
