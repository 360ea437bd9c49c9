"""A real server with the websocket, a job that writes, and clients that count what they are told."""

import asyncio
import json
import socket as sockets
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import insert
from websockets.asyncio.client import ClientConnection, connect

from app import events, queue
from app.access.guard import Guard
from app.access.middleware import protect
from app.access.service import ensure_token
from app.columns import Points
from app.db import Database, now
from app.db.tables import Worker
from app.live import routes
from app.live.hub import Hub
from app.live.transport import UVICORN
from app.queue import Claim, JobKind
from app.settings import Settings

TOKEN = "a-token-for-tests-only"


def live_app(db: Database, settings: Settings) -> FastAPI:
    """The websocket behind the checks that every request passes."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await app.state.hub.start()
        yield
        await app.state.hub.stop()

    app = FastAPI(lifespan=lifespan)
    app.state.hub = Hub(db, settings)
    app.include_router(routes.router, prefix="/api/v1")
    protect(app, Guard(db), settings)
    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[uvicorn.Server]:
    """A real server in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=3, **UVICORN))
    listening = sockets.socket()
    # As little room in the kernel as there is: so a few kilobytes are enough for a slow client to be seen as slow.
    listening.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 16_384)
    listening.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()


def port_of(server: uvicorn.Server) -> int:
    """Where a server listens."""
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port


@pytest.fixture
def app(db: Database, settings: Settings) -> FastAPI:
    with db.write() as session:
        ensure_token(session, settings)
    return live_app(db, settings)


@pytest.fixture
def port(app: FastAPI) -> Iterator[int]:
    with serving(app) as server:
        yield port_of(server)


class Writer:
    """A job that runs, and writes to its stream as a worker does."""

    def __init__(self, db: Database) -> None:
        self.db = db
        with db.write() as session:
            worker = {"id": "w", "name": "w", "host": "h", "pid": 1, "slots": 1, "devices": [], "versions": {}}
            session.execute(insert(Worker).values(**worker, started_at=now(), heartbeat_at=now()))
            queue.enqueue(session, JobKind.INGEST, {})
            claim = queue.claim(session, "w", lease_s=60)
        assert claim is not None
        self.claim: Claim = claim
        self.last_seq = 2
        self.next_step = 0

    @property
    def job_id(self) -> str:
        return self.claim.job_id

    def write(self, *new: events.New) -> None:
        """Append events, in one transaction."""
        with self.db.write() as session:
            fence = queue.fence(session, self.claim, lease_s=60, num_events=len(new))
            events.insert(session, self.job_id, fence.last_seq, fence.time, new)
        self.last_seq = fence.last_seq

    def log(self, *texts: str) -> None:
        self.write(*(events.New("log", {"level": "info", "text": text}) for text in texts))

    def points(self, count: int, values: Sequence[float] | None = None) -> None:
        """Append the next points of train/loss."""
        self.write(self.next_points(count, values))

    def next_points(self, count: int, values: Sequence[float] | None = None) -> events.New:
        """The next points of train/loss, each with its step as its value unless `values` are given."""
        steps = range(self.next_step, self.next_step + count)
        self.next_step += count
        return events.New("metrics", points=[Points.of("train/loss", list(steps), values or [float(s) for s in steps])])


@pytest.fixture
def writer(db: Database) -> Writer:
    return Writer(db)


@asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {TOKEN}"} | options.pop("headers", {})
    name = options.pop("name", "127.0.0.1")
    url = f"ws://{name}:{port}/api/v1/live"
    if "sock" not in options:
        options["host"] = "127.0.0.1"
    async with connect(url, additional_headers=headers, max_size=None, **options) as socket:
        yield socket


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection, timeout_s: float = 20) -> dict[str, Any]:
    """The next message. Patient: a busy machine's disk may hold up a commit, and so what follows it, for seconds."""
    async with asyncio.timeout(timeout_s):
        message: dict[str, Any] = json.loads(await socket.recv())
        return message


def small_window(port: int) -> sockets.socket:
    """A connection whose receiver can hold back the sender after a few kilobytes."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", port))
    return raw


@dataclass
class Reader:
    """A client that keeps its place, checks that nothing is missing or twice, and knows every point."""

    stream: str
    last_seq: int = 0
    num_resets: int = 0
    num_frames: int = 0
    steps: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def take(self, frame: dict[str, Any]) -> None:
        assert frame["stream"] == self.stream, frame
        self.num_frames += 1
        if frame["type"] == "reset":
            self._reset(frame)
        else:
            seqs = [event["seq"] for event in frame["events"]]
            assert seqs == list(range(self.last_seq + 1, frame["last_seq"] + 1))
            for event in frame["events"]:
                if event["kind"] == "metrics":
                    self._add(event["body"]["series"][0])
        self.last_seq = frame["last_seq"]

    def _reset(self, frame: dict[str, Any]) -> None:
        assert frame["last_seq"] > self.last_seq
        self.num_resets += 1
        series = frame["snapshot"]["series"].get("train/loss", {"num_points": 0})
        self.steps, self.values = list(range(series["num_points"])), [None] * series["num_points"]

    def _add(self, series: dict[str, Any]) -> None:
        assert series["steps"][0] == len(self.steps)
        self.steps += series["steps"]
        self.values += series["values"]

    async def follow(self, socket: ClientConnection, until: int, pause_s: float = 0) -> None:
        """Read on until an event."""
        await say(socket, type="subscribe", stream=self.stream, after=self.last_seq)
        while self.last_seq < until:
            self.take(await hear(socket, timeout_s=20))
            await asyncio.sleep(pause_s)
