"""The database: the engine and its sessions, the tables, the migrations at start."""

from app.db.base import Base
from app.db.engine import UNAVAILABLE, Database, now
from app.db.pulse import Pulse

__all__ = ["UNAVAILABLE", "Base", "Database", "Pulse", "now"]
