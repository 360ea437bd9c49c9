"""A look at whether anyone has committed that costs next to nothing, for those who would ask many times a second."""

from sqlalchemy import PoolProxiedConnection

from app.db.engine import Database


class Pulse:
    """Whether anyone may have committed since the last look."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._connection: PoolProxiedConnection | None = None

    def read(self) -> int | None:
        """A number that changes with every commit of another connection; None where the database has none."""
        if not self._db.is_sqlite:
            return None
        # A connection of its own, always outside a transaction: within one, its snapshot would stand still.
        if self._connection is None:
            self._connection = self._db.engine.raw_connection()
        try:
            cursor = self._connection.cursor()
            version: int = cursor.execute("PRAGMA data_version").fetchone()[0]
            cursor.close()
        except Exception:  # the next look begins with another
            self._connection.invalidate()
            self._connection = None
            raise
        return version

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
