"""The queue's promises, on both databases."""

import threading
import time
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import causes, events, queue
from app.causes import Cause
from app.db import Database, engine, holders, now
from app.db.tables import Checkpoint, Job, Worker
from app.errors import Conflict, NotFound
from app.queue import Claim, JobKind, JobStatus, LeaseLost
from tests.deck import wait_for

LEASE_S = 30.0


@pytest.fixture(autouse=True)
def workers(db: Database) -> None:
    with db.write() as session:
        for name in ("w1", "w2"):
            session.add(
                Worker(
                    id=name, name=name, host="here", pid=1, slots=1, devices=[], versions={},
                    started_at=now(), heartbeat_at=now(),
                )
            )  # fmt: skip


def enqueue(session: Session, **kw: object) -> str:
    return queue.enqueue(session, JobKind.TRAIN, {"what": "nothing"}, **kw)  # type: ignore[arg-type]


def claim(session: Session, worker: str = "w1") -> Claim | None:
    return queue.claim(session, worker, lease_s=LEASE_S)


def claimed(session: Session, worker: str = "w1") -> Claim:
    enqueue(session)
    taken = claim(session, worker)
    assert taken
    return taken


def silence(session: Session, job_id: str) -> None:
    session.execute(update(Job).where(Job.id == job_id).values(lease_until=now() - 1))


def status(session: Session, job_id: str) -> str:
    return session.execute(select(Job.status).where(Job.id == job_id)).scalar_one()


def test_jobs_are_taken_by_priority_then_age(session: Session) -> None:
    first, second, urgent = enqueue(session), enqueue(session), enqueue(session, priority=5)
    taken = [claim(session), claim(session), claim(session), claim(session)]
    assert [one and one.job_id for one in taken] == [urgent, first, second, None]


def test_what_is_queued_after_the_clock_was_set_back_still_comes_last(session: Session) -> None:
    first, last = enqueue(session), enqueue(session)
    for job_id, ahead_s in ((first, 60), (last, 120)):
        session.execute(update(Job).where(Job.id == job_id).values(position=now() + ahead_s))
    late, later, urgent = enqueue(session), enqueue(session), enqueue(session, priority=5)
    taken = [claim(session) for _ in range(5)]
    assert [one and one.job_id for one in taken] == [urgent, first, last, late, later]


def test_each_claim_is_a_new_attempt(session: Session) -> None:
    first = claimed(session)
    silence(session, first.job_id)
    assert queue.rescue(session) == [first.job_id]
    second = claim(session, "w2")
    assert second and (second.job_id, second.attempt) == (first.job_id, 2)


def test_a_rescued_worker_can_write_nothing_more(session: Session) -> None:
    zombie = claimed(session)
    silence(session, zombie.job_id)
    queue.rescue(session)
    owner = claim(session, "w2")
    assert owner
    for write in (
        lambda: queue.fence(session, zombie, lease_s=LEASE_S, num_events=1),
        lambda: queue.succeed(session, zombie),
        lambda: queue.fail(session, zombie, {"kind": "x", "message": "x"}),
        lambda: queue.obey(session, zombie, causes.stopped()),
        lambda: queue.break_off(session, zombie),
        lambda: queue.crash(session, zombie, Cause("killed", "x")),
    ):
        with pytest.raises(LeaseLost):
            write()
    queue.succeed(session, owner)
    assert status(session, owner.job_id) == JobStatus.SUCCEEDED


def test_a_lease_that_is_renewed_is_not_rescued(session: Session) -> None:
    held = claimed(session)
    silence(session, held.job_id)
    queue.fence(session, held, lease_s=LEASE_S)
    assert queue.rescue(session) == []


def test_the_fence_numbers_events_without_holes(session: Session) -> None:
    held = claimed(session)
    for count in (3, 1, 4):
        fence = queue.fence(session, held, lease_s=LEASE_S, num_events=count)
        new = [events.New("log", {"text": str(i)}) for i in range(count)]
        events.insert(session, held.job_id, fence.last_seq, fence.time, new)
    queue.succeed(session, held)
    stream = events.read(session, held.job_id)
    assert [event.seq for event in stream] == list(range(1, 12))
    assert [event.body["status"] for event in stream if event.kind == "status"] == ["queued", "running", "succeeded"]


