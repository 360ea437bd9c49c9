"""A thousand browsers on one run, on one server process and on two: how late a committed point reaches them.

Ten of them take in a byte a second. At the end each has to hold what the database holds.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from app import columns, curves, events, queue
from app.columns import Points
from app.db import Database
from app.db.tables import Job, Worker
from app.queue import JobKind
from bench.table import show
from bench.watcher import SlowWatcher, Watcher

SETUPS = [(1, 1, 0), (1, 100, 0), (1, 1000, 0), (2, 1000, 10)]  # servers, browsers, and how many of them are slow
FRAMES_PER_S, POINTS_PER_FRAME, SERIES = 10, 5, 3
MEASURED_S, SETTLE_S, CATCH_UP_S = 20, 3, 60
FIRST_PORT = 18457
TOKEN = "a-token-for-the-bench-only"


def main() -> None:
    _allow_many_sockets()
    show(
        f"Browsers on one run that writes {FRAMES_PER_S} batches of {POINTS_PER_FRAME * SERIES} points a second",
        ["servers", "browsers", "median", "p99", "worst", "frames/s each", "CPU of each server", "memory", "equal"],
        [_measure(*setup) for setup in SETUPS],
    )


def _allow_many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _measure(num_servers: int, num_browsers: int, num_slow: int) -> list[str]:
    ports = list(range(FIRST_PORT, FIRST_PORT + num_servers))
    with tempfile.TemporaryDirectory() as folder, _serving(folder, ports) as servers:
        database = Database(f"sqlite:///{Path(folder) / 'traindeck.sqlite3'}")
        claim = _hold(database)
        stop = threading.Event()
        writer = threading.Thread(target=_write, args=(database, claim, stop))
        writer.start()
        try:
            row = asyncio.run(_watch(database, claim.job_id, ports, servers, num_browsers, num_slow, stop))
        finally:
            stop.set()
            writer.join()
            database.dispose()
    return [str(num_servers), f"{num_browsers:,}" + (f", {num_slow} of them slow" if num_slow else ""), *row]


@contextmanager
def _serving(folder: str, ports: Sequence[int]) -> Iterator[list[psutil.Process]]:
    environment = os.environ | {"TRAINDECK_DATA_DIR": folder, "TRAINDECK_TOKEN": TOKEN}
    command = [sys.executable, "-m", "app.cli", "serve"]
    servers = [
        subprocess.Popen(command, env=environment | {"TRAINDECK_PORT": str(port)}, stdout=subprocess.DEVNULL)
        for port in ports
    ]
    try:
        for server, port in zip(servers, ports, strict=True):
            _wait_for_port(server, port)
        yield [psutil.Process(server.pid) for server in servers]
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()


def _wait_for_port(server: subprocess.Popen[bytes], port: int) -> None:
    while not any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in psutil.net_connections("tcp")):
        if server.poll() is not None:
            raise RuntimeError("the server did not start")
        time.sleep(0.05)


def _hold(database: Database) -> queue.Claim:
    with database.write() as session:
        session.merge(
            Worker(id="bench", name="", host="", pid=0, slots=1, devices=[], versions={}, started_at=0, heartbeat_at=0)
        )
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, "bench", lease_s=600)
    assert claim is not None
    return claim


def _write(database: Database, claim: queue.Claim, stop: threading.Event) -> None:
    step, chance = 0, np.random.default_rng(0)
    due = time.monotonic()
    while not stop.is_set():
        steps = np.arange(step, step := step + POINTS_PER_FRAME)
        points = [Points.of(f"train/{i}", steps, chance.random(POINTS_PER_FRAME)) for i in range(SERIES)]
        with database.write() as session:
            fence = queue.fence(session, claim, lease_s=600, num_events=1)
            events.insert(session, claim.job_id, fence.last_seq, fence.time, [events.New("metrics", points=points)])
        due += 1 / FRAMES_PER_S
        time.sleep(max(0.0, due - time.monotonic()))


async def _watch(
    database: Database,
    job_id: str,
    ports: Sequence[int],
    servers: Sequence[psutil.Process],
    num_browsers: int,
    num_slow: int,
    stop: threading.Event,
) -> list[str]:
    fast = [Watcher(job_id, TOKEN) for _ in range(num_browsers - num_slow)]
    slow = [SlowWatcher(job_id, TOKEN) for _ in range(num_slow)]
    for i, watcher in enumerate([*slow, *fast]):
        await watcher.connect(ports[i % len(ports)])
    await asyncio.sleep(SETTLE_S)
    for watcher in fast:
        watcher.ages_s.clear()
    began, cpu = time.monotonic(), _cpu_s(servers)
    await asyncio.sleep(MEASURED_S)
    took_s, used_s = time.monotonic() - began, _cpu_s(servers) - cpu
    ages_ms = np.array([age for watcher in fast for age in watcher.ages_s]) * 1000
    memory = max(server.memory_info().rss for server in servers)
    stop.set()
    return [
        *(f"{ms:.0f} ms" for ms in (np.median(ages_ms), np.percentile(ages_ms, 99), ages_ms.max())),
        f"{len(ages_ms) / len(fast) / took_s:.1f}",
        f"{100 * used_s / took_s / len(servers):.0f} % of a core",
        f"{memory / 2**20:.0f} MiB",
        await _how_many_are_equal(database, job_id, fast, slow),
    ]


def _cpu_s(servers: Sequence[psutil.Process]) -> float:
    return sum(sum(server.cpu_times()[:2]) for server in servers)


async def _how_many_are_equal(
    database: Database, job_id: str, fast: Sequence[Watcher], slow: Sequence[SlowWatcher]
) -> str:
    """Let every browser come to the end, and hold each point that it has against the database."""
    for watcher in slow:
        watcher.hurry.set()
    await asyncio.sleep(1)
    last_seq, truth = _read(database, job_id)
    every, deadline = [*fast, *slow], time.monotonic() + CATCH_UP_S
    while True:
        for watcher in every:
            watcher.read()
        if all(watcher.mirror.last_seq == last_seq for watcher in every) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    num_equal = sum(watcher.mirror.series == truth for watcher in every)
    for watcher in every:
        watcher.leave()
    cut = sum(watcher.times_cut for watcher in slow)
    return f"{num_equal:,} of {len(every):,}" + (f" (the slow were cut {cut} times)" if slow else "")


def _read(database: Database, job_id: str) -> tuple[int, dict[str, dict[int, float | str]]]:
    with database.read() as session:
        last_seq = session.get_one(Job, job_id).last_seq
        truth = {}
        for name in curves.list_series(session, [job_id])[job_id]:
            found = curves.read_points(session, job_id, name, 0, 1 << 40)
            truth[name] = dict(zip(found.steps.tolist(), columns.spell(found.values), strict=True))
    return last_seq, truth


if __name__ == "__main__":
    main()
