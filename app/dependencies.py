"""What routes ask for: a session to read or write with, the settings, the files. The edge commits, never a service."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from app import idempotency
from app.db import Database
from app.settings import Settings
from app.storage import Storage


def _settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.settings
    return settings


def _database(connection: HTTPConnection) -> Database:
    database: Database = connection.app.state.database
    return database


def _storage(settings: Annotated[Settings, Depends(_settings)]) -> Storage:
    return Storage(settings.data_dir)


def _reading(database: Annotated[Database, Depends(_database)]) -> Iterator[Session]:
    with database.read() as session:
        yield session


def _writing(connection: HTTPConnection, database: Annotated[Database, Depends(_database)]) -> Iterator[Session]:
    with idempotency.writing(connection, database) as session:
        yield session


def turns() -> asyncio.Semaphore:
    """How many requests that may change something are worked on at a time; the others wait, and hold no thread.

    Without it, as many as there are threads could wait for a transaction on SQLite whose own request needs one more
    thread to end.
    """
    return asyncio.Semaphore(16)


async def take_turns(connection: HTTPConnection) -> AsyncIterator[None]:
    """Wait for one of the application's `turns`, unless nothing will be changed."""
    if connection.scope.get("method", "GET") in ("GET", "HEAD", "OPTIONS"):
        yield
        return
    async with connection.app.state.turns:
        yield


AppSettings = Annotated[Settings, Depends(_settings)]
AppDatabase = Annotated[Database, Depends(_database)]
AppStorage = Annotated[Storage, Depends(_storage)]
# scope="function": the transaction ends, and so is committed, before the answer leaves.
Reading = Annotated[Session, Depends(_reading, scope="function")]
Writing = Annotated[Session, Depends(_writing, scope="function")]
