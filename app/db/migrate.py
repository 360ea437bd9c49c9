"""Brings the schema up to date, at the start of every process; two that start at once do not meet."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from app.db.engine import Database, warn_if_wal_can_reset

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_LOCK = 7_261_164  # any number that nothing else in this database locks


def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing. Safe to call from several processes at once."""
    if database.is_sqlite:
        warn_if_wal_can_reset()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _alone(database), database.engine.connect() as connection, _without_cascades(connection):
        with connection.begin():
            config.attributes["connection"] = connection
            before = _revision(connection)
            command.upgrade(config, revision)
            if database.is_sqlite and _revision(connection) != before:
                _check_references(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_references(connection: Connection) -> None:
    """Raises RuntimeError, and so takes the migration back, when it left rows that refer to nothing."""
    if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5):
        raise RuntimeError(f"The migration left rows that refer to nothing: {broken}")


@contextmanager
def _without_cascades(connection: Connection) -> Iterator[None]:
    """SQLite changes a column by making its table anew, and dropping the old one must not empty those that refer to it.

    As https://sqlite.org/lang_altertable.html#otheralter has it: foreign keys off, and checked before the commit.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    bare = connection.connection.dbapi_connection
    assert bare is not None
    bare.execute("PRAGMA foreign_keys=OFF")  # has no effect inside a transaction, so before it begins
    try:
        yield
    finally:
        bare.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Hold the right to migrate: an advisory lock on Postgres, a lock file beside an SQLite file."""
    if not database.is_sqlite:
        # Not in a transaction: idle for as long as the migration takes, it would be ended, and the lock be gone.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        return
    file = Path(str(database.engine.url.database))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".migrating").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
