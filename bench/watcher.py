"""A websocket client as light as can be: it shares the machine with the servers that it measures."""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import cast

from examples.live_client import Mirror

PONG_TO_ALL = bytes([0x8A, 0x80, 0, 0, 0, 0])


class Watcher(asyncio.Protocol):
    """Follows one job; keeps the frames that come, and how many seconds after its commit the last event of each did."""

    texts: dict[bytes, bytes] = {}  # most clients are sent the same: one copy serves them all

    def __init__(self, job_id: str, token: str) -> None:
        self.job_id, self.token = job_id, token
        self.mirror = Mirror(job_id)
        self.ages_s: list[float] = []
        self.frames: list[bytes] = []
        self.times_cut = 0
        self._rest = b""
        self._has_answer = False

    async def connect(self, port: int) -> None:
        """Begin, or go on where it was, with any of the servers."""
        self._begin()
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        await self.following

    def _begin(self) -> None:
        self.read()
        self._rest, self._has_answer = b"", False
        self.following = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Authorization: Bearer " + self.token.encode() + b"\r\n\r\n"
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.times_cut += 1
        if not self.following.done():
            self.following.set_exception(exc or ConnectionResetError("closed before it was let in"))

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._has_answer:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise ConnectionRefusedError(head.decode())
            self._rest, self._has_answer = rest, True
            self._say(json.dumps({"type": "subscribe", "stream": self.job_id, "after": self.mirror.last_seq}).encode())
            self.following.set_result(None)
        for text in self._whole():
            self.frames.append(self.texts.setdefault(text, text))
            at = text.rfind(b'"time":')
            if at >= 0:
                self.ages_s.append(time.time() - float(text[at + 7 : text.index(b",", at)]))

    def _say(self, text: bytes) -> None:
        self.transport.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # up to 125 bytes, masked with zeros

    def _whole(self) -> Iterator[bytes]:
        """The text frames that are here as a whole (RFC 6455, section 5.2); what is not stays."""
        data, at = self._rest, 0
        while len(data) >= at + 2:
            size, body = data[at + 1], at + 2
            if size >= 126:
                form = ">H" if size == 126 else ">Q"
                body += struct.calcsize(form)
                if len(data) < body:
                    break
                (size,) = struct.unpack_from(form, data, at + 2)
            if len(data) < body + size:
                break
            kind = data[at] & 0x0F
            if kind == 1:
                yield data[body : body + size]
            elif kind == 9:
                self.transport.write(PONG_TO_ALL)
            at = body + size
        self._rest = data[at:]

    def leave(self) -> None:
        """Say nothing, and go."""
        self.transport.abort()

    def read(self) -> None:
        """Bring the mirror up to date with the frames that came."""
        for text in self.frames:
            self.mirror.take(json.loads(text))
        self.frames.clear()


class SlowWatcher(Watcher):
    """One that takes in a byte a second until it is told to `hurry`, and comes again when the server gives it up."""

    def __init__(self, job_id: str, token: str) -> None:
        super().__init__(job_id, token)
        self.hurry = asyncio.Event()

    async def connect(self, port: int) -> None:
        """Go through the handshake as quickly as others; then begin to be slow."""
        self._begin()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", port))
        self.connection_made(cast("asyncio.Transport", _Plain(self._socket)))
        while not self.following.done():
            self.data_received(await loop.sock_recv(self._socket, 1024))
        self._trickling = asyncio.create_task(self._trickle(port))

    async def _trickle(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self._socket, 1 << 16 if self.hurry.is_set() else 1):
                self.data_received(data)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.hurry.wait(), 1)
        except ConnectionError:
            pass
        self.connection_lost(None)
        self._socket.close()
        await self.connect(port)

    def leave(self) -> None:
        self._trickling.cancel()
        self._socket.close()


class _Plain:
    """A socket, written to like a transport: what is said fits the system's own buffer."""

    def __init__(self, plain: socket.socket) -> None:
        self.write = plain.send
        self.abort = plain.close
