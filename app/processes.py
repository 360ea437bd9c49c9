"""`traindeck up`: a server and workers as processes of their own, started again when they die.

This process holds nothing that could be lost: either of them may be killed at any moment, and goes on where the
database says. It holds the listening socket, so the port stays ours, and who comes while the server starts again waits.
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
_LONGEST_RESTART_S = 30.0
_SOUND_AFTER_S = 10.0  # what has lived this long did not die of its start
_BACKLOG = 2048


@dataclass
class _Service:
    name: str
    command: list[str]
    environment: dict[str, str]
    listening: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    _pause_s: float = _RESTART_AFTER_S

    def start(self) -> None:
        inherited = () if self.listening is None else (self.listening.fileno(),)
        self.process = subprocess.Popen(self.command, env=self.environment, pass_fds=inherited)
        self.started_at, self.restart_at = time.monotonic(), None

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def gave_up(self) -> bool:
        """Whether it ended by itself, as what cannot start does; what was killed can be started again."""
        code = None if self.process is None else self.process.poll()
        return code is not None and code >= 0

    def plan_restart(self) -> float:
        """Start again in a while, later each time that it dies young. Returns the seconds until then."""
        is_young = time.monotonic() - self.started_at < _SOUND_AFTER_S
        pause_s = self._pause_s if is_young else _RESTART_AFTER_S
        self._pause_s = min(2 * pause_s, _LONGEST_RESTART_S)
        self.restart_at = time.monotonic() + pause_s
        return pause_s


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with the settings spelled out in it, for a process that is to share them."""
    shared = {
        f"TRAINDECK_{name.upper()}": str(getattr(settings, name))
        for name in ("data_dir", "database_url", "host", "port", "slots")
    }
    return os.environ | shared | {"PYTHONUNBUFFERED": "1"}


def run_together(settings: Settings, *, num_workers: int, demo: bool, say: Callable[[str], object]) -> bool:
    """Run until told to stop by Ctrl-C or SIGTERM. False when the server could not start."""
    try:
        listening = _listen(settings.host, settings.port)
    except OSError as error:
        say(f"{settings.host}:{settings.port} cannot be bound to ({error.strerror}). `--port` takes another.")
        return False
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})
    env = environment(settings)
    command = [sys.executable, "-m", "app.cli", "serve", "--fd", str(listening.fileno())]
    server = _Service("server", command, env, listening)
    services = [server] + [
        _Service(f"worker {i + 1}", [sys.executable, "-m", "worker"], env) for i in range(num_workers)
    ]
    stopping = _Stop()
    try:
        server.start()
        if _wait_until_ready(settings, server, stopping, say):
            if demo:
                _queue_demo(settings, say)
            for service in services[1:]:
                service.start()
            _keep_running(services, stopping, say)
        return stopping.asked
    finally:
        _stop(services, settings.cancel_grace_s + 5)
        listening.close()


class _Stop:
    """Set by Ctrl-C and SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def _wait_until_ready(settings: Settings, server: _Service, stopping: _Stop, say: Callable[[str], object]) -> bool:
    """Whether it answers in the end. A server that ends by itself before would do so again, one that is killed not."""
    url = f"http://{settings.reachable_host}:{settings.port}/readyz"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy stands before our own machine
    while not stopping.asked and not server.gave_up():
        _start_again([server], say)
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
        _start_again(services, say)
        time.sleep(0.1)


def _start_again(services: list[_Service], say: Callable[[str], object]) -> None:
    """Those that died, after a while."""
    for service in services:
        if service.restart_at is not None:
            if time.monotonic() >= service.restart_at:
                service.start()
        elif service.died():
            assert service.process
            pause_s = service.plan_restart()
            say(f"the {service.name} ended ({service.process.returncode}); starting it again in {pause_s:.0f} s")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens, at a port of the system's choice for 0. Raises OSError when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


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