def test_a_job_that_kills_its_process_three_times_fails_as_crash_loop(session: Session) -> None:
    job_id = enqueue(session)
    for expected in (JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED):
        held = claim(session)
        assert held
        assert queue.crash(session, held, Cause("killed", "killed by SIGSEGV")) == expected
    job = session.get_one(Job, job_id)
    assert job.error and job.error["kind"] == "crash_loop" and "SIGSEGV" in job.error["message"]
    assert claim(session) is None


def test_a_job_is_given_up_at_as_many_deaths_as_it_may_have(session: Session) -> None:
    enqueue(session, max_crashes=1)
    held = claim(session)
    assert held
    queue.sound(session, held)
    assert queue.crash(session, held, Cause("killed", "killed by SIGSEGV")) == JobStatus.FAILED
    assert "not to be tried again" in (session.get_one(Job, held.job_id).error or {})["message"]
    enqueue(session, max_crashes=5)
    for expected in (*[JobStatus.QUEUED] * 4, JobStatus.FAILED):
        held = claim(session)
        assert held
        silence(session, held.job_id)
        queue.rescue(session)
        assert status(session, held.job_id) == expected


def test_why_the_last_attempt_ended_is_kept_and_told(session: Session) -> None:
    held = claimed(session)
    queue.crash(session, held, Cause("out_of_memory", "It was killed."))
    again = claim(session, "w2")
    assert again
    job = session.get_one(Job, held.job_id)
    assert job.cause and job.cause["kind"] == "out_of_memory" and job.pid is None
    silence(session, held.job_id)
    queue.rescue(session)
    told = [event.body["cause"]["kind"] for event in events.read(session, held.job_id) if "cause" in event.body]
    assert told == ["out_of_memory", "lost_host"]
    session.expire_all()
    assert "w2 on here" in (session.get_one(Job, held.job_id).cause or {})["message"]


def test_deaths_with_progress_between_them_are_no_loop(session: Session) -> None:
    job_id = enqueue(session)
    for _ in range(5):
        held = claim(session)
        assert held
        queue.sound(session, held)
        assert queue.crash(session, held, Cause("killed", "the power failed")) == JobStatus.QUEUED
    assert session.get_one(Job, job_id).num_crashes == 1


def test_the_death_of_a_job_that_is_gone_is_nobodys_affair(session: Session) -> None:
    held = claimed(session)
    session.execute(delete(Job).where(Job.id == held.job_id))
    with pytest.raises(LeaseLost):
        queue.crash(session, held, Cause("killed", "killed"))


def test_a_worker_that_stops_obeys_a_cancel(session: Session) -> None:
    held = claimed(session)
    queue.cancel(session, held.job_id)
    queue.obey(session, held, causes.stopped())
    assert status(session, held.job_id) == JobStatus.CANCELLED


def test_giving_a_job_back_is_no_crash(session: Session) -> None:
    enqueue(session)
    for _ in range(5):
        held = claim(session)
        assert held
        queue.obey(session, held, causes.stopped())
    assert session.get_one(Job, held.job_id).num_crashes == 0


def test_a_waiting_job_is_cancelled_at_once(session: Session) -> None:
    job_id = enqueue(session)
    assert queue.cancel(session, job_id) == JobStatus.CANCELLED
    assert claim(session) is None
    with pytest.raises(Conflict, match="cancelled"):
        queue.cancel(session, job_id)


