"""Traindeck in one process: a server's services on SQLite, and a worker that does what waits when it is told to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app import curves, events, gallery, queue
from app.db import Database, now
from app.db.migrate import migrate
from app.db.tables import Job as JobRow
from app.db.tables import Run, Worker
from app.queue import JobKind
from app.runs import service
from app.settings import Settings
from app.specs.run import Checked, RunSpec
from app.storage import Storage
from worker import child
from worker.job import Job

TRAINING = (JobKind.INGEST, JobKind.TRAIN)


class Inline:
    """A data folder with its database, and a worker of this very process."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder, slots=1, flush_s=0.02)
        self.db = Database(self.settings.database_url)
        self.storage = Storage(folder)
        migrate(self.db)
        with self.db.write() as session:
            described: dict[str, Any] = {"devices": [], "versions": {}, "started_at": now(), "heartbeat_at": now()}
            session.add(Worker(id="inline", name="inline", host="here", pid=1, slots=1, **described))

    def work(self, kinds: Sequence[JobKind] = tuple(JobKind)) -> None:
        """Do every job of these kinds that waits."""
        while claim := self._claim(kinds):
            job = Job(claim, self.db, self.settings)
            try:
                child.run(job)
            finally:
                job.close()

    def _claim(self, kinds: Sequence[JobKind]) -> queue.Claim | None:
        with self.db.write() as session:
            return queue.claim(session, "inline", lease_s=600, kinds=kinds)

    def submit(self, body: dict[str, Any]) -> str:
        """Queue a run, as `POST /runs` does. Returns its id."""
        with self.db.write() as session:
            return service.create_run(session, RunSpec.model_validate(body)).id

    def checked(self, body: dict[str, Any]) -> Checked:
        """What follows from a run that fits, as `POST /runs/check` says it."""
        with self.db.read() as session:
            return service.check_run(session, RunSpec.model_validate(body))[0]

    def train(self, body: dict[str, Any]) -> Run:
        """Queue a run and train it. It must succeed."""
        run_id = self.submit(body)
        self.work(TRAINING)
        with self.db.read() as session:
            run = session.get_one(Run, run_id)
            job = session.get_one(JobRow, run.job_id)
            assert job.status == "succeeded", job.error
        return run

    def program(self, name: str, **training: Any) -> Run:
        """Train a program of the gallery, with some of its training settings changed."""
        body = gallery.definition(name)
        return self.train(body | {"training": body["training"] | training})

    def findings(self, run: Run) -> list[str]:
        """The kinds of what was found in the run's curves."""
        with self.db.read() as session:
            return [event.body["kind"] for event in events.read(session, run.job_id, limit=10**6, kinds=["finding"])]

    def log(self, run: Run) -> list[str]:
        """The lines of the run's log."""
        with self.db.read() as session:
            return [event.body["text"] for event in events.read(session, run.job_id, limit=10**6, kinds=["log"])]

    def series(self, run: Run, name: str) -> tuple[list[int], list[float]]:
        """Every point of one of the run's series."""
        with self.db.read() as session:
            points = curves.read_points(session, run.job_id, name, 0, 10**9)
        return points.steps.tolist(), points.values.tolist()

    def close(self) -> None:
        self.db.dispose()
