"""The list of workers, on both databases."""

import pytest
from sqlalchemy import update

from app import queue
from app.db import Database, now
from app.db.tables import Worker
from app.errors import Conflict, NotFound
from app.queue import JobKind
from app.workers import service
from tests.staged import add_worker


def test_a_worker_is_alive_until_it_is_silent_for_a_lease_or_says_goodbye(db: Database) -> None:
    add_worker(db, name="here")
    add_worker(db, name="silent", heartbeat_at=now() - 31)
    add_worker(db, name="stopped", stopped_at=now())
    with db.read() as session:
        listed = service.list_workers(session, alive_within_s=30)
    assert {worker.name: worker.alive for worker in listed} == {"here": True, "silent": False, "stopped": False}
    assert listed[0].name == "here"
    assert listed[0].torch_version == "2.13.0"
    assert 30 < next(worker.heartbeat_age_s for worker in listed if worker.name == "silent") < 60


def test_a_worker_gone_for_a_day_is_forgotten(db: Database) -> None:
    add_worker(db, heartbeat_at=now() - 2 * 24 * 3600)
    with db.read() as session:
        assert service.list_workers(session) == []


def test_what_a_worker_has_in_hand_is_listed(db: Database) -> None:
    worker_id = add_worker(db)
    with db.write() as session:
        job_id = queue.enqueue(session, JobKind.INGEST, {})
        assert queue.claim(session, worker_id, lease_s=30)
    with db.read() as session:
        (worker,) = service.list_workers(session)
    assert [(job.job_id, job.kind, job.run_id) for job in worker.running] == [(job_id, "ingest", None)]


def test_a_silent_worker_that_still_holds_a_job_is_not_forgotten(db: Database) -> None:
    worker_id = add_worker(db)
    with db.write() as session:
        queue.enqueue(session, JobKind.INGEST, {})
        queue.claim(session, worker_id, lease_s=30)
        session.execute(update(Worker).values(heartbeat_at=now() - 2 * 24 * 3600))
    with db.read() as session:
        (worker,) = service.list_workers(session)
    assert not worker.alive


def test_a_worker_is_silent_before_it_is_lost(db: Database) -> None:
    ages = {"alive": 2, "silent": 20, "lost": 40}  # of leases of 30 s and beats of 10 s
    for name, age_s in ages.items():
        add_worker(db, name=name, heartbeat_at=now() - age_s)
    with db.read() as session:
        listed = service.list_workers(session, 30, 10)
    assert {worker.name: worker.state for worker in listed} == {name: name for name in ages}
    assert {worker.name for worker in listed if worker.alive} == {"alive", "silent"}


def test_a_worker_that_is_gone_can_be_forgotten(db: Database) -> None:
    gone = add_worker(db, heartbeat_at=now() - 60)
    stopped = add_worker(db, stopped_at=now())
    with db.write() as session:
        for worker_id in (gone, stopped):
            service.forget_worker(session, worker_id)
        assert service.list_workers(session) == []
        with pytest.raises(NotFound):
            service.forget_worker(session, gone)


def test_a_worker_that_is_there_or_holds_a_job_is_not_forgotten(db: Database) -> None:
    alive, holds = add_worker(db), add_worker(db)
    with db.write() as session:
        queue.enqueue(session, JobKind.INGEST, {})
        queue.claim(session, holds, lease_s=30)
        session.execute(update(Worker).where(Worker.id == holds).values(heartbeat_at=now() - 60))
    with db.write() as session:
        with pytest.raises(Conflict, match="alive"):
            service.forget_worker(session, alive)
        with pytest.raises(Conflict, match="holds 1 job"):
            service.forget_worker(session, holds)