def test_a_job_that_changes_hands_meanwhile_is_cancelled_all_the_same(db: Database) -> None:
    """Given back by its worker while a cancel waits for its row: queued for a moment, and cancelled then."""
    with db.write() as session:
        held = claimed(session)
    began = threading.Event()

    def cancel() -> None:
        began.set()
        with db.write() as session:
            queue.cancel(session, held.job_id)

    asking = threading.Thread(target=cancel)
    with db.write() as session:
        queue.obey(session, held, causes.stopped())
        asking.start()
        began.wait()
        time.sleep(0.2)
    asking.join()
    with db.read() as session:
        assert status(session, held.job_id) == JobStatus.CANCELLED


def test_a_running_job_is_cancelled_once_its_worker_obeys(session: Session) -> None:
    held = claimed(session)
    assert queue.cancel(session, held.job_id) == JobStatus.RUNNING
    assert queue.cancel(session, held.job_id) == JobStatus.RUNNING
    assert queue.fence(session, held, lease_s=LEASE_S).request == "cancel"
    assert queue.overdue(session, "w1", grace_s=-1) == [held.job_id]
    assert queue.overdue(session, "w1", grace_s=60) == []
    queue.obey(session, held, causes.stopped())
    assert status(session, held.job_id) == JobStatus.CANCELLED


def test_cancelled_and_killed_never_starts_again(session: Session) -> None:
    by_crash, by_silence = claimed(session), claimed(session)
    for held in (by_crash, by_silence):
        queue.cancel(session, held.job_id)
    queue.crash(session, by_crash, Cause("killed", "killed"))
    silence(session, by_silence.job_id)
    queue.rescue(session)
    assert {status(session, held.job_id) for held in (by_crash, by_silence)} == {JobStatus.CANCELLED}
    assert claim(session) is None


def test_an_unknown_job_cannot_be_cancelled(session: Session) -> None:
    with pytest.raises(NotFound):
        queue.cancel(session, "0" * 26)


def obey(session: Session, held: Claim) -> JobStatus:
    return queue.obey(session, held, causes.stopped())


def told(session: Session, job_id: str) -> list[str]:
    return [one.body["status"] for one in events.read(session, job_id) if one.kind == "status"]


def test_a_waiting_training_is_paused_at_once_and_keeps_its_place(session: Session) -> None:
    first, second, third = (enqueue(session) for _ in range(3))
    assert queue.pause(session, second) == JobStatus.PAUSED
    assert queue.pause(session, second) == JobStatus.PAUSED
    held = claim(session)
    assert held and held.job_id == first
    assert queue.resume(session, second) == JobStatus.QUEUED
    taken = [claim(session), claim(session)]
    assert [one and one.job_id for one in taken] == [second, third]
    assert told(session, second) == ["queued", "paused", "queued", "running"]


def test_a_running_training_is_paused_once_its_worker_obeys(session: Session) -> None:
    held = claimed(session)
    assert queue.pause(session, held.job_id) == JobStatus.RUNNING
    assert queue.fence(session, held, lease_s=LEASE_S).request == "pause"
    assert queue.overdue(session, "w1", grace_s=-1) == [held.job_id]
    assert obey(session, held) == JobStatus.PAUSED
    assert claim(session) is None and queue.rescue(session) == []
    job = session.get_one(Job, held.job_id)
    assert (job.request, job.worker_id, job.lease_until, job.finished_at) == (None, None, None, None)
    assert job.cause and job.cause["kind"] == "paused"
    queue.resume(session, held.job_id)
    again = claim(session, "w2")
    assert again and again.attempt == 2
    assert queue.fence(session, again, lease_s=LEASE_S).request is None


def test_a_pause_that_is_taken_back_in_time_changes_nothing(session: Session) -> None:
    held = claimed(session)
    queue.pause(session, held.job_id)
    assert queue.resume(session, held.job_id) == JobStatus.RUNNING
    assert queue.fence(session, held, lease_s=LEASE_S).request is None
    assert queue.overdue(session, "w1", grace_s=-1) == []


