"""The health check's answers."""

import platform

import pytest
from sqlalchemy import insert, update

from app import probe
from app.db import Database, now
from app.db.tables import Worker
from app.settings import Settings
from tests.deck import free_port


def test_a_worker_is_well_while_it_is_heard_of(db: Database, settings: Settings) -> None:
    assert not probe.worker_is_well(settings)
    worker = {"id": "w", "name": "w", "host": platform.node(), "pid": 1, "slots": 1, "devices": [], "versions": {}}
    with db.write() as session:
        session.execute(insert(Worker).values(**worker, started_at=now(), heartbeat_at=now()))
    assert probe.worker_is_well(settings)
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now() - settings.lease_s - 1))
    assert not probe.worker_is_well(settings)
    with db.write() as session:
        session.execute(update(Worker).values(heartbeat_at=now(), host="another"))
    assert not probe.worker_is_well(settings)


def test_without_its_database_a_worker_is_not_well(settings: Settings) -> None:
    gone = settings.model_copy(update={"database_url": f"postgresql://nobody@127.0.0.1:{free_port()}/none"})
    assert not probe.worker_is_well(gone)


def test_a_server_that_does_not_answer_is_not_well(settings: Settings) -> None:
    assert not probe.server_is_well(settings.model_copy(update={"port": free_port()}))


@pytest.mark.parametrize("name", ["server", "worker"])
def test_the_probes_have_the_names_that_containers_call(name: str) -> None:
    assert name in probe.PROBES
