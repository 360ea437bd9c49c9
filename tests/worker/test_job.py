"""What a handler says arrives whole, once and in order, whatever the database does meanwhile."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from sqlalchemy import update
from sqlalchemy.exc import InvalidRequestError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app import curves, events, queue
from app.causes import Cause
from app.db import Database, now
from app.db.tables import Job as JobRow
from app.db.tables import Worker
from app.errors import JobFailure
from app.queue import Claim, JobKind, LeaseLost
from app.settings import Settings
from tests.deck import wait_for
from worker import child
from worker.job import Cancelled, Ending, Job


@pytest.fixture
def claim(db: Database) -> Claim:
    with db.write() as session:
        session.add(
            Worker(
                id="w1",
                name="w1",
                host="here",
                pid=1,
                slots=1,
                devices=[],
                versions={},
                started_at=now(),
                heartbeat_at=now(),
            )
        )
        session.flush()
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, "w1", lease_s=30)
    assert claim
    return claim


@pytest.fixture
def job(claim: Claim, db: Database, settings: Settings) -> Iterator[Job]:
    job = Job(claim, db, settings)
    yield job
    job.close()


def stream(db: Database, job: Job, *kinds: str) -> list[events.Event]:
    with db.read() as session:
        return events.read(session, job.claim.job_id, kinds=kinds or None)


def row(db: Database, job: Job) -> JobRow:
    with db.read() as session:
        return session.get_one(JobRow, job.claim.job_id)


def test_points_leave_by_themselves_in_order(job: Job, db: Database) -> None:
    for start in range(0, 50, 10):
        steps = np.arange(start, start + 10) + 1
        job.metrics("train/loss", steps, steps / 10)
        job.metrics("optimizer/lr", steps, steps * 0 + 0.1)
        time.sleep(0.03)
    job.flush()
    with db.read() as session:
        points = curves.read_points(session, job.claim.job_id, "train/loss", 0, 100)
    np.testing.assert_array_equal(points.steps, np.arange(1, 51))
    assert [event.seq for event in stream(db, job)] == list(range(1, 1 + len(stream(db, job))))


def test_events_keep_their_place_among_points(job: Job, db: Database) -> None:
    job.metrics("train/loss", [1, 2], [1.0, 2.0])
    job.event("rewind", {"to_step": 1})
    job.metrics("train/loss", [2], [3.0])
    job.flush()
    assert [event.kind for event in stream(db, job)][-3:] == ["metrics", "rewind", "metrics"]


def test_points_said_around_lines_of_the_log_leave_as_one_and_none_across_another_event(job: Job, db: Database) -> None:
    with job._writing:  # nothing leaves meanwhile
        for step in (1, 2, 3):
            job.metrics("train/loss", [step], [0.5])
            job.log(f"step {step}")
            job.progress({"step": step})
        job.event("rewind", {"to_step": 2})
        job.metrics("train/loss", [3], [0.25])
    job.flush()
    told = stream(db, job, "metrics", "log", "progress", "rewind")
    assert [event.kind for event in told] == ["metrics", "log", "log", "log", "progress", "rewind", "metrics"]
    assert [told[i].body["series"][0]["steps"] for i in (0, 6)] == [[1, 2, 3], [3]]
    with db.read() as session:
        points = curves.read_points(session, job.claim.job_id, "train/loss", 0, 100)
    assert list(zip(points.steps, points.values, strict=True)) == [(1, 0.5), (2, 0.5), (3, 0.25)]


def test_only_the_newest_progress_is_kept(job: Job, db: Database) -> None:
    for step in range(5):
        job.progress({"step": step})
    job.flush()
    assert [event.body for event in stream(db, job, "progress")] == [{"step": 4}]
    assert row(db, job).progress == {"step": 4}


def test_a_batch_whose_reply_was_lost_is_stored_once(job: Job, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter(range(3))
    write = db.write

    @contextmanager
    def losing_replies() -> Iterator[Session]:
        with write() as session:
            yield session
        if next(losses, None) is not None:
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("server closed the connection"))

    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(db, "write", losing_replies)
    job.log("only once")
    job.metrics("train/loss", [1], [0.5])
    job.flush()
    assert [event.body["text"] for event in stream(db, job, "log")] == ["only once"]
    assert len(stream(db, job, "metrics")) == 1


@pytest.mark.parametrize(
    "failure",
    [OperationalError("UPDATE", {}, sqlite3.OperationalError("disk I/O error")), PoolTimeout("no connection was free")],
    ids=["the write failed", "no connection"],
)
def test_a_batch_that_never_arrived_is_sent_again(
    job: Job, db: Database, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    failures = iter(range(3))
    write = db.write

    @contextmanager
    def failing() -> Iterator[Session]:
        with write() as session:
            if next(failures, None) is not None:
                raise failure
            yield session

    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(db, "write", failing)
    job.log("in the end")
    job.flush()
    assert [event.body["text"] for event in stream(db, job, "log")] == ["in the end"]


def test_a_job_that_can_no_longer_be_heard_of_ends(job: Job, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def failing() -> Iterator[Session]:
        raise InvalidRequestError("the session is of no use")
        yield

    monkeypatch.setattr(db, "write", failing)
    job.log("unheard")
    job._thread.join(timeout=10)
    with pytest.raises(LeaseLost):
        _ = job.requested


def test_the_batches_of_an_earlier_attempt_are_not_mistaken_for_ours(
    job: Job, db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.log("the first attempt's first batch")
    job.flush()
    job.close()
    with db.write() as session:
        queue.crash(session, job.claim, Cause("killed", "killed"))
        again = queue.claim(session, "w1", lease_s=30)
    assert again
    second = Job(again, db, settings)
    failures = iter(range(1))
    write = db.write

    @contextmanager
    def failing() -> Iterator[Session]:
        with write() as session:
            if next(failures, None) is not None:
                raise OperationalError("UPDATE", {}, sqlite3.OperationalError("disk I/O error"))
            yield session

    monkeypatch.setattr(db, "write", failing)
    second.log("the second attempt's first batch")
    second.flush()
    second.close()
    assert [event.body["text"] for event in stream(db, job, "log")][-1] == "the second attempt's first batch"


def test_who_lost_the_lease_writes_nothing_and_learns_it(job: Job, db: Database) -> None:
    with db.write() as session:
        session.execute(update(JobRow).values(lease_until=now() - 1))
        queue.rescue(session)
    job.log("from beyond")
    with pytest.raises(LeaseLost):
        job.flush()
    deadline = time.monotonic() + 60
    with pytest.raises(LeaseLost):
        while time.monotonic() < deadline:
            job.log("again")
            assert job.requested is None
            time.sleep(0.02)
    assert not stream(db, job, "log")


def test_a_silent_job_learns_of_a_request(job: Job, db: Database) -> None:
    with db.write() as session:
        queue.cancel(session, job.claim.job_id)
    wait_for(lambda: job.requested == "cancel")


def test_a_silent_job_learns_of_a_request_that_is_taken_back(job: Job, db: Database) -> None:
    ask(db, job, "pause")
    with db.write() as session:
        queue.resume(session, job.claim.job_id)
    wait_for(lambda: job.requested is None)


class Handler:
    """Stands where a handler's module would."""

    def __init__(self, run: object) -> None:
        self.run = run


