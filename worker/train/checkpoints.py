"""Checkpoints: the whole state of a training at one step, from which it goes on bit for bit.

A folder `runs/<run>/<attempt>/step-<n>/` with tensors as safetensors and the rest as JSON. The files are durable
before their row is committed, together with everything recorded so far; a folder without a row does not exist.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session
from torch import Tensor

from app import events, queue
from app.db import now
from app.db.tables import Checkpoint
from app.ids import new_id
from app.storage import Storage
from worker.job import Job
from worker.train import optimizers
from worker.train.history import History
from worker.train.plan import Plan

TENSORS, STATE = "tensors.safetensors", "state.json"
_FORMAT = 1  # of the state: what it holds and what that means


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds: tensors by name, and state that JSON can say, but for a `History`, which says itself.

    `state` has `step` and `epoch`, the numbers of those that were done.
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]

    @property
    def step(self) -> int:
        """The steps that were done."""
        return int(self.state["step"])

    @property
    def epoch(self) -> int:
        """The epochs that were done."""
        return int(self.state["epoch"])

    def held(self) -> "Snapshot":
        """The same in memory of its own, not the device's: training may go on."""
        copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in self.tensors.items()}
        return Snapshot(copies, self.state)

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors `name/…`, without that prefix."""
        prefix = f"{name}/"
        return {key.removeprefix(prefix): value for key, value in self.tensors.items() if key.startswith(prefix)}


def grouped(**groups: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of several groups under one roof: the inverse of `Snapshot.group`."""
    return {f"{group}/{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}


def random_state() -> dict[str, Tensor]:
    """The state of every random generator that training draws from."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state |= {f"cuda{i}": one for i, one in enumerate(torch.cuda.get_rng_state_all())}
    return state


def restore_random_state(state: dict[str, Tensor]) -> None:
    """Take up what `random_state` gave. A device that is no longer there is left out."""
    torch.set_rng_state(state["cpu"])
    for i in range(torch.cuda.device_count()):
        if f"cuda{i}" in state:
            torch.cuda.set_rng_state(state[f"cuda{i}"], i)


def restore_learned(plan: Plan, snapshot: Snapshot) -> None:
    """Take up what the steps so far have made: weights, their means, and what optimizer and precision remember."""
    plan.model.load_state_dict(snapshot.group("weights"))
    optimizers.restore_state(plan.optimizer, snapshot.group("optimizer"))
    plan.averaging.restore(snapshot.group("averages"))
    plan.precision.restore(snapshot.state.get("precision"))


@dataclass(frozen=True)
class Written:
    """A checkpoint whose files are durable, and whose row is still to be committed."""

    id: str
    folder: Path
    step: int
    epoch: int
    is_best: bool  # the weights after the best epoch so far
    size_bytes: int
    sha256: dict[str, str]

    def event(self) -> events.New:
        """Tells of it."""
        names = ("id", "step", "epoch", "size_bytes", "is_best")
        return events.New("checkpoint", {name: getattr(self, name) for name in names})


class Checkpoints:
    """The checkpoints of one job: written, found again, and thinned out."""

    def __init__(self, job: Job, run_id: str, keep: int) -> None:
        self.job, self.run_id, self.keep = job, run_id, keep
        self.storage: Storage = job.storage

    def save(self, written: list[Written]) -> None:
        """Commit checkpoints with everything recorded so far, then drop the files of older ones."""
        self.job.commit(lambda session: self._settle(session, written), events=[one.event() for one in written])

    def _settle(self, session: Session, written: list[Written]) -> None:
        self.register(session, written)
        queue.sound(session, self.job.claim)

    def write(self, snapshot: Snapshot, *, is_best: bool) -> Written:
        """Make the files durable; the row is for `save` or `register`."""
        attempt = str(self.job.claim.attempt)
        folder = self.storage.folder("runs", self.run_id, attempt, f"step-{snapshot.step}")
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in snapshot.tensors.items()}
        state = json.dumps({"format": _FORMAT, **snapshot.state}, allow_nan=False, default=History.state)
        files = [
            self.storage.write(folder / TENSORS, safetensors.torch.save(tensors)),
            self.storage.write(folder / STATE, state.encode()),
        ]
        hashes = {TENSORS: files[0].sha256, STATE: files[1].sha256}
        size_bytes = sum(file.size_bytes for file in files)
        return Written(new_id(), folder, snapshot.step, snapshot.epoch, is_best, size_bytes, hashes)

    def register(self, session: Session, written: list[Written]) -> None:
        """Add rows, and drop the checkpoints that are no longer kept: their files go once this is committed."""
        for one in written:
            self._add(session, one)
        session.flush()
        self.drop(session, [row for row in self.rows(session)[self.keep :] if not row.is_best])

    def _add(self, session: Session, written: Written) -> None:
        job_id, attempt = self.job.claim.job_id, self.job.claim.attempt
        path = self.storage.relative(written.folder)
        # Written again after a rewind within one attempt: the same place, so the same row.
        session.execute(delete(Checkpoint).where(Checkpoint.job_id == job_id, Checkpoint.path == path))
        if written.is_best:
            session.execute(update(Checkpoint).where(Checkpoint.job_id == job_id).values(is_best=False))
        session.add(
            Checkpoint(
                id=written.id,
                job_id=job_id,
                attempt=attempt,
                step=written.step,
                epoch=written.epoch,
                path=path,
                size_bytes=written.size_bytes,
                sha256=written.sha256,
                is_best=written.is_best,
                created_at=now(),
            )
        )

    def drop(self, session: Session, rows: list[Checkpoint]) -> None:
        """Delete rows now, and their files when that is committed."""
        paths = [row.path for row in rows]
        session.execute(delete(Checkpoint).where(Checkpoint.id.in_([row.id for row in rows])))
        event.listen(session, "after_commit", lambda _: self._remove(paths), once=True)

    def _remove(self, paths: list[str]) -> None:
        for path in paths:
            self.storage.remove(*path.split("/"))

    def rows(self, session: Session) -> list[Checkpoint]:
        """The checkpoints of the job, newest first."""
        query = select(Checkpoint).where(Checkpoint.job_id == self.job.claim.job_id)
        return list(session.scalars(query.order_by(Checkpoint.attempt.desc(), Checkpoint.step.desc())))

    def newest(self, before: float = math.inf) -> tuple[Snapshot | None, list[Checkpoint]]:
        """The newest before a step that can be read, and those passed over: damaged, or of another version."""
        with self.job.db.read() as session:
            rows = [row for row in self.rows(session) if row.step < before]
        damaged: list[Checkpoint] = []
        for row in rows:
            if snapshot := self._load(row):
                return snapshot, damaged
            damaged.append(row)
        return None, damaged

    def best(self, upto: int) -> Snapshot | None:
        """The one that is called best, of those up to a step; None where there is none that can be read."""
        with self.job.db.read() as session:
            rows = [row for row in self.rows(session) if row.is_best and row.step <= upto]
        return self._load(rows[0]) if rows else None

    def _load(self, row: Checkpoint) -> Snapshot | None:
        contents: dict[str, bytes] = {}
        for name, sha256 in row.sha256.items():
            try:
                contents[name] = (self.storage.resolve(row.path) / name).read_bytes()
            except OSError:
                return None
            if hashlib.sha256(contents[name]).hexdigest() != sha256:
                return None
        state = json.loads(contents[STATE])
        if state["format"] != _FORMAT:
            return None
        return Snapshot(safetensors.torch.load(contents[TENSORS]), state)
