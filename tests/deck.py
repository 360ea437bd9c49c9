"""A whole deck as a user starts it: server and workers as real processes, which a test may kill."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from app.settings import Settings

T = TypeVar("T")
ENDED = ("succeeded", "failed", "cancelled")
TOLD_CHARACTERS = 4000  # of each process's output, when a test has failed


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(look: Callable[[], T | None], timeout_s: float = 60, every_s: float = 0.05) -> T:
    """What `look` gives once it gives something. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {timeout_s} s in vain")


class Deck:
    """Processes by name: "server", "worker 1" … Their output goes to files beside the data."""

    def __init__(self, settings: Settings) -> None:
        self.port = free_port()
        self.settings = settings.model_copy(update={"port": self.port})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.killed: list[str] = []
        token = settings.token or ""
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def _environment(self) -> dict[str, str]:
        given = self.settings.model_dump(exclude={"allowed_hosts", "allowed_origins"}, exclude_none=True)
        settings = {f"TRAINDECK_{name.upper()}": str(value) for name, value in given.items()}
        # Where nothing compiled is to be kept, each process would compile the whole of it anew, for most of a second.
        return os.environ | settings | {"PYTHONDONTWRITEBYTECODE": ""}

    def start(self, name: str) -> None:
        command = ["-m", "app.cli", "serve"] if name == "server" else ["-m", "worker"]
        log = self.settings.data_dir / f"{name.replace(' ', '-')}.log"
        with log.open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                env=self._environment() | {"TRAINDECK_WORKER_NAME": name},
                cwd=Path(__file__).parents[1],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if name == "server":
            wait_for(self._ready)

    def _ready(self) -> bool:
        assert self.processes["server"].poll() is None, self.output("server")
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def output(self, name: str) -> str:
        return (self.settings.data_dir / f"{name.replace(' ', '-')}.log").read_text()

    def tell(self) -> None:
        """Write what the processes have said: pytest shows it beside a failure, which it may explain."""
        for name in self.processes:
            sys.stdout.write(f"--- {name}\n{self.output(name)[-TOLD_CHARACTERS:]}\n")

    def kill(self, name: str) -> None:
        self.killed.append(name)
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def job_processes(self, name: str = "worker 1") -> list[psutil.Process]:
        """The processes of running jobs: grandchildren of a supervisor, children of its forkserver."""
        family = psutil.Process(self.processes[name].pid).children(recursive=True)
        return [one for one in family if one.ppid() != self.processes[name].pid]

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                _kill_family(process)
        self.http.close()

    def post(self, path: str, body: Any = None, **kw: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body, **kw)
        assert answer.is_success, (path, answer.status_code, answer.text)
        result: dict[str, Any] = answer.json()
        return result

    def get(self, path: str, **kw: Any) -> dict[str, Any]:
        answer = self.http.get(path, **kw)
        assert answer.is_success, (path, answer.status_code, answer.text)
        result: dict[str, Any] = answer.json()
        return result

    def add_file(self, name: str, content: bytes) -> str:
        """Send a file as a dataset, and wait until it is read. Returns its id."""
        dataset_id: str = self.post("/datasets", files={"file": (name, content)})["id"]
        wait_for(lambda: self.get(f"/datasets/{dataset_id}")["status"] == "ready")
        return dataset_id

    def run(self, run_id: str) -> dict[str, Any]:
        return self.get(f"/runs/{run_id}")

    def wait_until_ended(self, run_id: str, timeout_s: float = 120) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            run = self.run(run_id)
            return run if run["status"] in ENDED else None

        return wait_for(ended, timeout_s, every_s=0.2)

    def wait_until_exported(self, run_id: str, timeout_s: float = 120) -> dict[str, Any]:
        def exported() -> dict[str, Any] | None:
            run = self.run(run_id)
            assert run["status"] not in ("failed", "cancelled"), run["error"]
            return run if run["export"]["status"] in ENDED else None

        return wait_for(exported, timeout_s, every_s=0.2)

    def wait_for_step(self, run_id: str, step: int, timeout_s: float = 60) -> None:
        def reached() -> bool:
            progress = self.run(run_id)["progress"]
            return bool(progress) and progress["step"] >= step

        wait_for(reached, timeout_s, every_s=0.02)


def _kill_family(process: subprocess.Popen[bytes]) -> None:
    """Nothing that a test has started outlives it, with locks that the next test would wait for."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.kill()
    process.wait()


@contextmanager
def deck(settings: Settings, num_workers: int = 1) -> Iterator[Deck]:
    """A running deck, stopped at the end, whatever happened."""
    one = Deck(settings)
    try:
        one.start("server")
        for i in range(num_workers):
            one.start(f"worker {i + 1}")
        yield one
    finally:
        one.stop()
        one.tell()
