"""A training small enough to repeat many times, under a real job on a real database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from pydantic import BaseModel
from torch import nn

from app import queue
from app.causes import Cause
from app.db import Database, now
from app.db.tables import Dataset, Run, Worker
from app.ids import new_id
from app.queue import JobKind
from app.settings import Settings
from app.specs.losses import LOSSES
from worker.evaluate import Judge
from worker.job import Job
from worker.train import constants, losses, metrics, optimizers
from worker.train.batches import Batches, Part
from worker.train.doctor import Chance
from worker.train.freezing import Freezing
from worker.train.gradients import Gradients, Penalty
from worker.train.metrics import Answers
from worker.train.plan import Plan
from worker.train.stopping import EarlyStopping

CPU = torch.device("cpu")


class NoPreprocessing(BaseModel):
    """Stands where the fitted preprocessing of a table would."""


@dataclass
class Bench:
    """A database with one queued run, from which jobs are claimed."""

    db: Database
    settings: Settings
    run_id: str
    job_id: str
    jobs: list[Job] = field(default_factory=list)

    def claim(self) -> Job:
        """The run's job, claimed; the attempt before it, if any, is taken to have died."""
        if self.jobs:
            self.jobs[-1].close()
            with self.db.write() as session:
                queue.crash(session, self.jobs[-1].claim, Cause("killed", "killed by a test"))
        with self.db.write() as session:
            claim = queue.claim(session, "a-worker", lease_s=60)
        assert claim is not None
        self.jobs.append(Job(claim, self.db, self.settings))
        return self.jobs[-1]


def queue_run(db: Database, settings: Settings) -> Bench:
    """A run that waits."""
    run_id = new_id()
    fields: dict[str, Any] = {
        "spec": {"training": {"batch_size": 5}},
        "inspection": {},
        "tags": [],
        "num_parameters": 0,
    }
    with db.write() as session:
        job_id = queue.enqueue(session, JobKind.TRAIN, {"run_id": run_id})
        session.add(Run(id=run_id, name="a run", job_id=job_id, dataset_id="made", created_at=now(), **fields))
    return Bench(db, settings, run_id, job_id)


@pytest.fixture
def bench(sqlite_db: Database, sqlite_url: str, data_dir: Any) -> Iterator[Bench]:
    settings = Settings(data_dir=data_dir, database_url=sqlite_url, slots=1, flush_s=0.01)
    with sqlite_db.write() as session:
        session.add(Dataset(id="made", name="made", status="ready", source={}, created_at=now()))
        session.add(
            Worker(
                id="a-worker",
                name="a",
                host="h",
                pid=1,
                slots=1,
                devices=[],
                versions={},
                started_at=now(),
                heartbeat_at=now(),
            )
        )
    bench = queue_run(sqlite_db, settings)
    yield bench
    for job in bench.jobs:
        job.close()


def make_parts(num_rows: int = 44) -> dict[str, Part]:
    """Three classes of points that overlap a little."""
    generator = torch.Generator().manual_seed(5)
    targets = torch.randint(3, (num_rows,), generator=generator)
    inputs = torch.randn(num_rows, 4, generator=generator) + torch.nn.functional.one_hot(targets, 4) * 2
    cuts = {"train": slice(0, 21), "validation": slice(21, 33), "test": slice(33, None)}
    return {name: Part(inputs[rows], targets[rows]) for name, rows in cuts.items()}


def make_plan(run_id: str, **changes: Any) -> Plan:
    """Dropout, batch normalisation, a penalty, a schedule, Adam: everything that has a state of its own."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    parts = make_parts()
    loss = losses.build("cross_entropy")
    answers = Answers(3)
    constant = constants.constant_outputs(LOSSES["cross_entropy"](), [parts["train"].targets], 3)
    chance = Chance.of(losses.chance(loss, constant, [parts["train"].targets]), "cross_entropy")
    fields: dict[str, Any] = {
        "run_id": run_id,
        "device": CPU,
        "model": model,
        "judge": Judge(
            loss, [metrics.build("accuracy", answers, 1), metrics.build("f1", answers, 1)], answers, list("abc")
        ),
        "gradients": Gradients(model, [Penalty(model[0].weight, 0.001, 0.01)], max_norm=5.0),
        "optimizer": optimizers.build("adam", model.parameters(), CPU, lr=0.02),
        "freezing": Freezing(),
        "limits": [],
        "rate": lambda step: 0.02 * 0.99**step,
        "parts": parts,
        "augment": None,
        "batches": Batches(parts["train"], 5, 0, True, CPU, min_rows=2),
        "preprocessing": NoPreprocessing(),
        "constant": constant,
        "constant_name": "a",
        "chance": chance,
        "shown": None,
        "stopping": None,
        "num_epochs": 6,
        "checkpoint_every_s": 1000.0,
        "keep_checkpoints": 3,
        "log_every_epochs": 1,
    }
    return Plan(**(fields | changes))


@pytest.fixture
def stopping() -> Callable[[], EarlyStopping]:
    return lambda: EarlyStopping("validation/loss", patience=3)
