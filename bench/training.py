"""Training: Traindeck's loop with every step recorded durably, beside the loop written by hand and other libraries.

By hand: DataLoader, `model(x)`, loss, backward, `optimizer.step()`, `loss.item()` each step, plain torch modules. All
train the same programs on the same data, in turns, after a round that does not count. What `bench.peers` needs and is
not installed is left out.
"""

import gc
import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from app import queue
from app.db import Database, now
from app.db.migrate import migrate
from app.db.tables import Worker
from app.queue import JobKind
from app.settings import Settings
from app.specs.model import ModelSpec
from app.transforms import Preprocessing, Target
from bench.peers import PEERS, Loop
from bench.programs import PROGRAMS, Program
from bench.table import ratios, show, spread
from worker.job import Job
from worker.train import device as devices
from worker.train.batches import Part
from worker.train.setup import assemble
from worker.train.trainer import Trainer

ROUNDS = 5
_OURS, _BY_HAND = "Traindeck", "by hand"


def by_hand(program: Program, inputs: Tensor, targets: Tensor) -> float:
    """Seconds that the loop written by hand takes."""
    torch.manual_seed(0)
    model = program.by_hand()
    optimizer, loss_of = program.optimizer(model), program.loss
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=program.batch_size, shuffle=True)
    losses = []
    began = time.perf_counter()
    for _ in range(program.num_epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return time.perf_counter() - began


class Here:
    """Traindeck's own loop, with a database to record in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
        migrate(self._database)
        with self._database.write() as session:
            described: dict[str, Any] = {"devices": [], "versions": {}, "started_at": now(), "heartbeat_at": now()}
            session.add(Worker(id="bench", name="bench", host="bench", pid=0, slots=1, **described))

    def train(self, program: Program, inputs: Tensor, targets: Tensor) -> float:
        """Seconds that it takes, until the last of its points is durable."""
        job = self._job()
        trainer = Trainer(job, assemble_program(program, inputs, targets))
        usual = torch.get_num_threads()
        model, batch_size = ModelSpec.model_validate(program.body["model"]), trainer.plan.batches.batch_size
        torch.set_num_threads(devices.num_threads(model, program.input_shape, batch_size, slots=1))
        began = time.perf_counter()
        with trainer.read_along():
            trainer.fit()
        job.flush()
        took = time.perf_counter() - began
        torch.set_num_threads(usual)
        job.close()
        return took

    def _job(self) -> Job:
        with self._database.write() as session:
            queue.enqueue(session, JobKind.TRAIN, {})
            claim = queue.claim(session, "bench", lease_s=600)
        assert claim is not None
        return Job(claim, self._database, Settings(data_dir=self._folder))

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()


def assemble_program(program: Program, inputs: Tensor, targets: Tensor) -> Any:
    """The plan of a program on data that are ready."""
    preprocessing = Preprocessing(
        steps=[],
        input_shape=list(program.input_shape),
        input_dtype="int64" if program.takes_integers else "float32",
        target=Target(name="y", classes=list(range(program.num_classes)) if program.num_classes else None),
        loss=program.training.loss_type,
    )
    model, parts = ModelSpec.model_validate(program.body["model"]), {"train": Part(inputs, targets)}
    return assemble("bench", model, program.training, parts, preprocessing, torch.device("cpu"))


def measure(program: Program, loops: dict[str, Loop]) -> list[str]:
    """One row of the table: a step's time, and how many times as long each of the others takes for it."""
    inputs, targets = program.data()
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(ROUNDS + 1):
        for name, loop in loops.items():
            times[name].append(loop(program, inputs, targets))
    counted = {name: [seconds / program.num_steps for seconds in some[1:]] for name, some in times.items()}
    ours = counted.pop(_OURS)
    others = [ratios(ours, theirs) for theirs in counted.values()]
    return [program.title, f"{program.num_steps:,}", spread(ours, "us"), *others]


def _installed() -> dict[str, Callable[[Program, Tensor, Tensor], float]]:
    return {name: loop for name, loop in PEERS.items() if importlib.util.find_spec(name.lower())}


def main() -> None:
    warnings.filterwarnings("ignore", message="Using padding='same' with even kernel")
    gc.collect()
    gc.freeze()  # as the process of a run has it, for all alike
    asked = sys.argv[1:]
    programs = [one for one in PROGRAMS if not asked or any(one.title.startswith(word) for word in asked)]
    with tempfile.TemporaryDirectory() as name:
        here = Here(Path(name))
        loops: dict[str, Loop] = {_OURS: here.train, _BY_HAND: by_hand, **_installed()}
        rows = [measure(program, loops) for program in programs]
        here.close()
    show(
        f"A training step, {torch.get_num_threads()} threads, median of {ROUNDS} rounds (least to most), and how many "
        "times as long the others take",
        ["program", "steps", "Traindeck, every step recorded", *list(loops)[1:]],
        rows,
    )


if __name__ == "__main__":
    main()
