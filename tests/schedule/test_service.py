"""The queue as people see it, on both databases: who holds what, and why each waits."""

from typing import Any

import pytest
from sqlalchemy import update

from app import causes, places, queue
from app.causes import Cause
from app.db import Database, now
from app.db.tables import Job, Run, Worker
from app.errors import Conflict, NotFound
from app.schedule import service
from app.schedule.schemas import QueueOut
from tests import staged

HALFWAY = {"step": 5, "num_steps": 10, "left_s": 40.0, "device": "cuda"}


def show(db: Database, **kw: Any) -> QueueOut:
    with db.read() as session:
        return service.show(session, **kw)


def reasons(db: Database) -> dict[str, str]:
    return {job.name: job.why for job in show(db).waiting}


def test_an_empty_queue_is_one(db: Database) -> None:
    found = show(db)
    assert found == QueueOut(at=found.at, running=[], waiting=[], num_waiting=0, paused=[], workers=[])


def test_who_holds_what_and_how_far_it_is(db: Database) -> None:
    worker_id = staged.add_worker(db, slots=2)
    run_id, job_id = staged.submit(db, "digits")
    staged.claim(db, worker_id, progress=HALFWAY, started_at=now() - 40)
    (job,) = show(db).running
    assert (job.job_id, job.run_id, job.worker_id, job.name) == (job_id, run_id, worker_id, "digits")
    assert (job.share, job.device, job.attempt) == (0.5, "cuda", 1)
    assert job.left_s == pytest.approx(40, abs=2) and job.elapsed_s == pytest.approx(40, abs=2)


def test_each_waits_for_its_turn_and_is_likely_to_start_when_those_before_it_are_done(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "was before")
    staged.finish(db, staged.claim(db, worker_id), took_s=20)
    for name in ("runs", "next", "after that", "last"):
        staged.submit(db, name)
    staged.claim(db, worker_id, progress=HALFWAY)
    waiting = show(db).waiting
    assert [(job.position, job.name, job.why) for job in waiting] == [
        (1, "next", "next, once a slot is free"),
        (2, "after that", "1 run before it"),
        (3, "last", "2 runs before it"),
    ]
    assert [job.likely_start_s for job in waiting] == pytest.approx([40, 60, 80], abs=3)


def test_a_run_of_twice_as_many_epochs_takes_twice_as_long(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "ten epochs")
    staged.finish(db, staged.claim(db, worker_id), took_s=20)
    staged.submit(db, "twenty epochs", num_epochs=20)
    staged.submit(db, "after it")
    first, second = show(db).waiting
    assert (first.why, first.likely_start_s) == ("starts at once", 0)
    assert second.likely_start_s == pytest.approx(40, abs=1)


def test_a_run_that_lay_paused_took_as_long_as_it_trained(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "paused overnight")
    held = staged.claim(db, worker_id, progress={"step": 10, "trained_s": 20.0})
    with db.write() as session:
        queue.pause(session, held.job_id)
        queue.obey(session, held, causes.stopped())
        queue.resume(session, held.job_id)
    staged.finish(db, staged.claim(db, worker_id), took_s=40_000)
    for name in ("a", "b"):
        staged.submit(db, name)
    assert show(db).waiting[1].likely_start_s == pytest.approx(20, abs=1)


def test_what_nobody_can_know_is_not_guessed(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "the first of its kind")
    staged.submit(db, "waits")
    staged.claim(db, worker_id)
    found = show(db)
    assert [found.running[0].left_s, found.waiting[0].likely_start_s] == [None, None]


def test_without_workers_nothing_starts_and_that_is_why(db: Database) -> None:
    staged.submit(db, "waits")
    assert reasons(db) == {"waits": "no worker is alive"}
    worker_id = staged.add_worker(db, heartbeat_at=now() - 15)
    assert reasons(db) == {"waits": "no worker gives a sign of life"}
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now(), versions={"kinds": ["export"]}))
    assert reasons(db) == {"waits": "no worker can run jobs of this kind"}
    with db.write() as session:
        session.execute(update(Worker).where(Worker.id == worker_id).values(stopped_at=now()))
    assert reasons(db) == {"waits": "no worker is alive"}
    assert show(db).waiting[0].likely_start_s is None


def test_a_run_waits_for_its_dataset(db: Database) -> None:
    staged.add_worker(db)
    staged.submit(db, "a run", is_read=False)
    found = {job.kind: (job.name, job.why) for job in show(db).waiting}
    assert found == {"ingest": ("iris", "starts at once"), "train": ("a run", "waits for the dataset iris to be read")}


def test_an_export_needs_no_slot_of_a_training(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "runs")
    staged.submit(db, "waits")
    staged.claim(db, worker_id)
    staged.export(db)
    assert [job.why for job in show(db).waiting] == ["next, once a slot is free", "starts at once"]


def test_why_it_is_back_in_the_queue_is_told(db: Database) -> None:
    worker_id = staged.add_worker(db)
    staged.submit(db, "again")
    taken = staged.claim(db, worker_id)
    with db.write() as session:
        queue.crash(session, taken, Cause("out_of_memory", "It was killed."))
    (job,) = show(db).waiting
    assert job.cause and job.cause["kind"] == "out_of_memory"


def test_a_long_queue_is_cut_and_counted(db: Database) -> None:
    for i in range(4):
        staged.submit(db, f"run {i}")
    found = show(db, limit=3)
    assert ([job.name for job in found.waiting], found.num_waiting) == (["run 0", "run 1", "run 2"], 4)


def test_one_job_is_found_in_the_whole_queue(db: Database) -> None:
    jobs = [staged.submit(db, f"run {i}")[1] for i in range(3)]
    with db.write() as session:
        places.move(session, jobs[2], to="first")
    with db.write() as session:
        assert service.find_waiting(session, jobs[2]).position == 1
        assert service.find_waiting(session, jobs[1]).position == 3
        queue.cancel(session, jobs[1])
        with pytest.raises(Conflict, match="cancelled"):
            service.find_waiting(session, jobs[1])
        with pytest.raises(NotFound):
            service.find_waiting(session, "nothing")


def test_what_a_script_reports_is_on_no_workers_slot(db: Database) -> None:
    with db.write() as session:
        queue.hold(session, {}, lease_s=30)
    assert show(db).running == []


def test_a_run_without_a_worker_any_more_is_still_shown(db: Database) -> None:
    worker_id = staged.add_worker(db, stopped_at=now())
    staged.submit(db, "held")
    staged.claim(db, worker_id)
    found = show(db)
    assert [job.name for job in found.running] == ["held"]
    assert [one.state for one in found.workers] == ["stopped"], "its lease has not run out yet"
    with db.write() as session:
        session.execute(update(Job).values(status="succeeded"))
        assert session.query(Run).count() == 1
    assert show(db).workers == []
