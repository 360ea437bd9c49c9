"""Ingestion as a job: the row tells how it ended, and no file is left that no row speaks of."""

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert, select, update

from app import events, queue
from app.db import Database, now
from app.db.tables import Dataset, Worker
from app.db.tables import Job as JobRow
from app.dialect import Dialect
from app.ids import new_id
from app.queue import Claim, JobKind, JobStatus
from app.settings import Settings
from app.storage import Storage, StoredFile
from app.stored.manifest import RAW
from app.tabular.intake import Intake
from app.tabular.refusals import Limits
from worker import child
from worker.data import ingest
from worker.job import STOP, Job

Start = Callable[..., Job]


@pytest.fixture
def claimed(db: Database) -> Callable[[dict[str, Any], dict[str, Any]], Claim]:
    """A dataset of that source whose ingestion a worker has taken."""

    def claim(source: dict[str, Any], payload: dict[str, Any]) -> Claim:
        dataset_id = new_id()
        with db.write() as session:
            session.merge(
                Worker(
                    id="w1",
                    name="w1",
                    host="here",
                    pid=1,
                    slots=1,
                    devices=[],
                    versions={},
                    started_at=0,
                    heartbeat_at=0,
                )
            )
            job_id = queue.enqueue(session, JobKind.INGEST, {"dataset_id": dataset_id, **payload})
            session.execute(
                insert(Dataset).values(
                    id=dataset_id, name="d", status="ingesting", source=source, job_id=job_id, created_at=now()
                )
            )
            claim = queue.claim(session, "w1", lease_s=30)
        assert claim
        return claim

    return claim


@pytest.fixture
def start(db: Database, settings: Settings, storage: Storage, claimed: Any) -> Iterator[Start]:
    """Takes a file in, or a built-in dataset's name, and gives its job."""
    jobs = []

    def begin(content: bytes | None = None, name: str = "celsius") -> Job:
        if content is None:
            claim = claimed({"type": "builtin", "name": name}, {})
        else:
            source = storage.data_dir / "sent.csv"
            dialect = take_in(source, content)
            claim = claimed({"type": "upload", "filename": "a.csv"}, {"dialect": dialect.model_dump()})
            source.rename(storage.folder("datasets", claim.payload["dataset_id"]) / "upload.csv")
        jobs.append(Job(claim, db, settings))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.close()


def take_in(target: Path, content: bytes) -> Dialect:
    with target.open("wb") as sink:
        intake = Intake(sink, Limits(1 << 30, 1 << 20))
        intake.feed(content)
        return intake.finish().dialect


def dataset_of(db: Database, job: Job) -> Dataset:
    with db.read() as session:
        return session.get_one(Dataset, job.claim.payload["dataset_id"])


def status_of(db: Database, job: Job) -> str:
    with db.read() as session:
        return session.get_one(JobRow, job.claim.job_id).status


def files(storage: Storage, job: Job) -> list[str]:
    return sorted(path.name for path in storage.path("datasets", job.claim.payload["dataset_id"]).glob("*"))


CSV = b"x,y\n" + b"".join(b"%d,%d.5\n" % (i, i) for i in range(100))


def test_a_file_becomes_a_table_with_its_statistics(start: Start, db: Database, storage: Storage) -> None:
    job = start(CSV)
    child.run(job)
    dataset = dataset_of(db, job)
    assert (dataset.status, dataset.num_rows, dataset.error) == ("ready", 100, None)
    assert dataset.columns
    assert [(column["name"], column["type"]) for column in dataset.columns] == [("x", "integer"), ("y", "float")]
    assert files(storage, job) == ["data.parquet"]
    stored = storage.describe(storage.path("datasets", dataset.id, "data.parquet"))
    assert (dataset.size_bytes, dataset.table_sha256) == (stored.size_bytes, stored.sha256)
    assert status_of(db, job) == JobStatus.SUCCEEDED


