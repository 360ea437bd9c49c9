"""What a killed process leaves in the data folder goes after a day; what counts, or may yet, stays."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from app.access.service import ensure_token
from app.db import Database, now
from app.db.tables import Dataset, Job, Token
from app.ids import first_id_at, new_id
from app.queue import JobKind, JobStatus, enqueue
from app.settings import Settings
from app.storage import Storage
from app.sweeping import sweep
from tests.conftest import TOKEN
from tests.deck import Deck, deck, wait_for

pytestmark = pytest.mark.full_on_postgres

CSV = b"a,b\n1,2\n3,4\n"

# A server that dies when it has deleted the row of a dataset, and is about to remove its files.
DIES = """
import os, sys
from fastapi.testclient import TestClient
from app.main import create_app
from app.settings import Settings
from app.storage import Storage
Storage.remove = lambda *parts: os.kill(os.getpid(), 9)
settings = Settings()
TestClient(create_app(settings), base_url="http://localhost").delete(
    f"/api/v1/datasets/{sys.argv[1]}", headers={"Authorization": f"Bearer {settings.token}"})
"""


@pytest.fixture
def born(db: Database, settings: Settings) -> str:
    """The id of the first thing in the database."""
    with db.write() as session:
        ensure_token(session, settings)
        return session.query(Token).one().id


def age(path: Path, by_s: float = 25 * 3600) -> None:
    """As if a day had passed since anything was written there."""
    for one in [*path.rglob("*"), path]:
        os.utime(one, (time.time() - by_s,) * 2)


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"content")
    age(folder)
    return folder


def add_dataset(db: Database, status: str, job: JobStatus | None) -> str:
    with db.write() as session:
        job_id = enqueue(session, JobKind.INGEST, {}) if job else None
        session.execute(update(Job).where(Job.id == job_id).values(status=job))
        row = Dataset(name="a", status=status, source={}, job_id=job_id, created_at=now())
        session.add(row)
        session.flush()
        return row.id


@pytest.mark.full
def test_a_server_that_was_killed_leaves_nothing_for_more_than_a_day(tmp_path: Path) -> None:
    """In the middle of a form, and between the two steps of a deletion."""
    with deck(Settings(data_dir=tmp_path, token=TOKEN, slots=1)) as one:
        kept, deleted = one.add_file("kept.csv", CSV), one.add_file("deleted.csv", CSV)
        datasets = tmp_path / "datasets"
        with socket.create_connection(("127.0.0.1", one.port)) as connection:
            connection.sendall(half_a_form())
            (part,) = wait_for(lambda: list(datasets.glob("*/.*.part")))
            wait_for(lambda: part.stat().st_size)
            one.kill("server")
        place = Path(__file__).parents[1]
        died = subprocess.run([sys.executable, "-c", DIES, deleted], check=False, env=one._environment(), cwd=place)
        assert (died.returncode, (datasets / deleted).is_dir()) == (-9, True)
        age(datasets)
        fresh = put(datasets / new_id(), "upload.bin")
        age(fresh, by_s=3600)
        one.start("server")
        wait_for(lambda: not part.parent.exists() and not (datasets / deleted).exists())
        assert sorted(path.name for path in datasets.iterdir()) == sorted([kept, fresh.name])
        assert one.get(f"/datasets/{kept}/rows")["num_rows"] == 2
        assert not is_listed(one, deleted)


def half_a_form() -> bytes:
    head = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n' + b"1,2\n" * 500_000
    return (
        b"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Length: 100000000\r\n\r\n" + head
    )


def is_listed(one: Deck, dataset_id: str) -> bool:
    return dataset_id in [item["id"] for item in one.get("/datasets")["items"]]


@pytest.mark.parametrize("feature", ["datasets", "runs"])
def test_a_folder_without_a_row_goes_once_nothing_was_written_there_for_a_day(
    db: Database, storage: Storage, data_dir: Path, born: str, feature: str
) -> None:
    old = put(data_dir / feature / new_id(), "1/step-5/state.json")
    growing = put(data_dir / feature / new_id(), "added-0/upload.bin")
    (growing / "added-0").touch()  # a file was linked there just now, which itself is old
    spilled = put(data_dir / feature / ".spilled-abc", "duckdb_temp_block-1.block")
    (data_dir / feature / "of-the-user").mkdir()
    age(data_dir / feature / "of-the-user")
    assert sweep(db, storage) == 2
    assert not spilled.exists()
    assert (old.exists(), growing.exists(), (data_dir / feature / "of-the-user").exists()) == (False, True, True)


def test_of_what_is_ready_only_temporary_files_go(db: Database, storage: Storage, data_dir: Path, born: str) -> None:
    ready = add_dataset(db, "ready", JobStatus.SUCCEEDED)
    folder = put(data_dir / "datasets" / ready, "table.parquet", ".abc.part", "attempt-1/.def.part")
    assert sweep(db, storage) == 2
    assert sorted(path.name for path in folder.iterdir()) == ["attempt-1", "table.parquet"]


@pytest.mark.parametrize("status", ["ingesting", "failed"])
@pytest.mark.parametrize("job", [JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.FAILED, JobStatus.CANCELLED])
def test_what_a_worker_may_yet_read_stays_and_the_rest_goes(
    db: Database, storage: Storage, data_dir: Path, born: str, status: str, job: JobStatus
) -> None:
    folder = put(data_dir / "datasets" / add_dataset(db, status, job), "upload.bin", ".abc.part")
    is_needed = job in (JobStatus.QUEUED, JobStatus.RUNNING)
    assert (sweep(db, storage), folder.exists()) == (0 if is_needed else 1, is_needed)
    assert len(list(folder.glob("*"))) == (2 if is_needed else 0)


def test_what_was_there_before_the_database_stays(db: Database, storage: Storage, data_dir: Path, born: str) -> None:
    """A server that is started on another database by mistake takes nothing away."""
    before = put(data_dir / "datasets" / first_id_at(1e9), "table.parquet")
    assert (sweep(db, storage), before.exists()) == (0, True)


def test_a_folder_that_two_databases_have_used_is_never_swept(
    db: Database, storage: Storage, settings: Settings, data_dir: Path, born: str
) -> None:
    assert sweep(db, storage) == 0
    other = put(data_dir / "datasets" / new_id(), "table.parquet")
    used_by = data_dir / "used_by.txt"
    used_by.write_text(used_by.read_text() + f"{new_id()}\n")
    assert (sweep(db, storage), other.exists()) == (0, True)


def test_without_a_token_nothing_is_known_of_the_database(db: Database, storage: Storage, data_dir: Path) -> None:
    with db.write() as session:
        session.execute(delete(Token))
    left = put(data_dir / "datasets" / new_id(), "table.parquet")
    assert (sweep(db, storage), left.exists()) == (0, True)
