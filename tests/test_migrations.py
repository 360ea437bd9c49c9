"""The schema that the migrations make is the one that the tables say, on both databases."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.db import Base, Database


def test_the_tables_and_the_migrations_agree(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
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