def test_how_far_it_is_can_be_followed(start: Start, db: Database) -> None:
    job = start(CSV)
    child.run(job)
    with db.read() as session:
        found = events.read(session, job.claim.job_id)
    assert [event.body["text"] for event in found if event.kind == "log"] == ["100 rows, 2 columns"]
    shares = [event.body["share"] for event in found if event.kind == "progress"]
    assert shares and shares == sorted(shares) and shares[-1] <= 1


def test_infinite_values_are_reported(start: Start, db: Database) -> None:
    job = start(b"x,y\n1.5,1\ninf,2\n-inf,3\n")
    child.run(job)
    with db.read() as session:
        (warning,) = (e for e in events.read(session, job.claim.job_id) if e.body.get("level") == "warning")
    assert warning.body["text"] == "x holds 2 infinite values"


def test_a_file_that_cannot_be_read_fails_with_words_and_leaves_nothing(
    start: Start, db: Database, storage: Storage
) -> None:
    job = start(CSV)
    storage.path("datasets", job.claim.payload["dataset_id"], "upload.csv").write_bytes(CSV[:100])
    child.run(job)
    dataset = dataset_of(db, job)
    assert (dataset.status, status_of(db, job)) == ("failed", JobStatus.FAILED)
    assert dataset.error and dataset.error["kind"] == "unreadable"
    assert files(storage, job) == []


def test_what_fails_for_a_reason_nobody_thought_of_fails_with_words_too(
    start: Start, db: Database, storage: Storage
) -> None:
    job = start(name="no such dataset")
    child.run(job)
    dataset = dataset_of(db, job)
    assert (dataset.status, status_of(db, job)) == ("failed", JobStatus.FAILED)
    assert dataset.error and dataset.error["message"]
    assert files(storage, job) == []


def test_one_that_was_cut_off_is_taken_up_from_the_start(start: Start, db: Database, storage: Storage) -> None:
    job = start(CSV)
    folder = storage.path("datasets", job.claim.payload["dataset_id"])
    (folder / ".cut.part").write_bytes(b"PAR1 half a table")
    child.run(job)
    assert dataset_of(db, job).status == "ready"
    assert [path.name for path in folder.iterdir()] == ["data.parquet"]


def test_one_that_died_after_its_row_was_written_only_cleans_up(start: Start, db: Database, storage: Storage) -> None:
    job = start(CSV)
    ingest.run(job)
    table = storage.path("datasets", job.claim.payload["dataset_id"], "data.parquet")
    before = table.stat().st_mtime_ns
    child.run(job)
    assert (status_of(db, job), table.stat().st_mtime_ns) == (JobStatus.SUCCEEDED, before)


