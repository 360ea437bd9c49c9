"""The schema that the migrations make is the one that the tables say, on both databases."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.db import Base, Database, engine
from app.db import migrate as migration
from app.db.migrate import migrate


# SQLite does not tell what an index is made of when that is no column; on Postgres it is compared.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index ix_jobs_duration")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index 'ix_jobs_duration'")
def test_the_tables_and_the_migrations_agree(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.full)])
def test_two_processes_that_start_at_once_both_come_up(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'deck.sqlite3'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_database_url")
        database = Database(url)
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        database.dispose()
    code = f"from app.db import Database; from app.db.migrate import migrate; migrate(Database({url!r}))"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    ended = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, ended


def test_a_migration_may_take_longer_than_a_transaction_may_idle(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_S", 1)

    begun, may_end = threading.Event(), threading.Event()

    def upgrade(config: Config, _revision: str) -> None:
        begun.set()
        while not may_end.wait(0.1):
            config.attributes["connection"].execute(text("SELECT 1"))

    monkeypatch.setattr(migration.command, "upgrade", upgrade)
    database, other = Database(postgres_database_url), Database(postgres_database_url)
    with other.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        migrating = pool.submit(migrate, database)
        assert begun.wait(60)
        time.sleep(2 * engine.IDLE_IN_TRANSACTION_S)
        free = connection.scalar(text(f"SELECT pg_try_advisory_lock({migration._LOCK})"))
        may_end.set()
        migrating.result()
    database.dispose()
    other.dispose()
    assert not free


SPEC = '{"training": {"optimizer": {"lr": 0.5}}}'


def test_what_was_there_is_there_after_a_migration(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'deck.sqlite3'}")
    migrate(database, "0001")
    job, run = "j" * 26, "r" * 26
    with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO jobs (id, kind, status, priority, payload, attempt, num_crashes, last_seq, created_at)"
            f" VALUES ('{job}', 'train', 'succeeded', 0, '{{}}', 1, 0, 1, 7)",
            f"INSERT INTO events (job_id, seq, time, kind, body) VALUES ('{job}', 1, 7, 'status', '{{}}')",
            "INSERT INTO datasets (id, name, status, source, created_at) VALUES ('d', 'd', 'ready', '{}', 7)",
            "INSERT INTO models (id, name, definition, created_at) VALUES ('m', 'm', '{}', 7)",
            "INSERT INTO runs (id, name, job_id, dataset_id, spec, inspection, num_parameters, tags, created_at)"
            f" VALUES ('{run}', 'old', '{job}', 'd', '{SPEC}', '{{}}', 1, '[\"a\"]', 7)",
            "INSERT INTO artifacts (id, run_id, name, media_type, path, size_bytes, sha256, created_at)"
            f" VALUES ('a', '{run}', 'model.onnx', 'x', 'y', 1, 'z', 7)",
        ):
            connection.exec_driver_sql(statement)
    migrate(database)
    with database.engine.connect() as connection:
        for table in ("jobs", "events", "runs", "artifacts"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1, table
        kept = connection.exec_driver_sql("SELECT key, number, text FROM run_settings").all()
        assert kept == [("optimizer.lr", 0.5, None)]
        assert connection.exec_driver_sql("SELECT tag FROM run_tags").all() == [("a",)]
        assert connection.exec_driver_sql("SELECT position FROM jobs").scalar() == 7
        assert connection.exec_driver_sql("SELECT id, family_id, version, made FROM datasets").all() == [
            ("d", "d", 1, None)
        ]
        assert connection.exec_driver_sql("SELECT id, family_id, version, parent_id FROM models").all() == [
            ("m", "m", 1, None)
        ]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.dispose()
