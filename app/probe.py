"""`python -m app.probe server|worker`: exit status 0 when the one in this container is well, for a health check."""

import platform
import sys
from urllib.request import urlopen

from app.settings import Settings


def server_is_well(settings: Settings) -> bool:
    """Whether the server answers, and its database too."""
    try:
        with urlopen(f"http://127.0.0.1:{settings.port}/readyz", timeout=4) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def worker_is_well(settings: Settings) -> bool:
    """Whether a worker on this host was heard of within a lease."""
    from sqlalchemy import select

    from app.db import UNAVAILABLE, Database, now
    from app.db.tables import Worker

    fresh = Worker.heartbeat_at > now() - settings.lease_s
    query = select(Worker.id).where(Worker.host == platform.node(), Worker.stopped_at.is_(None), fresh).limit(1)
    database = Database(settings.database_url)
    try:
        with database.read() as session:
            return session.scalar(query) is not None
    except UNAVAILABLE:
        return False
    finally:
        database.dispose()


PROBES = {"server": server_is_well, "worker": worker_is_well}

if __name__ == "__main__":
    sys.exit(0 if PROBES[sys.argv[1]](Settings()) else 1)
