"""What is known of a machine and of a process on it, as it is here."""

import signal
import subprocess
import sys

from app import causes
from worker import machine


def test_each_device_tells_all_its_memory_and_what_is_free() -> None:
    cpu = machine.devices()[0]
    assert cpu["name"] == "cpu"
    assert 0 < cpu["free_bytes"] <= cpu["memory_bytes"]


def test_a_process_that_someone_kills_was_killed_and_is_known_with_its_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", "held = b'x' * (64 << 20); input()"], stdin=subprocess.PIPE) as one:
        watch = machine.Watch(one.pid)
        while watch.evidence(0).peak_bytes < 64 << 20:  # type: ignore[operator]
            watch.look()
        one.kill()
        one.wait()
        cause = causes.of_death(watch.evidence(one.returncode))
    assert (cause.kind, cause.details["signal"]) == ("killed", "SIGKILL")
    assert cause.details["peak_bytes"] >= 64 << 20


def test_a_process_that_is_gone_leaves_what_was_seen_of_it() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as one:
        one.wait()
    watch = machine.Watch(one.pid)
    watch.look()
    assert causes.of_death(watch.evidence(-signal.SIGSEGV)).kind == "crashed"
