"""A thousand browsers on one run: how late a committed point reaches them, and what that costs the server.

The clients are as light as they can be, for they share the machine with the server: they upgrade, subscribe, and look
for the time of the last event in what arrives.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import psutil

from app import events, queue
from app.columns import Points
from app.db import Database
from app.db.tables import Worker
from app.queue import JobKind
from bench.table import show

NUM_CLIENTS = 1000
FRAMES_PER_S, POINTS_PER_FRAME, SERIES = 10, 5, 3
MEASURED_S, SETTLE_S = 15, 3
PORT = 18457
TOKEN = "a-token-for-the-bench-only"


def main() -> None:
    _allow_many_sockets()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"TRAINDECK_DATA_DIR": folder, "TRAINDECK_TOKEN": TOKEN, "TRAINDECK_PORT": str(PORT)}
        server = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            _wait_for_port(PORT)
            database = Database(f"sqlite:///{Path(folder) / 'traindeck.sqlite3'}")
            rows = [_measure(database, server.pid, count) for count in (1, 100, NUM_CLIENTS)]
            database.dispose()
        finally:
            server.terminate()
            server.wait()
    show(
        f"Browsers on one run that writes {FRAMES_PER_S} batches of {POINTS_PER_FRAME * SERIES} points a second",
        ["browsers", "commit to browser, median", "p99", "worst", "frames/s each", "server's CPU", "server's memory"],
        rows,
    )


def _allow_many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _wait_for_port(port: int) -> None:
    while not any(c.laddr.port == port and c.status == psutil.CONN_LISTEN for c in psutil.net_connections("tcp")):
        time.sleep(0.05)


class _Browser(asyncio.Protocol):
    """Follows one job, and keeps how long after its commit the last event of each arrival came."""

    def __init__(self, job_id: str, ages_s: list[float]) -> None:
        self.job_id, self.ages_s = job_id, ages_s
        self.following = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        if not self.following.done() and data.startswith(b"HTTP/1.1 101"):
            text = json.dumps({"type": "subscribe", "stream": self.job_id, "after": 2}).encode()
            self.transport.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
            self.following.set_result(None)
        at = data.rfind(b'"time":')
        if at >= 0:
            self.ages_s.append(time.time() - float(data[at + 7 : data.index(b",", at)]))


def _measure(database: Database, server_pid: int, num_browsers: int) -> list[str]:
    with database.write() as session:
        session.merge(
            Worker(id="bench", name="", host="", pid=0, slots=1, devices=[], versions={}, started_at=0, heartbeat_at=0)
        )
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, "bench", lease_s=600)
    assert claim is not None
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(database, claim, stop))
    writer.start()
    try:
        return asyncio.run(_watch(claim.job_id, psutil.Process(server_pid), num_browsers))
    finally:
        stop.set()
        writer.join()


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


async def _watch(job_id: str, server: psutil.Process, num_browsers: int) -> list[str]:
    loop = asyncio.get_running_loop()
    ages_s: list[list[float]] = [[] for _ in range(num_browsers)]
    browsers = []
    for ages in ages_s:
        _, browser = await loop.create_connection(partial(_Browser, job_id, ages), "127.0.0.1", PORT)
        browsers.append(browser)
    await asyncio.gather(*(browser.following for browser in browsers))
    await asyncio.sleep(SETTLE_S)
    for ages in ages_s:
        ages.clear()
    began, cpu = time.monotonic(), sum(server.cpu_times()[:2])
    await asyncio.sleep(MEASURED_S)
    took_s = time.monotonic() - began
    used_s = sum(server.cpu_times()[:2]) - cpu
    memory = server.memory_info().rss
    for browser in browsers:
        browser.transport.abort()
    every = np.array([age for ages in ages_s for age in ages]) * 1000
    return [
        f"{num_browsers:,}",
        f"{np.median(every):.0f} ms",
        f"{np.percentile(every, 99):.0f} ms",
        f"{every.max():.0f} ms",
        f"{len(every) / num_browsers / took_s:.1f}",
        f"{100 * used_s / took_s:.0f} % of a core",
        f"{memory / 2**20:.0f} MiB",
    ]


if __name__ == "__main__":
    main()
