"""What people change while it trains is done between two steps, and exactly there again after a crash."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from app import events, queue
from app.db.tables import Job as JobRow
from app.db.tables import Run
from app.specs.averages import EMA, SWA
from app.specs.schedules import AnySchedule, At, ConstantSchedule, CosineSchedule, PlateauSchedule
from worker import child
from worker.job import Job
from worker.train import averaging
from worker.train import trainer as training
from worker.train.changes import Changes
from worker.train.finish import finish
from worker.train.plan import Plan
from worker.train.schedules import Rates
from worker.train.setup import _rate
from worker.train.stopping import EarlyStopping
from worker.train.trainer import Trainer

from .conftest import Bench, make_plan, queue_run
from .test_trainer import Killed, bodies, checkpoints, curves, equal, tend_often, weights

__all__ = ["tend_often"]

STEPS_PER_EPOCH = 4
COSINE = CosineSchedule()
NEVER = 1e18
Script = dict[int, dict[str, Any]]  # what is asked once so many steps are done


@pytest.fixture(autouse=True)
def look_at_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is: else the best would depend on how long each took."""
    monkeypatch.setattr(training, "JUDGE_EVERY_S", 0.0)
    monkeypatch.setattr(training, "HOLD_SHARE", 1e9)


def plan_of(bench: Bench, schedule: AnySchedule | None = None, **changes: Any) -> Plan:
    """A cosine over the whole run, whose shape depends on the length, too, or another schedule."""
    rates = Rates.of(schedule or COSINE, 0.02, STEPS_PER_EPOCH, 6 * STEPS_PER_EPOCH, Changes())
    made = {"rate": rates.rate, "watched": rates.watched, "changes": rates.changes}
    return make_plan(bench.run_id, **(made | changes))


def cosine(lr: float, steps: Iterable[int], num_epochs: int = 6) -> list[float]:
    return [COSINE.rate(lr, At(step, STEPS_PER_EPOCH, num_epochs * STEPS_PER_EPOCH)) for step in steps]


def ask(job: Job, said: dict[str, Any]) -> None:
    with job.db.write() as session:
        queue.control(session, job.claim.job_id, said)
    job.flush()  # hears of it


class Asked(Trainer):
    """Asked for things between its steps; saved and killed where that is said."""

    def __init__(self, job: Job, plan: Plan, script: Script, save_at: int = 0, kill_at: int = 0) -> None:
        super().__init__(job, plan)
        self.script, self.save_at, self.kill_at = script, save_at, kill_at

    def _tend(self) -> None:
        if said := self.script.pop(self.step, None):
            ask(self.job, said)
        super()._tend()
        if self.step == self.save_at:
            self.save()
        if self.step == self.kill_at:
            self.recorder.flush()
            self.job.flush()
            raise Killed


def fit(trainer: Trainer) -> Trainer:
    trainer.resume()
    trainer.fit()
    trainer.job.flush()
    return trainer


def orders(bench: Bench) -> list[tuple[str, int | None, dict[str, Any] | None]]:
    with bench.db.read() as session:
        return [(row.said["type"], row.step, row.outcome) for row in queue.list_controls(session, bench.job_id)]


def standing(bench: Bench) -> list[dict[str, Any]]:
    """The events that say what was done, without those that a rewind took back."""
    found: list[dict[str, Any]] = []
    with bench.db.read() as session:
        for event in events.read(session, bench.job_id, kinds=["control", "rewind"]):
            if event.kind == "rewind":
                found = [one for one in found if one["step"] <= event.body["to_step"]]
            elif event.body["step"] is not None:
                found.append(event.body)
    return found


def script() -> Script:
    """The rate is changed within an epoch, twice; the run becomes longer; it stops beyond its first length."""
    return {
        6: {"type": "set_lr", "lr": 0.05},
        10: {"type": "set_num_epochs", "num_epochs": 9},
        13: {"type": "set_lr", "lr": 0.004},
        15: {"type": "checkpoint"},
        30: {"type": "stop", "keep": "best"},
    }


