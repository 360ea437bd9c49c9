"""DistributedDataParallel against one process: the same steps on the same batches, to rounding.

Two processes are started once, train every case one after the other, and are compared with a process that is alone.
"""

import os
import signal
import tempfile
import time
from multiprocessing import set_forkserver_preload
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch.distributed.launcher.api import elastic_launch

from app.db import Database
from app.db.tables import Job as JobRow
from app.queue import Claim, JobStatus
from app.settings import Settings
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Head, Preprocessing, Target
from worker import launch
from worker.job import Silent
from worker.train.batches import Part
from worker.train.plan import Plan
from worker.train.setup import assemble
from worker.train.several import Follower
from worker.train.team import Team
from worker.train.trainer import Trainer

from .conftest import CPU, Bench

CLASSES = ["a", "b", "c", "d"]
HIDDEN: list[dict[str, Any]] = [{"type": "linear", "out_features": 12}, {"type": "tanh"}]
CONVOLUTIONS: list[dict[str, Any]] = [
    {"type": "conv2d", "out_channels": 5, "kernel_size": 3, "padding": 1, "l2": 0.001},
    {"type": "relu"},
    {"type": "max_pool2d", "kernel_size": 2},
    {"type": "flatten"},
]
FOUR: list[dict[str, Any]] = [{"type": "linear", "out_features": 4}]
ONE: list[dict[str, Any]] = [{"type": "linear", "out_features": 1}]
HEADS: list[dict[str, Any]] = [
    {"type": "linear", "out_features": 8, "name": "trunk"},
    {"type": "linear", "out_features": 4, "name": "kind"},
    {"type": "linear", "inputs": ["trunk"], "out_features": 1, "name": "size"},
]
ENTROPY: dict[str, Any] = {"loss": {"type": "cross_entropy"}, "metrics": [{"type": "accuracy"}, {"type": "f1"}]}
WEIGHED: dict[str, Any] = {"loss": {"type": "cross_entropy", "weight": {"a": 3, "b": 1, "c": 0.5, "d": 1}}}
ERROR: dict[str, Any] = {"loss": {"type": "mse_loss"}, "metrics": [{"type": "rmse"}, {"type": "r2"}]}
SEARCH = {"type": "lbfgs", "lr": 0.1, "max_iter": 3, "history_size": 4}
OF_HEADS: dict[str, Any] = {
    "outputs": {
        "kind": {"loss": WEIGHED["loss"], "metrics": [{"type": "accuracy"}]},
        "size": {"loss": {"type": "l1_loss"}, "weight": 0.3, "metrics": [{"type": "mae"}]},
    }
}


LONG: dict[str, Any] = {"num_epochs": 9}  # of six steps


class Case(NamedTuple):
    """A model, how it trains, and the shape of a row."""

    layers: list[dict[str, Any]]
    training: dict[str, Any]
    shape: tuple[int, ...] = (6,)


# 41 rows in batches of 8: the last has one row, and there is nothing in it for the second process.
CASES: dict[str, Case] = {
    "numbers": Case([*HIDDEN, *ONE], ERROR | LONG),
    "classes": Case([*HIDDEN, *FOUR], ENTROPY | LONG | {"max_grad_norm": 0.5}),
    "classes that count": Case([*HIDDEN, *FOUR], WEIGHED),
    "an odd batch": Case([*HIDDEN, *FOUR], ENTROPY | {"batch_size": 7}),
    "convolutions": Case([*CONVOLUTIONS, *FOUR], ENTROPY | LONG, (3, 8, 8)),
    "in pieces": Case([*CONVOLUTIONS, *FOUR], ENTROPY | LONG | {"micro_batch_size": 3}, (3, 8, 8)),
    "several outputs": Case(HEADS, OF_HEADS),
    # Without a line search, of all rows: the last digit decides where a search ends, in pieces of one process too.
    "a search": Case(
        [*HIDDEN, *ONE],
        ERROR | {"batch_size": None, "num_epochs": 12, "optimizer": SEARCH},
    ),
    "thawing": Case([HIDDEN[0] | {"freeze": True, "unfreeze_after": 3}, HIDDEN[1], *FOUR], ENTROPY),
    "a mean of weights": Case([*HIDDEN, *FOUR], ENTROPY | {"ema": {"decay": 0.9}, "schedule": {"type": "one_cycle"}}),
}


class Trained(NamedTuple):
    """What a training has left."""

    losses: list[float]
    grad_norms: list[float]
    epochs: dict[str, list[float]]
    weights: dict[str, torch.Tensor]
    lines: list[str]


class Heard(Silent):
    """A job that says nothing, and keeps the curves and the log."""

    def __init__(self, claim: Claim, db: Database, settings: Settings) -> None:
        super().__init__(claim, db, settings)
        self.points: dict[str, list[float]] = {}
        self.lines: list[str] = []

    def log(self, text: str, level: str = "info") -> None:
        self.lines.append(text)

    def metrics(self, name: str, steps: Any, values: Any) -> None:
        self.points.setdefault(name, []).extend(values)


