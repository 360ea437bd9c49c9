"""The socket of a real server, on both databases: never a gap, never a duplicate, whatever happens on the way."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, text

from app import events
from app.db import Database
from app.db.tables import Job
from app.live import hub
from app.settings import Settings
from tests.live.conftest import Reader, Writer, connected, hear, live_app, port_of, say, serving, small_window


@contextmanager
def writing(writer: Writer, num_batches: int, points: int = 5, pause_s: float = 0.0) -> Iterator[threading.Thread]:
    """Batches of points, written by a thread while the block runs."""

    def write() -> None:
        for _ in range(num_batches):
            writer.points(points)
            time.sleep(pause_s)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def test_events_are_told_as_they_are_written(port: int, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id, after=0)
            first = await hear(socket)
            assert [event["kind"] for event in first["events"]] == ["status", "status"]
            writer.log("hello")
            started = time.monotonic()
            second = await hear(socket)
            assert time.monotonic() - started < 1
            (event,) = second["events"]
            assert (event["seq"], event["kind"], event["body"]["text"]) == (3, "log", "hello")
            assert second["last_seq"] == 3

    asyncio.run(run())


def test_what_is_not_finite_is_spelled(port: int, writer: Writer) -> None:
    async def run() -> None:
        writer.points(3, [float("nan"), float("inf"), float("-inf")])
        async with connected(port) as socket:
            reader = Reader(writer.job_id)
            await reader.follow(socket, until=writer.last_seq)
            assert reader.values == ["NaN", "Infinity", "-Infinity"]

    asyncio.run(run())


def test_whoever_connects_at_any_moment_of_a_burst_is_told_everything_once(port: int, writer: Writer) -> None:
    num_batches, last_seq = 150, 2 + 150

    async def client(delay_s: float) -> Reader:
        await asyncio.sleep(delay_s)
        reader = Reader(writer.job_id)
        async with connected(port) as socket:
            await reader.follow(socket, until=last_seq)
        return reader

    async def run() -> None:
        with writing(writer, num_batches):
            readers = await asyncio.gather(*(client(i * 0.03) for i in range(30)))
        for reader in readers:
            assert reader.num_resets == 0
            assert reader.steps == list(range(num_batches * 5))
            assert reader.values == [float(step) for step in reader.steps]

    asyncio.run(run())


def test_a_client_whose_socket_is_cut_again_and_again_ends_up_with_every_point(port: int, writer: Writer) -> None:
    chance = random.Random(1)
    num_batches = 150

    async def run() -> None:
        reader = Reader(writer.job_id)
        with writing(writer, num_batches, pause_s=0.004):
            while reader.last_seq < 2 + num_batches:
                async with connected(port) as socket:
                    await say(socket, type="subscribe", stream=writer.job_id, after=reader.last_seq)
                    for _ in range(chance.randrange(4)):
                        if reader.last_seq < 2 + num_batches:
                            reader.take(await hear(socket))
                    socket.transport.abort()
        assert reader.steps == list(range(num_batches * 5))

    asyncio.run(run())


def test_two_servers_tell_the_same_stream(port: int, db: Database, settings: Settings, writer: Writer) -> None:
    async def run(ports: list[int]) -> None:
        reader, turn = Reader(writer.job_id), 0
        with writing(writer, 100, pause_s=0.004):
            while reader.last_seq < 102:
                turn += 1
                async with connected(ports[turn % 2]) as socket:
                    await say(socket, type="subscribe", stream=writer.job_id, after=reader.last_seq)
                    reader.take(await hear(socket))
        assert reader.num_resets == 0
        assert reader.steps == list(range(500))

    with serving(live_app(db, settings)) as other:
        asyncio.run(run([port, port_of(other)]))


def test_a_slow_reader_gets_fewer_and_larger_frames_and_holds_up_nobody(port: int, writer: Writer) -> None:
    async def client(pause_s: float) -> tuple[Reader, float]:
        reader = Reader(writer.job_id)
        async with connected(port, sock=small_window(port) if pause_s else None, max_queue=1) as socket:
            await reader.follow(socket, until=2 + 2 * 100, pause_s=pause_s)
        return reader, time.monotonic()

    def write() -> None:
        for _ in range(100):
            writer.points(5)
            writer.log("x" * 20_000)
            time.sleep(0.01)

    async def run() -> None:
        clients = asyncio.gather(client(0.3), *(client(0) for _ in range(5)))
        await asyncio.to_thread(write)
        written_at = time.monotonic()
        (slow, _), *fast = await clients
        for reader in (slow, *(reader for reader, _ in fast)):
            assert reader.steps == list(range(500))
        assert min(reader.num_frames for reader, _ in fast) > slow.num_frames
        assert max(finished_at for _, finished_at in fast) - written_at < 2

    asyncio.run(run())


def test_a_gap_of_many_points_is_a_snapshot(port: int, writer: Writer) -> None:
    async def run() -> None:
        reader = Reader(writer.job_id)
        async with connected(port) as socket:
            await reader.follow(socket, until=2)
            writer.points(4_000)
            await reader.follow(socket, until=3)
            assert reader.num_resets == 0
        last_word = events.New("log", {"level": "info", "text": "the last word"})
        writer.write(*(writer.next_points(4_000) for _ in range(3)), last_word)
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id, after=reader.last_seq)
            frame = await hear(socket)
            assert frame["type"] == "reset"
            reader.take(frame)
            snapshot = frame["snapshot"]
            series = snapshot["series"]["train/loss"]
            assert snapshot["status"] == "running"
            assert (series["num_points"], max(series["max"]), min(series["min"])) == (16_000, 15_999, 0)
            assert len(series["steps"]) <= 1_000
            assert snapshot["events"][-1]["body"]["text"] == "the last word"
            writer.points(10)
            await reader.follow(socket, until=writer.last_seq)
        assert reader.steps == list(range(16_010))

    asyncio.run(run())


def test_a_stream_that_runs_away_is_told_in_snapshots_that_do_not_overlap(port: int, writer: Writer) -> None:
    async def run() -> None:
        readers = [Reader(writer.job_id) for _ in range(3)]

        async def client(reader: Reader) -> None:
            async with connected(port) as socket:
                await reader.follow(socket, until=2 + 60)

        with writing(writer, 60, points=6_000, pause_s=0.01):
            await asyncio.gather(*(client(reader) for reader in readers))
        for reader in readers:
            assert len(reader.steps) == 360_000
            assert 1 <= reader.num_resets < 60

    asyncio.run(run())


def test_a_snapshot_leaves_out_what_a_rewind_took_back(port: int, writer: Writer) -> None:
    async def run() -> None:
        for _ in range(2):
            writer.points(5_000)
        writer.write(
            events.New("finding", {"kind": "early", "step": 100}),
            events.New("finding", {"kind": "late", "step": 9_000}),
        )
        writer.write(events.New("rewind", {"to_step": 999}))
        writer.next_step = 1_000
        writer.points(5_000)
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id, after=0)
            snapshot = (await hear(socket))["snapshot"]
        assert snapshot["series"]["train/loss"]["num_points"] == 6_000
        assert [one["to_step"] for one in snapshot["rewinds"]] == [999]
        assert [event["body"]["kind"] for event in snapshot["events"] if event["kind"] == "finding"] == ["early"]

    asyncio.run(run())


def test_a_cursor_beyond_the_end_starts_anew(port: int, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id, after=1_000)
            frame = await hear(socket)
            assert (frame["type"], frame["last_seq"]) == ("reset", 2)

    asyncio.run(run())


def test_many_streams_on_one_socket(port: int, db: Database, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id, after=2)
            await say(socket, type="subscribe", stream="workers")
            await say(socket, type="subscribe", stream="no-such-job")
            heard = [await hear(socket), await hear(socket)]
            by_type = {frame["type"]: frame for frame in heard}
            assert [worker["id"] for worker in by_type["workers"]["items"]] == ["w"]
            assert by_type["error"]["stream"] == "no-such-job"
            writer.log("one")
            assert (await hear(socket))["stream"] == writer.job_id
            await say(socket, type="unsubscribe", stream=writer.job_id)
            await say(socket, type="nonsense")
            assert (await hear(socket))["type"] == "error"
            writer.log("two")
            with pytest.raises(TimeoutError):
                await hear(socket, timeout_s=0.5)

    asyncio.run(run())


def test_the_end_of_a_stream_is_told(port: int, db: Database, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id)
            await hear(socket)
            with db.write() as session:
                session.execute(delete(Job))
            frame = await hear(socket)
            assert (frame["type"], frame["stream"]) == ("error", writer.job_id)

    asyncio.run(run())


def test_nothing_is_read_for_streams_that_nobody_follows(port: int, app: FastAPI, writer: Writer) -> None:
    async def run() -> None:
        async with connected(port) as socket:
            await say(socket, type="subscribe", stream=writer.job_id)
            await hear(socket)
            assert set(app.state.hub._feeds) == {writer.job_id}
        deadline = time.monotonic() + 10
        while app.state.hub._feeds and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        assert not app.state.hub._feeds

    asyncio.run(run())


def test_streams_go_on_when_the_database_has_cut_every_connection(
    port: int, db: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.is_sqlite:
        pytest.skip("nobody can cut a file off")
    monkeypatch.setattr(hub, "AFTER_FAILURE_S", 0.05)

    async def run() -> None:
        reader = Reader(writer.job_id)
        async with connected(port) as socket:
            await reader.follow(socket, until=2)
            for _ in range(3):
                db.dispose()
                with db.engine.connect() as connection:
                    connection.execute(
                        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
                    )
                await asyncio.sleep(0.3)
                await asyncio.to_thread(writer.points, 5)
                reader.take(await hear(socket))
        assert reader.steps == list(range(15))

    asyncio.run(run())
