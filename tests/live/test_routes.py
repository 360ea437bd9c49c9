"""The socket itself: who may have one, what may be said on it, how it ends."""

import asyncio
import time

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.access import service as access
from app.db import Database
from app.live import follower, routes, transport
from tests.live.conftest import TOKEN, Reader, Writer, connected, hear, port_of, say, serving, small_window


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "{}", '{"type":"subscribe"}', '{"type":"subscribe","stream":"x","after":-1}', "x" * 2000],
)
def test_a_bad_message_is_answered_in_words(port: int, text: str) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await socket.send(text)
            frame = await hear(socket)
            assert (frame["type"], frame["stream"]) == ("error", None)
            assert frame["message"]

    asyncio.run(run())


def test_a_page_follows_so_many_streams_and_no_more(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MAX_STREAMS", 1)

    async def run() -> None:
        async with connected(port) as socket:
            for stream in ("workers", "runs"):
                await say(socket, type="subscribe", stream=stream)
            frame = await hear(socket)
            assert (frame["type"], frame["stream"]) == ("error", "runs")

    asyncio.run(run())


def test_a_revoked_token_closes_its_sockets(port: int, db: Database) -> None:
    async def run() -> None:
        with db.write() as session:
            other = access.create(session, "other")
        async with connected(port) as stays, connected(port, headers={"Authorization": f"Bearer {other}"}) as goes:
            with db.write() as session:
                access.revoke(session, "other")
            started = time.monotonic()
            with pytest.raises(ConnectionClosed) as closed:
                await goes.recv()
            assert time.monotonic() - started < 5
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401
            await say(stays, type="subscribe", stream="none")
            assert (await hear(stays))["type"] == "error"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic x"}, 401),
        ({"Origin": "http://host.evil.com"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_socket_passes_the_same_checks(port: int, headers: dict[str, str], status: int) -> None:
    async def run() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(port, headers=headers):
                pass
        assert refused.value.response.status_code == status

    asyncio.run(run())


@pytest.mark.parametrize("name", ["host.evil.com", "localhost.evil.com", "127.0.0.1.evil.com"])
def test_a_foreign_name_is_refused(port: int, name: str) -> None:
    async def run() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(port, name=name):
                pass
        assert refused.value.response.status_code == 403

    asyncio.run(run())


def test_a_client_that_takes_nothing_in_is_let_go(
    app: FastAPI, db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "SEND_TIMEOUT_S", 0.5)
    monkeypatch.setattr(routes, "_CLOSE_WITHIN_S", 0.2)
    monkeypatch.setattr(transport, "LINGER_S", 0.2)

    async def run(server: uvicorn.Server) -> None:
        port = port_of(server)
        async with connected(port, sock=small_window(port), max_queue=1) as socket:
            await say(socket, type="subscribe", stream=writer.job_id)
            socket.transport.pause_reading()
            deadline = time.monotonic() + 15
            while app.state.hub.followers and time.monotonic() < deadline:
                await asyncio.to_thread(writer.log, *["x" * 60_000] * 10)
                await asyncio.sleep(0.06)
            assert not app.state.hub.followers
            socket.transport.abort()

    with serving(app) as server:
        asyncio.run(run(server))


def test_the_token_may_come_in_the_address(port: int, writer: Writer) -> None:
    async def run() -> None:
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live?token={TOKEN}") as socket:
            await say(socket, type="subscribe", stream=writer.job_id)
            assert (await hear(socket))["type"] == "events"

    asyncio.run(run())


def test_who_asks_while_the_database_is_away_is_told_to_try_again(
    port: int, app: FastAPI, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise OperationalError("", {}, Exception("away"))

    async def run() -> None:
        async with connected(port) as socket:
            monkeypatch.setattr(app.state.hub._tail, "load", away)
            await say(socket, type="subscribe", stream=writer.job_id)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1013
        monkeypatch.undo()
        async with connected(port) as socket:
            await Reader(writer.job_id).follow(socket, until=2)

    asyncio.run(run())
