"""A worker in this very process."""

from collections.abc import Callable

import pytest

from app import queue
from app.db import Database, now
from app.db.tables import Job as JobRow
from app.db.tables import Worker
from app.queue import JobStatus
from app.settings import Settings
from worker import child
from worker.job import Job


@pytest.fixture
def work(db: Database, settings: Settings) -> Callable[[], list[JobStatus]]:
    """Does every job that waits, and says how each ended."""

    def do_all() -> list[JobStatus]:
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
                    started_at=now(),
                    heartbeat_at=now(),
                )
            )
        ended = []
        while claim := _claim(db):
            job = Job(claim, db, settings)
            try:
                child.run(job)
            finally:
                job.close()
            with db.read() as session:
                ended.append(JobStatus(session.get_one(JobRow, claim.job_id).status))
        return ended

    return do_all


def _claim(db: Database) -> queue.Claim | None:
    with db.write() as session:
        return queue.claim(session, "w1", lease_s=30)
