"""Memory that really runs out: this process may map only so much more of it."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from sqlalchemy import select
from torch import nn

from app import events
from app.db.tables import Checkpoint, Job, Run
from tests.inline import TRAINING, Inline
from tests.worker.train.conftest import Bench, make_plan
from worker import child
from worker.train.checkpoints import STATE
from worker.train.doctor import case_of
from worker.train.findings.finding import Finding
from worker.train.shortage import Fitted, Shortage
from worker.train.trainer import Trainer

from .findings.programs import program

Body = dict[str, Any]
MIB = 1 << 20
BATCH = 256


@pytest.fixture
def inline(tmp_path: Path) -> Iterator[Inline]:
    child.preload()  # what is imported takes room, and so does what is set up once
    one = Inline(tmp_path)
    one.train(wide(batch_size=8, rows=40))
    yield one
    one.close()


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Meanwhile the process may map so many bytes more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def wide(batch_size: int = BATCH, rows: int = 440, **training: Any) -> Body:
    """Of each row 1 MiB come out of a layer, twice; weights are few."""
    layers = [
        {"type": "linear", "out_features": 4},
        {"type": "reshape", "shape": [1, 2, 2]},
        {"type": "upsample", "size": [512, 512], "name": "wider"},
        {"type": "relu"},
        {"type": "adaptive_avg_pool2d", "output_size": [1, 1]},
        {"type": "flatten"},
        {"type": "linear", "out_features": 1},
    ]
    return program("moons", layers, rows=rows, batch_size=batch_size, **{"num_epochs": 1, "watch_every": 0} | training)


def ended(inline: Inline, body: Body) -> tuple[Run, Job]:
    run_id = inline.submit(body)
    inline.work(TRAINING)
    with inline.db.read() as session:
        run = session.get_one(Run, run_id)
        return run, session.get_one(Job, run.job_id)


def told(inline: Inline, run: Run, kind: str) -> list[Body]:
    with inline.db.read() as session:
        return [event.body for event in events.read(session, run.job_id, limit=10**6, kinds=[kind])]


def fitted(inline: Inline, run: Run) -> Body:
    return [one for one in told(inline, run, "finding") if one["kind"] == "fitted_memory"][-1]


def test_a_run_without_room_says_how_much_where_and_what_would_fit(inline: Inline) -> None:
    with at_most(200 * MIB):
        run, job = ended(inline, wide())
    error = job.error
    assert error is not None
    assert error["kind"] == "out_of_memory"
    assert (error["place"], error["layer"], error["needed_bytes"]) == ("forward", "wider", BATCH * MIB)
    assert "256 MiB more were needed in layer wider (upsample), on the way forward" in error["message"]
    (finding,) = told(inline, run, "finding")
    proposed = error["rows_at_once"]
    assert finding["patch"] == {"training": {"micro_batch_size": proposed, "fit_memory": True}}
    assert proposed in (16, 32, 64)


def test_a_run_that_may_takes_fewer_rows_at_once(inline: Inline) -> None:
    with at_most(200 * MIB):
        run, job = ended(inline, wide(fit_memory=True))
    assert job.status == "succeeded", job.error
    finding = fitted(inline, run)
    assert told(inline, run, "preflight")[-1]["rows_at_once"] == finding["patch"]["training"]["micro_batch_size"]


@pytest.mark.full
def test_a_run_whose_memory_is_taken_goes_on_from_its_checkpoint(
    inline: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    tend = Trainer._tend
    limits: list[Any] = []

    def take_memory(trainer: Trainer) -> None:
        tend(trainer)
        if trainer.step == 1 and not limits:
            trainer.save()
            limits.append(at_most(200 * MIB))
            limits[0].__enter__()

    monkeypatch.setattr(Trainer, "_tend", take_memory)
    try:
        run, job = ended(inline, wide(fit_memory=True, num_epochs=2))
    finally:
        limits[0].__exit__(None, None, None)
    assert job.status == "succeeded", job.error
    assert {one["to_step"] for one in told(inline, run, "rewind")} == {1}
    assert inline.series(run, "train/loss")[0] == [1, 2, 3, 4]
    finding = fitted(inline, run)
    with inline.db.read() as session:
        rows = list(session.scalars(select(Checkpoint).where(Checkpoint.job_id == run.job_id, Checkpoint.step == 4)))
    state = json.loads((inline.storage.resolve(rows[0].path) / STATE).read_text())
    assert state["micro_batch_size"] == finding["patch"]["training"]["micro_batch_size"] < BATCH
    assert finding["step"] == 2
    said = inline.train(wide(micro_batch_size=state["micro_batch_size"], num_epochs=2))
    assert inline.series(run, "train/loss")[1] == pytest.approx(inline.series(said, "train/loss")[1], rel=1e-4)


def test_what_was_fitted_is_taken_up(bench: Bench) -> None:
    first = Trainer(bench.claim(), make_plan(bench.run_id))
    first.plan.fit_into(2)
    first.save()
    second = Trainer(bench.claim(), make_plan(bench.run_id))
    second.resume()
    assert second.plan.micro_batch_size == 2


class Greedy(nn.Module):
    """Asks for more than any machine has, on the way that it is told."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.weight = way, nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.way == "forward" or (self.way == "evaluation" and not self.training):
            torch.empty(1 << 50)
        return _Ask.apply(x * self.weight, self.way)


class _Ask(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, way: str) -> torch.Tensor:
        ctx.way = way
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        if ctx.way == "backward":
            torch.empty(1 << 50)
        return gradient, None


@pytest.mark.parametrize("way", ["forward", "backward", "evaluation"])
def test_where_memory_ran_out_is_told(bench: Bench, way: str) -> None:
    plan = make_plan(bench.run_id, layers=["0", "5"])
    assert isinstance(plan.model, nn.Sequential)
    plan.model.append(Greedy(way))
    trainer = Trainer(bench.claim(), plan)
    with pytest.raises(RuntimeError) as failure:
        trainer.fit()
    short = Shortage.of(failure.value, (plan, case_of(plan), trainer.step))
    assert (short.place, short.layer) == (way, "" if way == "backward" else "5")
    assert (short.needed, short.num_rows) == (4 << 50, 21 if way == "evaluation" else 5)


def test_memory_that_runs_out_in_the_loss_runs_out_on_the_way_forward(bench: Bench) -> None:
    plan = make_plan(bench.run_id, layers=["0"])
    plan.judge = replace(plan.judge, loss=lambda outputs, targets: torch.empty(1 << 50))
    trainer = Trainer(bench.claim(), plan)
    with pytest.raises(RuntimeError) as failure:
        trainer.fit()
    short = Shortage.of(failure.value, (plan, case_of(plan), trainer.step))
    assert (short.place, short.layer) == ("forward", "")
    assert "in the loss, on the way forward" in short.in_words


def test_what_was_fitted_before_holds_on() -> None:
    learning = Fitted(8, 8, Finding("fitted_memory", "", "", 0, ""))
    judging = Fitted(None, 4, Finding("fitted_judging", "", "", 0, ""))
    both = judging.after(learning)
    assert (both.rows_at_once, both.judged_at_once) == (8, 4)
    assert learning.after(both).rows_at_once == 8
    assert judging.after(None) == judging