def test_an_attempt_that_was_given_up_replaces_nothing(
    start: Start, db: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(CSV)
    table = storage.path("datasets", job.claim.payload["dataset_id"], "data.parquet")
    describe = ingest.describe_table

    def overtaken(path: Path, progress: Any) -> Any:
        """While the statistics are made, the lease runs out, and another attempt commits its table."""
        with db.write() as session:
            session.execute(update(JobRow).values(lease_until=now() - 1))
            queue.rescue(session)
        table.write_bytes(b"another attempt's")
        return describe(path, lambda done: None)

    monkeypatch.setattr(ingest, "describe_table", overtaken)
    with pytest.raises(queue.LeaseLost):
        ingest.run(job)
    assert table.read_bytes() == b"another attempt's"
    assert files(storage, job) == ["data.parquet", "upload.csv"]


def test_one_whose_worker_has_to_go_keeps_its_file_and_is_taken_up_again(
    start: Start, db: Database, storage: Storage
) -> None:
    job = start(CSV)
    job.stop()
    child.run(job)
    assert (status_of(db, job), dataset_of(db, job).status) == (JobStatus.QUEUED, "ingesting")
    assert files(storage, job) == ["upload.csv"]


def cancel(db: Database, job: Job) -> None:
    with db.write() as session:
        queue.cancel(session, job.claim.job_id)
    job.flush()  # hears of it


def test_one_that_is_cancelled_leaves_no_file(start: Start, db: Database, storage: Storage) -> None:
    job = start(CSV)
    cancel(db, job)
    child.run(job)
    assert status_of(db, job) == JobStatus.CANCELLED
    assert not storage.path("datasets", job.claim.payload["dataset_id"]).exists()


@pytest.mark.parametrize("name", ["full while the table is written", "full while it is described"])
def test_a_full_disk_is_told_in_words(
    start: Start, db: Database, storage: Storage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    job = start(CSV)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if "written" in name:
        monkeypatch.setattr(pq.ParquetWriter, "write_batch", full)
    else:
        monkeypatch.setattr(os, "fsync", full)
    child.run(job)
    error = dataset_of(db, job).error
    assert error and error["kind"] == "disk_full"
    assert "disk" in error["message"] and "again" in error["hint"]
    with db.read() as session:
        assert session.get_one(JobRow, job.claim.job_id).error == error
    assert files(storage, job) == []


@pytest.mark.parametrize(("filename", "content", "num_hashed"), [("a.csv", CSV, 0), ("a.npy", None, 1)])
def test_what_was_sent_is_hashed_once(
    claimed: Any,
    db: Database,
    settings: Settings,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    filename: str,
    content: bytes | None,
    num_hashed: int,
) -> None:
    """The check of delimited text has the hash of its own already."""
    if content is None:
        np.save(file := io.BytesIO(), np.arange(12).reshape(4, 3))
        content = file.getvalue()
    format = {"format": "npy"} if num_hashed else {"overrides": {}}
    claim = claimed({"type": "upload", "filename": filename}, {"filename": filename, **format})
    (storage.folder("datasets", claim.payload["dataset_id"]) / RAW).write_bytes(content)
    hashed, describe = [], Storage.describe

    def note(self: Storage, target: Path) -> StoredFile:
        hashed.append(target.name)
        return describe(self, target)

    monkeypatch.setattr(Storage, "describe", note)
    with closing(Job(claim, db, settings)) as job:
        child.run(job)
        found = dataset_of(db, job).content_hash
    assert found is not None and (found == hashlib.sha256(content).hexdigest()) == bool(num_hashed)
    assert hashed.count(RAW) == num_hashed


@pytest.mark.parametrize(("request_", "status"), [("cancel", JobStatus.CANCELLED), (STOP, JobStatus.QUEUED)])
def test_one_that_is_stopped_within_the_check_leaves_nothing_behind(
    claimed: Any, db: Database, settings: Settings, storage: Storage, request_: str, status: JobStatus
) -> None:
    claim = claimed({"type": "upload", "filename": "a.csv"}, {"filename": "a.csv", "overrides": {}})
    (storage.folder("datasets", claim.payload["dataset_id"]) / RAW).write_bytes(CSV + b"7,8\n" * 1_000_000)
    before, checked = set(threading.enumerate()), []

    class Asked(Job):
        def progress(self, body: dict[str, Any]) -> None:
            checked.append(body["bytes"])
            if len(checked) == 3:
                self.stop() if request_ == STOP else cancel(db, self)

    with closing(Asked(claim, db, settings)) as job:
        child.run(job)
        assert (status_of(db, job), dataset_of(db, job).status) == (status, "ingesting")
        # Another attempt goes on with the file; nobody will after a person has cancelled.
        folder = storage.path("datasets", claim.payload["dataset_id"])
        assert [one.name for one in folder.glob("*")] == (["upload.bin"] if request_ == STOP else [])
    assert len(checked) == 3 and checked[-1] < 4_000_000
    assert set(threading.enumerate()) <= before


def test_a_dataset_that_is_gone_ends_its_job(start: Start, db: Database) -> None:
    job = start(CSV)
    with db.write() as session:
        session.delete(session.scalars(select(Dataset)).one())
    child.run(job)
    assert status_of(db, job) == JobStatus.FAILED
