"""One engine for SQLite and Postgres: how connections are set up, how a transaction begins, what time it is.

Reads and writes are told apart at the start, for SQLite must be: a transaction that begins as a reader and then
writes fails at once when someone else wrote in between, whatever its busy timeout.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Double, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

_log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30
# A process that froze, or whose network went, inside a transaction keeps its row locks: Postgres ends it after this,
# or nobody could rescue its job. No transaction of ours leaves the database waiting nearly that long.
IDLE_IN_TRANSACTION_S = 15
UNAVAILABLE = (DBAPIError, PoolTimeout)  # what a database raises that does not answer: try again later
_WAL_RESET_FIXED = (3, 51, 3)  # before it, two connections that write and checkpoint at once can corrupt the file


class now(FunctionElement[float]):  # noqa: N801, reads as SQL's own now()
    """Seconds since the epoch on the database's clock: workers' clocks may be wrong, leases must not be."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgres_now(element: Any, compiler: Any, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class Database:
    """The database behind a URL. Safe to share between threads, not across a fork."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = _with_driver(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url, pool_size)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent snapshot; nothing it does is kept."""
        with self._session(write=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is committed at the end, or not at all when the block raises."""
        with self._session(write=True) as session:
            yield session
            session.commit()

    @contextmanager
    def _session(self, *, write: bool) -> Iterator[Session]:
        # The session connects when it is first used: a thread that only waits for its turn holds no connection.
        with Session(self.engine.execution_options(traindeck_write=write), expire_on_commit=False) as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _with_driver(url: str) -> str:
    """Name psycopg 3 for Postgres URLs, which most people write without a driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _postgres_engine(url: str, pool_size: int) -> Engine:
    """Repeatable snapshots cost retries on write; read committed is what the fences are written for."""
    engine = create_engine(url, pool_size=pool_size, max_overflow=20, pool_pre_ping=True)
    event.listen(engine, "connect", _set_up_postgres)
    return engine


def _set_up_postgres(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_S}s'")
    connection.commit()


def _sqlite_engine(url: str) -> Engine:
    # Threads bound the connections: were there fewer of these, readers would wait behind writers who wait for the lock.
    arguments = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    engine = create_engine(url, connect_args=arguments, pool_size=10, max_overflow=-1)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own idea of when to begin is switched off: _begin_sqlite says it.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "mmap_size=0",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("traindeck_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def warn_if_wal_can_reset() -> None:
    """Say at start that this SQLite has a fault that its users should know of."""
    if sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        _log.warning(
            "SQLite %s has the WAL-reset bug (fixed in 3.51.3): rare, but keep backups, or use Postgres.",
            sqlite3.sqlite_version,
        )