def make_plan(case: Case, team: Team | None = None) -> Plan:
    generator = torch.Generator().manual_seed(2)
    inputs = torch.rand(61, *case.shape, generator=generator)
    kinds, sizes = torch.randint(4, (61,), generator=generator), torch.randn(61, 1, generator=generator)
    heads, targets = None, kinds if case.training.get("loss", {}).get("type") == "cross_entropy" else sizes
    target = Target(name="y", classes=CLASSES if targets is kinds else None)
    if "outputs" in case.training:
        targets = torch.cat([kinds.unsqueeze(1).float(), sizes], 1)
        heads = [
            Head(name="kind", shape=[4], loss="cross_entropy", target=Target(name="kind", classes=CLASSES)),
            Head(name="size", shape=[1], loss="l1_loss", target=Target(name="size")),
        ]
        target = Target(name="kind, size", heads=heads)
    parts = {"train": Part(inputs[:41], targets[:41]), "validation": Part(inputs[41:], targets[41:])}
    said = {"num_epochs": 3, "batch_size": 8, "seed": 3, "optimizer": {"type": "adam", "lr": 0.01}, "watch_every": 0}
    training = TrainingSpec.model_validate(said | case.training)
    spec: dict[str, Any] = {"layers": case.layers} | ({"outputs": ["kind", "size"]} if heads else {})
    loss = "weighted_sum" if heads else training.loss_type
    how = Preprocessing(steps=[], input_shape=list(case.shape), input_dtype="float32", target=target, loss=loss)
    return assemble("a-run", ModelSpec.model_validate(spec), training, parts, how, CPU, team=team)


def lead(case: Case, folder: Path, team: Team | None = None) -> Trained:
    claim = Claim("a-job", "train", {"run_id": "a-run"}, 1, None, 0)
    job = Heard(claim, Database(f"sqlite:///{folder}/never-opened"), Settings(data_dir=folder))
    trainer = Trainer(job, make_plan(case, team))
    with trainer.lead:
        trainer.fit()
    points = job.points
    epochs = {name: values for name, values in points.items() if name.startswith(("train/", "validation/"))}
    losses, norms = epochs.pop("train/loss"), points["optimizer/grad_norm"]
    lines = [line for line in job.lines if line.startswith("epoch ")]
    return Trained(losses, norms, epochs, trainer.plan.model.state_dict(), lines)


def train_all(folder: str) -> dict[str, Any]:
    """Every case, as a process that was launched. Returns by case what rank 0 has, and the weights of others."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for i, (name, case) in enumerate(CASES.items()):
        place = Path(folder) / str(i)
        place.mkdir(exist_ok=True)
        team = Team.join(place, "cpu", seed=3)
        if team.rank == 0:
            found[name] = lead(case, place, team)
        else:
            plan = make_plan(case, team)
            Follower(plan, lambda: None).follow()
            found[name] = plan.model.state_dict()
    torch.save(found, Path(folder) / f"found-{team.rank}")
    return {}


@pytest.fixture(scope="module")
def launched() -> Any:
    set_forkserver_preload(["worker.preload", "worker.launch"])
    with tempfile.TemporaryDirectory() as name:
        elastic_launch(launch._config(Path(name), Claim("a-job", "train", {}, 1, None, 0), 2), train_all)(name)
        return [torch.load(Path(name) / f"found-{rank}", weights_only=False) for rank in range(2)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(launched: Any, name: str, tmp_path: Path) -> None:
    first, second = launched[0][name], launched[1][name]
    alone = lead(CASES[name], tmp_path)
    assert first.losses == pytest.approx(alone.losses, rel=2e-5, abs=1e-6)
    assert first.grad_norms == pytest.approx(alone.grad_norms, rel=2e-4, abs=1e-6)
    assert first.epochs.keys() == alone.epochs.keys()
    for series, values in alone.epochs.items():
        assert first.epochs[series] == pytest.approx(values, rel=2e-5, abs=1e-6), series
    for key, weight in alone.weights.items():
        torch.testing.assert_close(first.weights[key], weight, rtol=2e-4, atol=1e-5)
        assert torch.equal(first.weights[key], second[key]), "the processes have the same weights, bit for bit"


@pytest.mark.parametrize("name", CASES)
def test_the_log_has_each_epochs_own_figures(launched: Any, name: str) -> None:
    first = launched[0][name]
    series = {one.replace("epoch_loss", "loss"): values for one, values in first.epochs.items()}
    if "train/loss" not in series:  # an epoch of one step
        series["train/loss"] = first.losses
    num_epochs = len(series["validation/loss"])
    assert len(first.lines) == num_epochs
    for i, line in enumerate(first.lines):
        title, _, told = line.partition(": ")
        assert title == f"epoch {i + 1} of {num_epochs}"
        assert set(told.split(", ")) == {f"{one} {values[i]:.4g}" for one, values in series.items()}


def stumble(asked: launch.Asked, stop: Any) -> None:
    """The part of a process that fails as rank 1, while rank 0 is at work."""
    if os.environ["RANK"] == "0":
        time.sleep(60)
    with launch.telling(asked, Silent(asked.claim, Database(asked.settings.database_url), asked.settings)):
        raise ArithmeticError("it stumbled")


def test_an_error_of_one_process_fails_the_run_and_says_which_and_where(bench: Bench) -> None:
    job = bench.claim()
    job.close()
    usual = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)}
    begun_at = time.monotonic()
    try:
        launch.launch(job.claim, bench.db, bench.settings, {"num_processes": 2}, stumble)
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
    assert time.monotonic() - begun_at < 50, "nobody waited for rank 0"
    with bench.db.read() as session:
        row = session.get_one(JobRow, bench.job_id)
    assert row.status == JobStatus.FAILED
    assert row.error is not None and row.error["rank"] == 1
    assert row.error["message"] == "Rank 1 of 2 processes: ArithmeticError: it stumbled"


@pytest.mark.parametrize("num_rows", [1, 2, 7, 8])
@pytest.mark.parametrize("size", [2, 3, 8])
def test_every_row_of_a_batch_is_in_one_share(size: int, num_rows: int) -> None:
    rows = list(range(num_rows))
    shares: list[list[int]] = [rows[Team(rank, size).rows(num_rows)] for rank in range(size)]
    assert [row for share in shares for row in share] == rows
    assert shares[0] and max(map(len, shares)) - min(map(len, shares)) <= 1