def test_a_pause_that_is_taken_back_too_late_has_the_job_wait_again(session: Session) -> None:
    held = claimed(session)
    queue.pause(session, held.job_id)
    queue.resume(session, held.job_id)
    assert queue.obey(session, held, causes.withdrawn()) == JobStatus.QUEUED
    assert (session.get_one(Job, held.job_id).cause or {})["kind"] == "withdrawn"
    again = claim(session)
    assert again and again.job_id == held.job_id


def test_a_cancel_is_more_than_a_pause(session: Session) -> None:
    held = claimed(session)
    queue.pause(session, held.job_id)
    assert queue.cancel(session, held.job_id) == JobStatus.RUNNING
    for change in (queue.pause, queue.resume):
        with pytest.raises(Conflict):
            change(session, held.job_id)
    assert obey(session, held) == JobStatus.CANCELLED


def test_a_paused_training_is_cancelled_at_once(session: Session) -> None:
    job_id = enqueue(session)
    queue.pause(session, job_id)
    assert queue.cancel(session, job_id) == JobStatus.CANCELLED


def test_a_training_that_dies_or_falls_silent_while_it_is_to_pause_is_paused(session: Session) -> None:
    by_crash, by_silence = claimed(session), claimed(session)
    for held in (by_crash, by_silence):
        queue.pause(session, held.job_id)
    assert queue.crash(session, by_crash, causes.not_stopped(15)) == JobStatus.PAUSED
    silence(session, by_silence.job_id)
    assert queue.rescue(session) == [by_silence.job_id]
    assert {status(session, held.job_id) for held in (by_crash, by_silence)} == {JobStatus.PAUSED}
    assert claim(session) is None
    assert (session.get_one(Job, by_crash.job_id).cause or {})["kind"] == "not_stopped"


def checkpoint(session: Session, job_id: str) -> None:
    files = {"path": "x", "size_bytes": 1, "sha256": {}}
    session.add(Checkpoint(job_id=job_id, attempt=1, step=5, epoch=1, created_at=now(), **files))


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_training_that_ended_badly_goes_on_from_its_checkpoint(session: Session, end: str) -> None:
    held = claimed(session)
    checkpoint(session, held.job_id)
    waiting = enqueue(session, after=held.job_id)
    if end == "failed":
        session.execute(update(Job).where(Job.id == held.job_id).values(num_crashes=2))
        queue.crash(session, held, Cause("killed", "killed once more"))
    else:
        queue.cancel(session, held.job_id)
        obey(session, held)
    assert status(session, held.job_id) == end
    other = enqueue(session)
    assert queue.resume(session, held.job_id) == JobStatus.QUEUED
    job = session.get_one(Job, held.job_id)
    assert (job.error, job.finished_at, job.num_crashes, job.request) == (None, None, 0, None)
    assert job.cause and job.cause["kind"] == ("crash_loop" if end == "failed" else "cancelled")
    taken = [claim(session), claim(session)]
    assert [one and one.job_id for one in taken] == [other, held.job_id]
    assert status(session, waiting) == JobStatus.FAILED, "it was told so, and stays as it is"


def test_what_cannot_be_paused_or_resumed_says_why(session: Session) -> None:
    with pytest.raises(NotFound):
        queue.pause(session, "0" * 26)
    with pytest.raises(NotFound):
        queue.resume(session, "0" * 26)
    with pytest.raises(Conflict, match="Only a training"):
        queue.pause(session, queue.enqueue(session, JobKind.EXPORT, {}, priority=-1))
    held = claimed(session)
    with pytest.raises(Conflict, match="is running"):
        queue.resume(session, held.job_id)
    queue.fail(session, held, {"kind": "x", "message": "x"})
    with pytest.raises(Conflict, match="no checkpoint"):
        queue.resume(session, held.job_id)
    held = claimed(session)
    with pytest.raises(Conflict, match="waits"):
        queue.resume(session, enqueue(session))
    queue.succeed(session, held)
    for change in (queue.pause, queue.resume):
        with pytest.raises(Conflict, match="succeeded"):
            change(session, held.job_id)


