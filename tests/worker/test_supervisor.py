"""The supervisor's duties one by one, with real processes that stand for children."""

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import queue
from app.db import Database
from app.db.tables import Job as JobRow
from app.db.tables import Worker
from app.queue import WORK, JobKind, JobStatus
from app.settings import Settings
from worker import supervisor as module
from worker.machine import Watch, devices
from worker.supervisor import Supervisor, _Child


@pytest.fixture
def supervisor(sqlite_db: Database, sqlite_url: str, data_dir: Path) -> Iterator[Supervisor]:
    settings = Settings(data_dir=data_dir, database_url=sqlite_url, slots=2, lease_s=3.0, beat_s=0.1, cancel_grace_s=30)
    one = Supervisor(settings)
    one._register()
    yield one
    for child in one._children:
        child.process.kill()
    one.db.dispose()


def start(supervisor: Supervisor, code: str) -> _Child:
    """A claimed job whose child does `code`."""
    with supervisor.db.write() as session:
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, supervisor.id, lease_s=supervisor.settings.lease_s)
    assert claim is not None
    process = supervisor._context.Process(target=exec, args=(code,))
    process.start()
    child = _Child(claim, process, Watch(process.pid or 0))
    supervisor._children.append(child)
    return child


def row_of(supervisor: Supervisor, child: _Child) -> JobRow:
    with supervisor.db.read() as session:
        return session.get_one(JobRow, child.claim.job_id)


def test_leases_are_renewed_while_children_save_their_state(
    supervisor: Supervisor, sqlite_db: Database, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    saves = f"import pathlib, signal, time; signal.signal(15, signal.SIG_IGN); pathlib.Path({str(ready)!r}).touch()"
    child = start(supervisor, f"{saves}; time.sleep(4.5)")
    while not ready.exists():
        supervisor._beat()
        time.sleep(0.02)
    supervisor._beat()
    silent, over = [], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            with sqlite_db.read() as session:
                silent.append(queue.any_silent(session))

    watching = threading.Thread(target=watch)
    watching.start()
    begun_at = time.monotonic()
    supervisor._give_back()
    over.set()
    watching.join()
    assert time.monotonic() - begun_at > supervisor.settings.lease_s
    assert silent and not any(silent)
    assert row_of(supervisor, child).status == JobStatus.QUEUED


def test_a_death_that_could_not_be_told_is_told_later(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    child = start(supervisor, "import os; os._exit(7)")
    child.process.join()
    crash = queue.crash
    failures = iter([OperationalError("UPDATE", {}, sqlite3.OperationalError("disk I/O error"))])

    def failing(*arguments: Any) -> JobStatus:
        if error := next(failures, None):
            raise error
        return crash(*arguments)

    monkeypatch.setattr(queue, "crash", failing)
    with pytest.raises(OperationalError):
        supervisor._collect()
    supervisor._collect()
    row = row_of(supervisor, child)
    assert (row.status, row.num_crashes) == (JobStatus.QUEUED, 1)
    assert row.cause is not None
    assert supervisor._children == []


def test_a_worker_takes_no_job_that_a_script_reports(supervisor: Supervisor) -> None:
    assert supervisor._kinds_with_room() == WORK
    assert JobKind.REPORT not in supervisor._kinds_with_room()


@pytest.mark.parametrize("error", [RuntimeError("a fault"), PoolTimeout("no connection was free")])
def test_a_step_that_fails_is_not_the_end(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    steps = []

    def step() -> None:
        steps.append(len(steps))
        if len(steps) == 1:
            raise error
        supervisor.stop()

    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    monkeypatch.setattr(supervisor, "_start_forkserver", lambda: None)
    monkeypatch.setattr(supervisor, "_register", lambda: None)
    monkeypatch.setattr(supervisor, "_step", step)
    supervisor.run()
    assert len(steps) == 2


def test_the_queue_is_asked_again_only_when_somebody_has_written_or_a_place_is_free(
    supervisor: Supervisor, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    read = supervisor.db.read

    def counted() -> Any:
        asked.append(1)
        return read()

    monkeypatch.setattr(supervisor.db, "read", counted)
    assert not any(supervisor._something_waits(WORK) for _ in range(10))
    assert len(asked) == 1
    with sqlite_db.write() as session:
        queue.enqueue(session, JobKind.INGEST, {})
    assert all(supervisor._something_waits(WORK) for _ in range(3))
    assert not supervisor._something_waits((JobKind.TRAIN,))
    assert len(asked) == 5
    with supervisor.db.write() as session:  # by this very process, through another connection
        queue.enqueue(session, JobKind.TRAIN, {})
    assert supervisor._something_waits((JobKind.TRAIN,))


@pytest.fixture
def measuring(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """One that measures its devices as soon as it has nothing to do, and has just begun to."""
    monkeypatch.setattr(module, "_MEASURE_AFTER_S", 0.0)
    supervisor._step()
    assert supervisor._measuring is not None
    yield supervisor
    supervisor._stop_measuring()


def test_a_worker_with_nothing_to_do_measures_its_devices_once(measuring: Supervisor) -> None:
    while measuring._measuring is not None:
        measuring._step()
    with measuring.db.read() as session:
        timings = session.get_one(Worker, measuring.id).timings
    assert timings is not None and timings["cpu"] > 0
    assert timings.keys() == {device["name"] for device in devices()}
    measuring._step()
    assert measuring._measuring is None


def test_a_job_waits_for_no_measurement(measuring: Supervisor) -> None:
    process = measuring._measuring
    with measuring.db.write() as session:
        queue.enqueue(session, JobKind.INGEST, {})
    while not measuring._children:
        measuring._step()
    assert process is not None and process not in multiprocessing.active_children()
    assert measuring._measuring is None and not measuring._is_measured, "it begins again when there is time"
