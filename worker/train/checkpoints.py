"""Checkpoints: the whole state of a training at one step, from which it goes on bit for bit.

A folder `runs/<run>/<attempt>/step-<n>/` with tensors as safetensors and the rest as JSON. The files are durable
before their row is committed, together with everything recorded so far; a folder without a row does not exist.
"""

import hashlib
import json
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

TENSORS, STATE = "tensors.safetensors", "state.json"
_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds: tensors by name, and state that JSON can say."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]

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


@dataclass(frozen=True)
class Written:
    """A checkpoint whose files are durable, and whose row is still to be committed."""

    id: str
    folder: Path
    step: int
    epoch: int
    score: float | None
    size_bytes: int
    sha256: dict[str, str]

    def event(self) -> dict[str, Any]:
        """The body of the "checkpoint" event."""
        return {"id": self.id, "step": self.step, "epoch": self.epoch, "size_bytes": self.size_bytes}


class Checkpoints:
    """The checkpoints of one job: written, found again, and thinned out."""

    def __init__(self, job: Job, run_id: str, keep: int) -> None:
        self.job, self.run_id, self.keep = job, run_id, keep
        self.storage: Storage = job.storage

    def save(self, snapshot: Snapshot, *, step: int, epoch: int, is_best: bool) -> None:
        """Write a checkpoint, commit it with everything recorded so far, then drop the files of older ones."""
        written = self.write(snapshot, step=step, epoch=epoch)
        told = events.New("checkpoint", written.event() | {"is_best": is_best})
        self.job.commit(lambda session: self._settle(session, written, is_best=is_best), events=[told])

    def _settle(self, session: Session, written: Written, *, is_best: bool) -> None:
        self.register(session, written, is_best=is_best)
        queue.sound(session, self.job.claim)

    def write(self, snapshot: Snapshot, *, step: int, epoch: int) -> Written:
        """Make the files durable; the row is for `register`."""
        attempt = str(self.job.claim.attempt)
        folder = self.storage.folder("runs", self.run_id, attempt, f"step-{step}")
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in snapshot.tensors.items()}
        state = {"format": _FORMAT, "step": step, "epoch": epoch, **snapshot.state}
        files = [
            self.storage.write(folder / TENSORS, safetensors.torch.save(tensors)),
            self.storage.write(folder / STATE, json.dumps(state, allow_nan=False).encode()),
        ]
        hashes = {TENSORS: files[0].sha256, STATE: files[1].sha256}
        return Written(new_id(), folder, step, epoch, None, sum(file.size_bytes for file in files), hashes)

    def register(self, session: Session, written: Written, *, is_best: bool) -> None:
        """Add the row, and drop the checkpoints that are no longer kept: their files go once this is committed."""
        job_id, attempt = self.job.claim.job_id, self.job.claim.attempt
        path = self.storage.relative(written.folder)
        # Written again after a rewind within one attempt: the same place, so the same row.
        session.execute(delete(Checkpoint).where(Checkpoint.job_id == job_id, Checkpoint.path == path))
        if is_best:
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
                is_best=is_best,
                created_at=now(),
            )
        )
        session.flush()
        self.drop(session, [row for row in self.rows(session)[self.keep :] if not row.is_best])

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

    def newest(self) -> tuple[Snapshot | None, list[Checkpoint]]:
        """The newest checkpoint whose files are what was written, and the damaged ones that were passed over."""
        with self.job.db.read() as session:
            rows = self.rows(session)
        damaged: list[Checkpoint] = []
        for row in rows:
            if snapshot := self._load(row):
                return snapshot, damaged
            damaged.append(row)
        return None, damaged

    def _load(self, row: Checkpoint) -> Snapshot | None:
        contents: dict[str, bytes] = {}
        for name, sha256 in row.sha256.items():
            try:
                contents[name] = (self.storage.resolve(row.path) / name).read_bytes()
            except OSError:
                return None
            if hashlib.sha256(contents[name]).hexdigest() != sha256:
                return None
        return Snapshot(safetensors.torch.load(contents[TENSORS]), json.loads(contents[STATE]))
