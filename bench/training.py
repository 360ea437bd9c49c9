"""Training: Traindeck's loop with every step recorded durably, beside the loop written by hand and other libraries.

By hand: DataLoader, `model(x)`, loss, backward, `optimizer.step()`, `loss.item()` each step, plain torch modules. All
train the same programs on the same data, in turns, after a round that does not count. Each has a process of its own,
for what a library sets for its process is its own affair; Traindeck's is made ready as that of a run. What
`bench.peers` needs and is not installed is left out.
"""

import gc
import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
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
        model, batch_size = ModelSpec.model_validate(program.body["model"]), trainer.plan.batches.batch_size
        torch.set_num_threads(devices.num_threads(model, program.input_shape, batch_size, slots=1))
        began = time.perf_counter()
        with trainer.read_along():
            trainer.fit()
        job.flush()
        took = time.perf_counter() - began
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


class Lane:
    """A process in which one loop trains program after program."""

    def __init__(self, name: str) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, theirs), daemon=True)
        self._process.start()

    def train(self, program: Program) -> float:
        """Seconds that its loop takes."""
        self._connection.send(program.title)
        return float(self._connection.recv())

    def close(self) -> None:
        """End it."""
        self._connection.send(None)
        self._process.join()


def _serve(name: str, connection: Connection) -> None:
    warnings.filterwarnings("ignore", message="Using padding='same' with even kernel")
    programs = {program.title: program for program in PROGRAMS}
    with _loop(name) as loop:
        while (title := connection.recv()) is not None:
            program = programs[title]
            connection.send(loop(program, *program.data()))


@contextmanager
def _loop(name: str) -> Iterator[Loop]:
    if name != _OURS:
        yield by_hand if name == _BY_HAND else PEERS[name]
        return
    import worker.preload  # noqa: F401, as every process of a run begins

    with tempfile.TemporaryDirectory() as folder, closing(Here(Path(folder))) as here:
        yield here.train
    gc.unfreeze()  # else libraries would report as lost what nobody looks through at the end


def measure(program: Program, lanes: dict[str, Lane]) -> list[str]:
    """One row of the table: a step's time, and how many times as long each of the others takes for it."""
    times: dict[str, list[float]] = {name: [] for name in lanes}
    for _ in range(ROUNDS + 1):
        for name, lane in lanes.items():
            times[name].append(lane.train(program))
    counted = {name: [seconds / program.num_steps for seconds in some[1:]] for name, some in times.items()}
    ours = counted.pop(_OURS)
    others = [ratios(ours, theirs) for theirs in counted.values()]
    return [program.title, f"{program.num_steps:,}", spread(ours, "us"), *others]


def main() -> None:
    asked = sys.argv[1:]
    programs = [one for one in PROGRAMS if not asked or any(one.title.startswith(word) for word in asked)]
    names = [_OURS, _BY_HAND, *(name for name in PEERS if importlib.util.find_spec(name.lower()))]
    with ExitStack() as stack:
        lanes = {name: stack.enter_context(closing(Lane(name))) for name in names}
        rows = [measure(program, lanes) for program in programs]
    show(
        f"A training step, {torch.get_num_threads()} threads, median of {ROUNDS} rounds (least to most), and how many "
        "times as long the others take",
        ["program", "steps", "Traindeck, every step recorded", *names[1:]],
        rows,
    )


if __name__ == "__main__":
    main()
