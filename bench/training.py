"""Training: Traindeck's loop with every step recorded durably, beside the loop that a PyTorch user writes by hand.

By hand: DataLoader, `model(x)`, loss, backward, `optimizer.step()`, `loss.item()` each step, plain torch modules. Both
train the gallery's programs 1 to 5 on generated data of the same shapes, in turns, after a round that does not count.
"""

import json
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from app import queue
from app.db import Database, now
from app.db.migrate import migrate
from app.db.tables import Worker
from app.queue import JobKind
from app.settings import Settings
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Preprocessing, Target
from bench.table import show, spread
from worker.job import Job
from worker.train import device as devices
from worker.train.batches import Part
from worker.train.setup import assemble
from worker.train.trainer import Trainer

ROUNDS = 5
EXAMPLES = Path(__file__).parents[1] / "examples"


class _Recurrent(nn.Module):
    """Program 5. Torch's LSTM has no dropout on its state, so whoever wants it steps an LSTMCell."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(1000, 64), nn.Dropout(0.2)
        self.cell, self.head = nn.LSTMCell(64, 32), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x)
        x = x * self.dropout(x.new_ones(len(x), 1, 64))
        h = c = x.new_zeros(len(x), 32)
        mask = self.dropout(torch.ones_like(h))
        for step in x.unbind(1):
            h, c = self.cell(step, (h * mask, c))
        return torch.sigmoid(self.head(h))


def _digits() -> nn.Module:
    lrn = [nn.LocalResponseNorm(11, alpha=0.0011) for _ in range(3)]
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 6, padding="same"), nn.ReLU(), lrn[0]),
        *(nn.Conv2d(6, 12, 5, stride=2, padding=2), nn.ReLU(), lrn[1]),
        *(nn.Conv2d(12, 24, 4, stride=2, padding=1), nn.ReLU(), lrn[2], nn.Flatten()),
        *(nn.Linear(24 * 7 * 7, 128), nn.Tanh(), nn.Dropout(0.2)),
        *(nn.Linear(128, 256), nn.Tanh(), nn.Dropout(0.2), nn.Linear(256, 10)),
    )


def _dense(*sizes: int, between: type[nn.Module], last: type[nn.Module] = nn.Identity) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), between()]
    return nn.Sequential(*layers[:-1], last())


@dataclass(frozen=True)
class Program:
    """A gallery program: its data's shape, its classes if any, and its model in plain torch."""

    title: str
    example: str
    num_rows: int
    input_shape: tuple[int, ...]
    num_classes: int | None
    by_hand: Callable[[], nn.Module]
    num_epochs: int

    @property
    def takes_integers(self) -> bool:
        return self.example == "sequences"

    def data(self) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        shape = (self.num_rows, *self.input_shape)
        inputs = torch.rand(shape, generator=generator)
        if self.takes_integers:
            inputs = (inputs * 1000).long()
        if self.num_classes is not None and self.num_classes > 2:
            return inputs, torch.randint(self.num_classes, (self.num_rows,), generator=generator)
        return inputs, (torch.rand(self.num_rows, 1, generator=generator) < 0.5).float()


def _sigmoids() -> nn.Module:
    return _dense(2, 4, 1, between=nn.Sigmoid, last=nn.Sigmoid)


PROGRAMS = (
    Program("1 celsius", "celsius", 7, (1,), None, lambda: nn.Linear(1, 1), 500),
    Program("2a xor", "xor-descent", 4, (2,), None, _sigmoids, 1000),
    Program("2b xor, Adam", "xor-adam", 4, (2,), None, _sigmoids, 1000),
    Program("3 heart", "heart-scaled", 303, (13,), None, lambda: _dense(13, 256, 128, 64, 1, between=nn.ReLU), 50),
    Program("4 digits", "digits", 6000, (1, 28, 28), 10, _digits, 1),
    Program("5 sequences", "sequences", 1000, (100,), 2, _Recurrent, 2),
)


def by_hand(program: Program, body: dict[str, Any], inputs: Tensor, targets: Tensor) -> float:
    """Seconds that the loop written by hand takes."""
    training = body["training"]
    torch.manual_seed(0)
    model = program.by_hand()
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[training["optimizer"]["type"]](
        model.parameters(), lr=training["optimizer"]["lr"]
    )
    loss_of = getattr(nn.functional, training["loss"]["type"])
    batch_size = training["batch_size"] or len(inputs)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=batch_size, shuffle=True)
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


def traindeck(program: Program, body: dict[str, Any], inputs: Tensor, targets: Tensor, job: Job) -> float:
    """Seconds that Traindeck takes, until the last of its points is durable."""
    training = TrainingSpec.model_validate(body["training"] | {"num_epochs": program.num_epochs})
    classes = list(range(program.num_classes)) if program.num_classes else None
    preprocessing = Preprocessing(
        steps=[],
        input_shape=list(program.input_shape),
        input_dtype="int64" if program.takes_integers else "float32",
        target=Target(name="y", classes=classes),
        loss=training.loss.type,
    )
    parts = {"train": Part(inputs, targets)}
    model = ModelSpec.model_validate(body["model"])
    plan = assemble("bench", model, training, parts, preprocessing, torch.device("cpu"))
    trainer = Trainer(job, plan)
    usual = torch.get_num_threads()
    torch.set_num_threads(devices.num_threads(model, program.input_shape, plan.batches.batch_size, slots=1))
    began = time.perf_counter()
    trainer.fit()
    job.flush()
    took = time.perf_counter() - began
    torch.set_num_threads(usual)
    return took


def _database(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
    migrate(database)
    with database.write() as session:
        described: dict[str, Any] = {"devices": [], "versions": {}, "started_at": now(), "heartbeat_at": now()}
        session.add(Worker(id="bench", name="bench", host="bench", pid=0, slots=1, **described))
    return database


def _job(database: Database, folder: Path) -> Job:
    with database.write() as session:
        queue.enqueue(session, JobKind.TRAIN, {})
        claim = queue.claim(session, "bench", lease_s=600)
    assert claim is not None
    return Job(claim, database, Settings(data_dir=folder))


def measure(program: Program, database: Database, folder: Path) -> list[str]:
    """One row of the table."""
    body = json.loads((EXAMPLES / f"{program.example}.json").read_text())
    inputs, targets = program.data()
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        theirs.append(by_hand(program, body, inputs, targets))
        job = _job(database, folder)
        ours.append(traindeck(program, body, inputs, targets, job))
        job.close()
    batch_size = body["training"]["batch_size"] or len(inputs)
    num_steps = program.num_epochs * -(-len(inputs) // batch_size)
    steps = [[seconds / num_steps for seconds in times[1:]] for times in (ours, theirs)]
    budget = "2×" if program.example == "digits" else "1×"
    ratio = median(b / a for a, b in zip(ours[1:], theirs[1:], strict=True))
    return [program.title, f"{num_steps:,}", spread(steps[0], "us"), spread(steps[1], "us"), f"{ratio:.2f}×", budget]


def main() -> None:
    warnings.filterwarnings("ignore", message="Using padding='same' with even kernel")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = _database(folder)
        rows = [measure(program, database, folder) for program in PROGRAMS]
        database.dispose()
    show(
        f"A training step, {torch.get_num_threads()} threads, median of {ROUNDS} rounds (least to most)",
        ["program", "steps", "Traindeck, every step recorded", "by hand", "times as fast", "budget"],
        rows,
    )


if __name__ == "__main__":
    main()