def test_what_is_paused_fails_with_what_it_waits_for(session: Session) -> None:
    first = enqueue(session)
    second = enqueue(session, after=first)
    queue.pause(session, second)
    queue.cancel(session, first)
    assert status(session, second) == JobStatus.FAILED


def test_a_pause_waits_for_whoever_changes_the_job_meanwhile(db: Database) -> None:
    """Taken by a worker while a pause waits for its row: the worker has to obey, the job does not vanish."""
    with db.write() as session:
        job_id = enqueue(session)
    began = threading.Event()

    def pause() -> None:
        began.set()
        with db.write() as session:
            queue.pause(session, job_id)

    asking = threading.Thread(target=pause)
    with db.write() as session:
        held = claim(session)
        asking.start()
        began.wait()
        time.sleep(0.2)
    asking.join()
    with db.write() as session:
        assert held and status(session, job_id) == JobStatus.RUNNING
        assert obey(session, held) == JobStatus.PAUSED


SET_LR = {"type": "set_lr", "lr": 0.5}


def test_what_is_asked_of_a_training_is_numbered_told_and_heard_of_by_its_worker(session: Session) -> None:
    job_id = enqueue(session)
    assert queue.control(session, job_id, SET_LR) == 1
    held = claim(session)
    assert held and held.num_controls == 1
    assert queue.control(session, job_id, {"type": "checkpoint"}) == 2
    assert queue.fence(session, held, lease_s=LEASE_S).num_controls == 2
    queue.settle_control(session, held, 2, 17, {"what": "came"})
    session.expire_all()
    assert [(one.number, one.said["type"], one.step, one.outcome) for one in queue.list_controls(session, job_id)] == [
        (1, "set_lr", None, None),
        (2, "checkpoint", 17, {"what": "came"}),
    ]
    assert [one.number for one in queue.list_controls(session, job_id, after=1)] == [2]
    stream = events.read(session, job_id)
    assert [one.seq for one in stream] == list(range(1, 5))
    assert [one.body for one in stream if one.kind == "control"] == [
        {"number": 1, "type": "set_lr", "lr": 0.5, "step": None},
        {"number": 2, "type": "checkpoint", "step": None},
    ]


def test_of_what_nobody_will_do_it_for_nothing_is_asked(session: Session) -> None:
    with pytest.raises(NotFound):
        queue.control(session, "0" * 26, SET_LR)
    with pytest.raises(Conflict, match="Only a training"):
        queue.control(session, queue.enqueue(session, JobKind.EXPORT, {}, priority=-1), SET_LR)
    held = claimed(session)
    queue.pause(session, held.job_id)
    queue.control(session, held.job_id, SET_LR)
    queue.cancel(session, held.job_id)
    with pytest.raises(Conflict, match="asked to end"):
        queue.control(session, held.job_id, SET_LR)
    obey(session, held)
    with pytest.raises(Conflict, match="cancelled"):
        queue.control(session, held.job_id, SET_LR)
    assert session.get_one(Job, held.job_id).num_controls == 1


def test_what_was_asked_of_a_job_goes_with_it(session: Session) -> None:
    job_id = enqueue(session)
    queue.control(session, job_id, SET_LR)
    session.execute(delete(Job).where(Job.id == job_id))
    assert not queue.list_controls(session, job_id)


def test_a_job_waits_for_the_one_it_comes_after(session: Session) -> None:
    first = enqueue(session)
    second = enqueue(session, after=first, priority=9)
    held = claim(session)
    assert held and held.job_id == first and claim(session) is None
    queue.succeed(session, held)
    held = claim(session)
    assert held and held.job_id == second


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_a_job_waits_for_two_in_whatever_order_they_end(session: Session, first_ends_first: bool) -> None:
    first, second = claimed(session), claimed(session)
    waiting = enqueue(session, after=first.job_id, then_after=second.job_id)
    for one in (first, second) if first_ends_first else (second, first):
        assert claim(session) is None
        queue.succeed(session, one)
    held = claim(session)
    assert held and held.job_id == waiting