def run_with(job: Job, monkeypatch: pytest.MonkeyPatch, handler: object) -> None:
    monkeypatch.setattr(child.importlib, "import_module", lambda _: Handler(handler))
    child.run(job)


def test_the_result_and_the_success_are_one(job: Job, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(session: Session) -> None:
        session.execute(update(Worker).values(name="seen"))

    told = [events.New("artifact", {"name": "model.onnx"})]
    run_with(job, monkeypatch, lambda _: Ending(write, told))
    assert row(db, job).status == "succeeded"
    assert [event.kind for event in stream(db, job)][-2:] == ["artifact", "status"]
    with db.read() as session:
        assert session.get_one(Worker, "w1").name == "seen"


def test_what_tells_of_a_row_comes_with_the_row_or_not_at_all(job: Job, db: Database) -> None:
    def write(_: Session) -> None:
        raise RuntimeError("it could not be written")

    told = [events.New("checkpoint", {"step": 3})]
    with pytest.raises(RuntimeError):
        job.commit(write, events=told)
    job.log("going on")
    job.flush()
    assert stream(db, job, "checkpoint") == []
    job.commit(lambda session: None, events=told)
    assert [event.body for event in stream(db, job, "checkpoint")] == [{"step": 3}]


def test_the_process_and_the_time_of_the_last_progress_are_known(job: Job, db: Database) -> None:
    job.progress({"step": 1})
    job.flush()
    seen = row(db, job)
    assert seen.pid == os.getpid()
    assert seen.progress_at and seen.heartbeat_at and abs(seen.progress_at - seen.heartbeat_at) < 0.1


def test_a_failure_is_told_in_its_words(job: Job, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(_: Job) -> None:
        raise JobFailure("non_finite_loss", "The loss became NaN at step 3.", "Try a smaller learning rate.")

    run_with(job, monkeypatch, handler)
    assert row(db, job).status == "failed"
    assert row(db, job).error == {
        "kind": "non_finite_loss",
        "message": "The loss became NaN at step 3.",
        "hint": "Try a smaller learning rate.",
    }


def test_a_fault_leaves_its_traceback_in_the_log(job: Job, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    run_with(job, monkeypatch, lambda _: 1 / 0)
    assert row(db, job).error["kind"] == "error"
    assert "ZeroDivisionError" in stream(db, job, "log")[-1].body["text"]


@pytest.mark.parametrize(
    ("request_", "status"), [("cancel", "cancelled"), ("pause", "paused"), ("stop", "queued"), ("taken back", "queued")]
)
def test_an_obeyed_request_ends_the_job_or_gives_it_back(
    job: Job, db: Database, monkeypatch: pytest.MonkeyPatch, request_: str, status: str
) -> None:
    def handler(job: Job) -> None:
        if request_ == "stop":
            job.stop()
        else:
            ask(db, job, "cancel" if request_ == "cancel" else "pause")
        assert job.requested
        if request_ == "taken back":
            with db.write() as session:
                queue.resume(session, job.claim.job_id)
        raise Cancelled

    run_with(job, monkeypatch, handler)
    assert (row(db, job).status, row(db, job).worker_id) == (status, "w1" if status == "cancelled" else None)


def ask(db: Database, job: Job, request: str) -> None:
    with db.write() as session:
        {"cancel": queue.cancel, "pause": queue.pause}[request](session, job.claim.job_id)
    job.flush()


def test_what_is_asked_is_what_was_asked_last(job: Job, db: Database) -> None:
    ask(db, job, "pause")
    assert job.requested == "pause"
    job.stop()
    assert job.requested == "pause"
    with db.write() as session:
        queue.resume(session, job.claim.job_id)
    job.flush()
    assert job.requested == "stop"
    ask(db, job, "pause")
    ask(db, job, "cancel")
    assert job.requested == "cancel"