def ended(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The weights as they are, and those that are kept."""
    kept = trainer.kept
    assert kept is not None
    return weights(trainer) | {f"kept/{name}": value for name, value in kept.weights.items()}


def test_the_rate_and_the_length_hold_from_their_step_on(bench: Bench) -> None:
    trainer = Asked(bench.claim(), plan_of(bench), {5: {"type": "set_lr", "lr": 0.05}, 9: script()[10]})
    fit(trainer)
    assert trainer.step == 36
    expected = [*cosine(0.02, range(5)), *cosine(0.05, range(5, 9)), *cosine(0.05, range(9, 36), num_epochs=9)]
    assert curves(bench)["optimizer/lr"][1] == expected
    assert orders(bench) == [("set_lr", 5, None), ("set_num_epochs", 9, {"num_epochs": 9})]
    told = [(one["type"], one["step"], one.get("epoch")) for one in bodies(bench, "control")]
    assert told == [
        ("set_lr", None, None),
        ("set_lr", 5, 1),
        ("set_num_epochs", None, None),
        ("set_num_epochs", 9, 2),
    ]
    assert trainer.progress()["num_epochs"] == 9 and trainer.progress()["left_s"] == 0


def test_what_is_asked_of_a_training_that_waits_holds_from_its_first_step(bench: Bench) -> None:
    with bench.db.write() as session:
        for said in ({"type": "set_lr", "lr": 0.05}, {"type": "set_num_epochs", "num_epochs": 2}):
            queue.control(session, bench.job_id, said)
    fit(Trainer(bench.claim(), plan_of(bench)))
    assert curves(bench)["optimizer/lr"][1] == cosine(0.05, range(8), num_epochs=2)
    assert [order[1] for order in orders(bench)] == [0, 0]


def test_what_is_asked_later_takes_the_place_of_what_would_come_again(bench: Bench) -> None:
    first = Asked(bench.claim(), plan_of(bench), {10: {"type": "set_lr", "lr": 0.05}}, save_at=5, kill_at=12)
    with pytest.raises(Killed):
        fit(first)
    fit(Asked(bench.claim(), plan_of(bench), {7: {"type": "set_lr", "lr": 0.001}}))
    rates = curves(bench)["optimizer/lr"][1]
    assert rates[7:] == cosine(0.001, range(7, 24))
    assert [order[1] for order in orders(bench)] == [7, 7]


@pytest.mark.parametrize("num_epochs", [1, pytest.param(2, marks=pytest.mark.full), 3])
def test_an_epoch_that_has_begun_is_finished(bench: Bench, num_epochs: int) -> None:
    trainer = Asked(bench.claim(), plan_of(bench), {9: {"type": "set_num_epochs", "num_epochs": num_epochs}})
    assert fit(trainer).step == 12
    assert orders(bench) == [("set_num_epochs", 9, {"num_epochs": 3})]


def test_a_length_that_is_reached_already_ends_it_with_its_best_epoch_looked_at(bench: Bench) -> None:
    trainer = Asked(bench.claim(), plan_of(bench), {8: {"type": "set_num_epochs", "num_epochs": 1}})
    trainer._judge_at = NEVER
    assert fit(trainer).step == 8
    assert trainer._best is not None and trainer._best.step == 8


def test_a_checkpoint_is_saved_when_it_is_asked_for(bench: Bench) -> None:
    fit(Asked(bench.claim(), plan_of(bench), {7: {"type": "checkpoint"}}))
    assert [row.step for row in checkpoints(bench)] == [4, 7]  # and the best epoch so far with it
    kinds = [event for event in stream_kinds(bench) if event in ("control", "checkpoint")]
    assert kinds == ["control", "control", "checkpoint", "checkpoint"]


def stream_kinds(bench: Bench) -> list[str]:
    with bench.db.read() as session:
        return [event.kind for event in events.read(session, bench.job_id)]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_stop_ends_it_within_an_epoch_as_early_stopping_would(bench: Bench, keep: str) -> None:
    trainer = Asked(bench.claim(), plan_of(bench), {10: {"type": "stop", "keep": keep}})
    best = {}

    def remember() -> bool:
        better = Trainer._judge(trainer)
        best.update(weights(trainer) if better else {})
        return better

    trainer._judge = remember  # type: ignore[method-assign]
    fit(trainer)
    last = weights(trainer)
    assert trainer.step == 10 and not equal(best, last)
    finish(trainer)
    assert equal(weights(trainer), best if keep == "best" else last)
    (order,) = orders(bench)
    epoch = trainer.kept.epoch if trainer.kept else 0
    assert order[2] == ({"best_step": 4 * epoch, "best_epoch": epoch} if keep == "best" else None)


def test_a_run_that_was_stopped_has_succeeded(bench: Bench) -> None:
    job = bench.claim()
    trainer = fit(Asked(job, plan_of(bench), {10: {"type": "stop"}}))
    ending = finish(trainer)
    job.commit(lambda session: child._end_well(session, job.claim, ending), events=ending.told)
    with bench.db.read() as session:
        row, run = session.get_one(JobRow, bench.job_id), session.get_one(Run, bench.run_id)
    assert (row.status, row.progress["step"] if row.progress else None) == ("succeeded", 10)
    assert run.evaluation and run.export_job_id
    assert curves(bench)["train/loss"][0] == list(range(1, 11))


def test_a_stop_before_the_first_epoch_keeps_the_last_weights_and_says_so(bench: Bench) -> None:
    trainer = fit(Asked(bench.claim(), plan_of(bench), {2: {"type": "stop", "keep": "best"}}))
    last = weights(trainer)
    finish(trainer)
    assert equal(weights(trainer), last)
    trainer.job.flush()
    assert "no epoch was finished" in bodies(bench, "log")[-1]["text"]


def test_a_stop_goes_by_early_stoppings_own_best_weights_unless_the_last_are_wanted(bench: Bench) -> None:
    for keep in ("best", "last"):
        plan = plan_of(bench, stopping=EarlyStopping("validation/loss", patience=99))
        trainer = fit(Asked(bench.claim(), plan, {22: {"type": "stop", "keep": keep}}))
        last = weights(trainer)
        finish(trainer)
        assert plan.stopping and not equal(plan.stopping.best_weights, last)
        assert equal(weights(trainer), plan.stopping.best_weights if keep == "best" else last)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_stop_leaves_the_means_of_weights_by_which_the_epochs_were_judged(bench: Bench, keep: str) -> None:
    plan = plan_of(bench)
    plan.averaging = averaging.moving(plan.model, EMA(decay=0.5))
    trainer = Asked(bench.claim(), plan, {10: {"type": "stop", "keep": keep}})
    means: dict[int, dict[str, torch.Tensor]] = {}
    hold = trainer._hold_best

    def remember() -> None:
        means[trainer.step] = {name: mean.clone() for name, mean in plan.averaging.tensors().items()}
        hold()

    trainer._hold_best = remember  # type: ignore[method-assign]
    fit(trainer)
    means[10] = {name: mean.clone() for name, mean in plan.averaging.tensors().items()}
    finish(trainer)
    expected = means[trainer.kept.step if trainer.kept else 10]
    assert equal({name: parameter.detach() for name, parameter in plan.model.named_parameters()}, expected)


def test_a_rate_that_is_set_while_late_epochs_are_averaged_holds() -> None:
    def rates(*set_to: tuple[int, float]) -> list[float]:
        changes = Changes()
        for step, lr in set_to:
            changes.set_lr(step, lr)
        rate = _rate(Rates.of(ConstantSchedule(), 0.1, 4, 20, changes), SWA(start_epoch=2, lr=0.01))
        return [rate(step) for step in range(20)]

    planned, early = rates(), rates((5, 0.2))
    assert rates((15, 0.003)) == [*planned[:15], *[0.003] * 5]
    assert early[:8] == [*planned[:5], *[0.2] * 3] and early[-1] < 0.2, "it goes to the rate of the mean from there"


def test_a_rate_that_follows_a_curve_goes_on_from_what_it_is_set_to(bench: Bench) -> None:
    def plan(bench: Bench) -> Plan:
        # No epoch is better by so much: it is halved after each but the first.
        return plan_of(bench, PlateauSchedule(factor=0.5, patience=0, threshold=1e3, threshold_mode="abs"))

    said: Script = {9: {"type": "set_lr", "lr": 1.0}, 16: {"type": "set_lr", "lr": 8.0}}
    fit(Asked(bench.claim(), plan(bench), dict(said)))
    rates = curves(bench)["optimizer/lr"][1]
    halved = [0.02] * 8 + [0.01] + [1.0] * 3 + [0.5] * 4 + [8.0] * 4 + [4.0] * 4
    assert rates == halved
    other = queue_run(bench.db, bench.settings)
    first = Asked(other.claim(), plan(other), said, save_at=13, kill_at=18)
    with pytest.raises(Killed):
        fit(first)
    fit(Trainer(other.claim(), plan(other)))
    assert curves(other)["optimizer/lr"][1] == halved


def test_a_time_limit_stops_it_with_its_best_weights_and_says_so(bench: Bench) -> None:
    plan = plan_of(bench, num_epochs=10**6, time_limit_s=0.3)
    trainer = fit(Trainer(bench.claim(), plan))
    assert trainer.kept is not None and trainer.pace.trained_s >= 0.3
    assert [order[:2] for order in orders(bench)] == [("time_limit", trainer.step)]
    assert [one["kind"] for one in bodies(bench, "finding")] == ["time_limit"]
    assert any("as long as it may" in one["text"] for one in bodies(bench, "log"))
    finish(trainer)
    assert equal(weights(trainer), trainer.kept.weights)
    again = fit(Trainer(bench.claim(), plan_of(bench, num_epochs=10**6, time_limit_s=1000.0)))
    assert again.step == trainer.step, "it ends where it has ended, however long that takes now"


def test_the_time_of_all_attempts_counts(bench: Bench) -> None:
    first = Asked(bench.claim(), plan_of(bench), {}, save_at=5, kill_at=7)
    first.resume()
    first.pace.before_s = 50.0
    with pytest.raises(Killed):
        first.fit()
    second = Trainer(bench.claim(), plan_of(bench, time_limit_s=50.0))
    fit(second)
    assert second.step == 6, "at the first look"


@pytest.fixture(scope="module")
def calm() -> dict[str, Any]:
    """Filled by the first test that needs it: what it comes to when nobody kills it."""
    return {}


@pytest.mark.parametrize(
    ("save_at", "kill_at"),
    [
        (0, 8),
        (6, 8),
        (9, 14),
        (9, 33),
        (15, 31),
        *(pytest.param(*one, marks=pytest.mark.full) for one in ((5, 8), (7, 12), (14, 29), (25, 30), (30, 30))),
    ],
)
def test_what_was_asked_of_a_training_that_dies_holds_from_the_same_step(
    bench: Bench, calm: dict[str, Any], monkeypatch: pytest.MonkeyPatch, save_at: int, kill_at: int
) -> None:
    if not calm:
        trainer = fit(Asked(bench.claim(), plan_of(bench), script()))
        assert (trainer.step, trainer.plan.num_epochs) == (30, 9)
        calm |= {"state": ended(trainer), "history": trainer.history, "orders": orders(bench)}
        calm |= {"lr": curves(bench)["optimizer/lr"], "standing": standing(bench)}
        bench = queue_run(bench.db, bench.settings)
    first = Asked(bench.claim(), plan_of(bench), script(), save_at, kill_at)
    if kill_at <= 30:
        with pytest.raises(Killed):
            fit(first)
    else:
        fit(first)  # killed after its end, before that was durable
    torch.manual_seed(999)
    second = Asked(bench.claim(), plan_of(bench), first.script)
    if kill_at > 30:  # which epoch was the best is known: no other is looked at, whatever the time
        monkeypatch.setattr(training, "JUDGE_EVERY_S", NEVER)
        second._judge_at = NEVER
    fit(second)
    assert second.step == 30
    assert equal(ended(second), calm["state"])
    assert second.history == calm["history"]
    assert curves(bench)["optimizer/lr"] == calm["lr"]
    assert orders(bench) == calm["orders"]
    assert standing(bench) == calm["standing"]