@pytest.mark.parametrize("which", [0, 1])
def test_a_job_fails_with_either_of_two_that_it_waits_for(session: Session, which: int) -> None:
    two = (claimed(session), claimed(session))
    waiting = enqueue(session, after=two[0].job_id, then_after=two[1].job_id)
    queue.fail(session, two[which], {"kind": "x", "message": "x"})
    assert status(session, waiting) == JobStatus.FAILED
    with pytest.raises(Conflict):
        enqueue(session, after=two[1 - which].job_id, then_after=two[which].job_id)
    queue.succeed(session, two[1 - which])
    session.expire_all()
    assert status(session, waiting) == JobStatus.FAILED


def test_what_waits_for_a_failure_fails_too_all_the_way(session: Session) -> None:
    first = enqueue(session)
    second = enqueue(session, after=first)
    third = enqueue(session, after=second)
    held = claim(session)
    assert held
    queue.fail(session, held, {"kind": "bad_file", "message": "line 7 is broken", "hint": None})
    assert status(session, second) == status(session, third) == JobStatus.FAILED
    assert session.get_one(Job, second).error["hint"] == "line 7 is broken"


def test_concurrent_workers_take_each_job_once(db: Database) -> None:
    with db.write() as session:
        expected = {enqueue(session) for _ in range(60)}
    taken: list[str] = []
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            while True:
                with db.write() as session:
                    held = queue.claim(session, name, lease_s=LEASE_S)
                if held is None:
                    return
                taken.append(held.job_id)
                with db.write() as session:
                    queue.succeed(session, held)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("w1", "w2") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(taken) == sorted(expected)


def test_leases_follow_the_databases_clock(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    held, real = claimed(session), time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    assert queue.rescue(session) == []
    queue.fence(session, held, lease_s=LEASE_S)
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    silence(session, held.job_id)
    assert queue.rescue(session) == [held.job_id]


@pytest.fixture
def silent(db: Database) -> Claim:
    """A job whose lease is over, on Postgres: a lock of SQLite's file is the process's own, only its end frees it."""
    if db.is_sqlite:
        pytest.skip("sessions and their locks are of Postgres")
    with db.write() as session:
        taken = claimed(session)
        silence(session, taken.job_id)
    return taken


def rescued(db: Database) -> list[str]:
    with db.write() as session:
        return queue.rescue(session)


def plain(db: Database) -> psycopg.Connection:
    return psycopg.connect(db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False))


def test_a_worker_frozen_inside_a_transaction_holds_its_job_no_longer_than_that(
    db: Database, silent: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_S", 1)
    frozen = Database(db.url)
    with pytest.raises(DBAPIError), frozen.write() as held:
        held.execute(update(Job).where(Job.id == silent.job_id).values(progress={"step": 1}))
        assert wait_for(lambda: rescued(db), timeout_s=20, every_s=0.1) == [silent.job_id]
    frozen.dispose()


def test_a_worker_frozen_in_the_middle_of_a_batch_is_cut_off(
    db: Database, silent: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holders, "IDLE_IN_TRANSACTION_S", 1)
    with closing(plain(db)) as frozen:
        frozen.execute("SET idle_in_transaction_session_timeout = '1s'")  # does nothing for those that seem at work
        frozen.execute("UPDATE jobs SET progress = NULL WHERE id = %s", [silent.job_id])
        frozen.pgconn.enter_pipeline_mode()
        frozen.pgconn.send_query_params(b"SELECT 1", [])
        frozen.pgconn.send_flush_request()
        frozen.pgconn.flush()
        assert wait_for(lambda: rescued(db), timeout_s=20, every_s=0.1) == [silent.job_id]


def test_who_holds_a_job_for_a_moment_is_left_alone(db: Database, silent: Claim) -> None:
    with closing(plain(db)) as other:
        other.execute("UPDATE jobs SET progress = NULL WHERE id = %s", [silent.job_id])
        assert rescued(db) == []
        other.rollback()
    assert rescued(db) == [silent.job_id]
