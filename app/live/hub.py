"""Everything live in one process: the streams that someone follows, who follows them, and whether they still may.

All state belongs to the event loop; the database is read in threads, never on the loop. A stream is read once for all
of its readers, and forgotten some seconds after the last has gone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from app.access import service as access
from app.db import UNAVAILABLE, Database
from app.live.feeds import Feed, Frame, JobFeed, ListFeed
from app.live.follower import Follower
from app.live.lists import RunList, Source, TooMany, WorkerList
from app.live.protocol import SIGNED_OUT
from app.live.queue_list import Counts, QueueList
from app.live.snapshot import read_snapshot
from app.live.tail import Tail
from app.settings import Settings

T = TypeVar("T")
_log = logging.getLogger("traindeck.live")

SQLITE_PERIOD_S = 0.05  # a look costs microseconds when nobody has committed
POSTGRES_PERIOD_S = 0.1  # a look is a query
IDLE_S = 5  # a reader that comes back within this finds its stream as it left it
CHECK_ACCESS_EVERY_S = 2
AFTER_FAILURE_S = 1
MOST_OF_THE_TIME = 0.25  # a list that takes long to read is read less often


class Hub:
    """Hands out feeds, keeps them fresh, and shows those out whose token was revoked."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._tail = Tail(database)
        self._period_s = SQLITE_PERIOD_S if database.is_sqlite else POSTGRES_PERIOD_S
        self._sources: dict[str, Callable[[], Source]] = {
            "runs": partial(RunList, database),
            "workers": partial(WorkerList, database, settings.lease_s, settings.beat_s),
            "counts": partial(Counts, database, settings.lease_s),
            "queue": partial(QueueList, database, settings.lease_s, settings.beat_s),
        }
        self._feeds: dict[str, Feed] = {}
        self._opening: dict[str, asyncio.Task[Feed]] = {}
        self._has_new_feed = False
        self._is_followed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._threads: ThreadPoolExecutor | None = None
        self.followers: set[Follower] = set()

    async def start(self) -> None:
        """Begin to look. Belongs to the loop that calls it."""
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="live")
        self._start_task(self._tail_regularly())
        self._start_task(self._check_access_regularly())

    async def stop(self) -> None:
        """Stop looking, and let go of the database."""
        for task in (tasks := [*self._tasks, *self._opening.values()]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
        self._tail.close()

    async def open(self, stream: str, reader: asyncio.Event) -> Feed:
        """The feed of a stream, which from now on wakes `reader`. Raises NotFound."""
        feed = self._feeds.get(stream)
        if feed is None:
            task = self._opening.get(stream) or self._open_anew(stream)
            feed = await asyncio.shield(task)  # whoever asked first may leave before the others have it
        feed.add(reader)
        return feed

    async def last_seq(self, job_id: str) -> int:
        """How far a job's stream has come, asked of the database itself."""
        return await self._in_thread(self._tail.last_seq, job_id)

    def _open_anew(self, stream: str) -> asyncio.Task[Feed]:
        task = asyncio.create_task(self._make(stream))
        self._opening[stream] = task
        task.add_done_callback(lambda _: self._opening.pop(stream, None))
        return task

    async def _make(self, stream: str) -> Feed:
        if source := self._sources.get(stream):
            feed: Feed = ListFeed(stream)
            self._start_task(self._read_list_regularly(stream, feed, source()))
        else:
            feed = JobFeed(await self._in_thread(self._tail.load, stream), partial(self._read_snapshot, stream))
            self._has_new_feed = True
            self._is_followed.set()
        self._feeds[stream] = feed
        return feed

    async def _read_snapshot(self, job_id: str) -> Frame:
        return await self._in_thread(read_snapshot, self._db, job_id)

    async def _tail_regularly(self) -> None:
        while True:
            await self._is_followed.wait()
            await asyncio.sleep(self._period_s)
            with _going_on("look for news") as attempt:
                await self._look()
            if attempt.failed:
                self._has_new_feed = True
                await asyncio.sleep(AFTER_FAILURE_S)

    async def _look(self) -> None:
        feeds = {name: feed for name, feed in self._feeds.items() if isinstance(feed, JobFeed)}
        for name in [name for name, feed in feeds.items() if _is_idle(feed)]:
            del feeds[name], self._feeds[name]
        if not feeds:
            self._is_followed.clear()
            return
        force, self._has_new_feed = self._has_new_feed, False
        cursors = {name: feed.buffer.last_seq for name, feed in feeds.items()}
        for name, news in (await self._in_thread(partial(self._tail.look, cursors, force=force))).items():
            feeds[name].take(news)
            if news is None:
                self._feeds.pop(name, None)

    async def _read_list_regularly(self, name: str, feed: Feed, source: Source) -> None:
        assert isinstance(feed, ListFeed)
        while not _is_idle(feed):
            started = time.monotonic()
            with _going_on(f"read the {name}") as attempt:
                feed.take(await self._changed(source))
            took_s = time.monotonic() - started
            await asyncio.sleep(AFTER_FAILURE_S if attempt.failed else max(source.every_s, took_s / MOST_OF_THE_TIME))
        self._feeds.pop(name, None)

    async def _changed(self, source: Source) -> dict[str, str] | None:
        try:
            return await self._in_thread(source.changed)
        except TooMany:
            return None

    async def _check_access_regularly(self) -> None:
        while True:
            await asyncio.sleep(CHECK_ACCESS_EVERY_S)
            if self.followers:
                with _going_on("check tokens"):
                    await self._check_access()

    async def _check_access(self) -> None:
        followers = list(self.followers)
        valid = await self._in_thread(self._still_valid, {follower.principal for follower in followers})
        for follower in followers:
            if follower.principal not in valid:
                follower.end(SIGNED_OUT)

    def _still_valid(self, principals: set[access.Principal]) -> set[access.Principal]:
        with self._db.read() as session:
            return access.still_valid(session, principals)

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        assert self._threads is not None, "the hub was not started"
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_idle(feed: Feed) -> bool:
    return not feed.readers and time.monotonic() - feed.idle_since > IDLE_S


@dataclass
class _Attempt:
    failed: bool = False


@contextmanager
def _going_on(what: str) -> Iterator[_Attempt]:
    """Whatever fails is logged and tried again: what follows streams must outlive the database's bad moments."""
    attempt = _Attempt()
    try:
        yield attempt
    except UNAVAILABLE as error:
        attempt.failed = True
        _log.warning("could not %s, trying again: %s", what, error)
    except Exception:
        attempt.failed = True
        _log.exception("could not %s, trying again", what)
