"""`traindeck up` as real processes: the port is its own from beginning to end."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import TOKEN
from tests.deck import wait_for

COMMAND = [sys.executable, "-m", "app.cli", "up", "--workers", "0"]


def environment(data_dir: Path) -> dict[str, str]:
    return os.environ | {"TRAINDECK_DATA_DIR": str(data_dir), "TRAINDECK_TOKEN": TOKEN}


@pytest.fixture
def up(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "--port", "0"]
    with subprocess.Popen(command, env=environment(data_dir), stdout=subprocess.PIPE, text=True) as one:
        yield one
        one.send_signal(signal.SIGTERM)
        assert one.wait(30) == 0


def next_link(up: subprocess.Popen[str]) -> str:
    assert up.stdout
    for line in up.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise AssertionError("it ended without a word")


def kill_server(up: subprocess.Popen[str]) -> None:
    (server,) = psutil.Process(up.pid).children()
    server.kill()
    server.wait()


def test_a_server_that_is_killed_before_it_is_ready_is_started_again(up: subprocess.Popen[str]) -> None:
    wait_for(lambda: psutil.Process(up.pid).children())
    kill_server(up)
    address = next_link(up).partition("/?")[0]
    assert httpx.get(f"{address}/readyz", timeout=60).status_code == 200


def test_who_comes_while_the_server_starts_again_waits(up: subprocess.Popen[str]) -> None:
    address = next_link(up).partition("/?")[0]
    wait_for(lambda: httpx.get(f"{address}/readyz").status_code == 200)
    kill_server(up)
    codes: list[int] = []
    asking = threading.Thread(target=lambda: codes.append(httpx.get(f"{address}/readyz", timeout=60).status_code))
    asking.start()
    asking.join()
    assert codes == [200]
    assert next_link(up).startswith(address)


def test_a_port_that_is_taken_is_said_and_nothing_starts(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [*COMMAND, "--host", "127.0.0.1", "--port", str(port)]
        ended = subprocess.run(
            command, env=environment(data_dir), capture_output=True, text=True, timeout=60, check=False
        )
    assert ended.returncode == 1
    assert f"127.0.0.1:{port} cannot be bound to" in ended.stdout
    assert not (data_dir / "traindeck.sqlite3").exists()
