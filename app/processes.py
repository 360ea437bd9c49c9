"""`traindeck up`: a server and workers as processes of their own, started again when they die.

This process holds nothing that could be lost: either of them may be killed at any moment, and goes on where the
database says.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from app.db import Database
from app.settings import Settings

_RESTART_AFTER_S = 1.0


@dataclass
class _Service:
    name: str
    command: list[str]
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment)

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings spelled out in it, for a process that is to share them."""
    shared = {
        f"TRAINDECK_{name.upper()}": str(getattr(settings, name))
        for name in ("data_dir", "database_url", "host", "port", "slots")
    }
    return os.environ | shared | {"PYTHONUNBUFFERED": "1"}


def run_together(settings: Settings, *, num_workers: int, demo: bool, say: Callable[[str], object]) -> bool:
    """Run until told to stop by Ctrl-C or SIGTERM. False when the server could not start."""
    if settings.port == 0:
        settings = settings.model_copy(update={"port": _free_port(settings.host)})
    env = environment(settings)
    server = _Service("server", [sys.executable, "-m", "app.cli", "serve"], env)
    services = [server] + [
        _Service(f"worker {i + 1}", [sys.executable, "-m", "worker"], env) for i in range(num_workers)
    ]
    stopping = _Stop()
    try:
        server.start()
        if _wait_until_ready(settings, server, stopping):
            if demo:
                _queue_demo(settings, say)
            for service in services[1:]:
                service.start()
            _keep_running(services, stopping, say)
        return stopping.asked
    finally:
        _stop(services, settings.cancel_grace_s + 5)


class _Stop:
    """Set by Ctrl-C and SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def _wait_until_ready(settings: Settings, server: _Service, stopping: _Stop) -> bool:
    url = f"http://{settings.reachable_host}:{settings.port}/readyz"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy stands before our own machine
    while not stopping.asked and not server.died():
        try:
            with direct.open(url, timeout=2):
                return True
        except OSError:
            time.sleep(0.05)
    return False


def _queue_demo(settings: Settings, say: Callable[[str], object]) -> None:
    from app import gallery

    database = Database(settings.database_url)
    with database.write() as session:
        names = gallery.queue_demo(session, only_if_empty=True)
    database.dispose()
    if names:
        say(f"queued from the gallery: {', '.join(names)}")


def _keep_running(services: list[_Service], stopping: _Stop, say: Callable[[str], object]) -> None:
    while not stopping.asked:
        for service in services:
            if service.died():
                assert service.process
                say(f"the {service.name} ended ({service.process.returncode}); starting it again")
                time.sleep(_RESTART_AFTER_S)
                if not stopping.asked:
                    service.start()
        time.sleep(0.1)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        port: int = one.getsockname()[1]
        return port


def _stop(services: list[_Service], within_s: float) -> None:
    """Workers first: they save what runs. A process that does not go in time is killed."""
    deadline = time.monotonic() + within_s
    running = [service.process for service in reversed(services) if service.process and not service.died()]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
