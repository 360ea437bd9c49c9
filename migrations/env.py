"""Alembic's entry: runs on the connection that `app.db.migrate` hands over, or on the configured database by itself."""

from alembic import context

from app.db import Base, tables
from app.db.engine import Database
from app.settings import Settings

assert tables  # imported for its effect: the tables register on Base


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        with Database(Settings().database_url).engine.begin() as connection:
            _run_on(connection)
    else:
        _run_on(connection)


def _run_on(connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    context.run_migrations()


run()
