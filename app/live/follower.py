"""One websocket: the streams that it follows, a cursor in each, and the next frame made when the last has left.

There is no queue. What a slow client has not been told yet stays where it is, in the feeds, and reaches it in fewer
and larger frames; it costs the others nothing.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from app.access.service import Principal
from app.errors import NotFound
from app.live.feeds import START_ANEW, Feed, JobFeed, ListFeed
from app.live.protocol import MAX_STREAMS, BadMessage, Subscribe, error_frame, parse

SEND_TIMEOUT_S = 10


class Feeds(Protocol):
    """Where feeds come from: the hub."""

    async def open(self, stream: str, reader: asyncio.Event) -> Feed: ...
    async def last_seq(self, job_id: str) -> int: ...


@dataclass
class _Place:
    """How far a stream has been told; None until it is known from where on."""

    feed: Feed
    cursor: int | None = None


class Follower:
    """A client: `hear` takes what it says, `tell` sends what is new, `ended` is set when the server wants it gone."""

    def __init__(self, feeds: Feeds, principal: Principal, send: Callable[[str], Awaitable[None]]) -> None:
        self.principal = principal
        self._feeds = feeds
        self._send = send
        self._places: dict[str, _Place] = {}
        self._errors: deque[str] = deque(maxlen=16)
        self._news = asyncio.Event()
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def end(self, code: int | None) -> None:
        """Close the socket with a code, whatever it is doing; without one when it is closed already."""
        if not self.ended.done():
            self.ended.set_result(code)

    def leave(self) -> None:
        """No longer wait for anything."""
        for stream in list(self._places):
            self._unsubscribe(stream)

    async def hear(self, text: str) -> None:
        """Do what a message asks for, or say why not."""
        try:
            message = parse(text)
        except BadMessage as error:
            self._tell_error(None, str(error))
            return
        if isinstance(message, Subscribe):
            await self._subscribe(message)
        else:
            self._unsubscribe(message.stream)

    async def _subscribe(self, message: Subscribe) -> None:
        stream = message.stream
        if stream not in self._places and len(self._places) >= MAX_STREAMS:
            self._tell_error(stream, f"One page follows at most {MAX_STREAMS} streams.")
            return
        self._unsubscribe(stream)
        try:
            feed = await self._feeds.open(stream, self._news)
            place = self._places[stream] = _Place(feed)
            place.cursor = await self._start(feed, message)
        except NotFound as error:
            self._tell_error(stream, error.message)
        self._news.set()

    async def _start(self, feed: Feed, message: Subscribe) -> int:
        if isinstance(feed, ListFeed):
            return feed.start()
        assert isinstance(feed, JobFeed)
        # Ahead of this process, which may be a moment behind the database; or of a stream that is no longer that long.
        if message.after > feed.buffer.last_seq and message.after > await self._feeds.last_seq(message.stream):
            return START_ANEW
        return message.after

    def _unsubscribe(self, stream: str) -> None:
        if place := self._places.pop(stream, None):
            place.feed.discard(self._news)

    def _tell_error(self, stream: str | None, message: str) -> None:
        self._errors.append(error_frame(stream, message))
        self._news.set()

    async def tell(self) -> None:
        """Send what is new, for ever. Raises TimeoutError when a frame is stuck for too long."""
        while True:
            await self._news.wait()
            self._news.clear()
            while await self._tell_round():
                pass

    async def _tell_round(self) -> bool:
        """Send one frame of each stream that has one. False when none had."""
        has_told = False
        while self._errors:
            await self._tell_one(self._errors.popleft())
        for stream in list(self._places):
            if (text := await self._next(stream)) is not None:
                await self._tell_one(text)
                has_told = True
        return has_told

    async def _tell_one(self, text: str) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await self._send(text)

    async def _next(self, stream: str) -> str | None:
        place = self._places.get(stream)
        if place is None or place.cursor is None:
            return None
        try:
            frame = await place.feed.next(place.cursor)
        except NotFound as error:
            self._unsubscribe(stream)
            return error_frame(stream, error.message)
        # While a snapshot was read, the client may have left, or have asked for another place.
        if frame is None or self._places.get(stream) is not place:
            return None
        place.cursor, text = frame
        return text
