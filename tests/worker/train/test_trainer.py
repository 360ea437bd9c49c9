import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sqlalchemy import select
from torch import nn

from app import curves as stored
from app import events
from app.db.tables import Artifact, Checkpoint, Run
from app.db.tables import Job as JobRow
from app.errors import JobFailure
from worker import child, evaluate
from worker.job import Cancelled, Job
from worker.train import attempt, losses, metrics
from worker.train import checkpoints as module
from worker.train import trainer as training
from worker.train.batches import Batches, Part
from worker.train.checkpoints import Snapshot
from worker.train.finish import evaluation_of, finish
from worker.train.history import History
from worker.train.metrics import Answers
from worker.train.places import Places, as_tokens
from worker.train.plan import Plan
from worker.train.recorder import Recorder
from worker.train.stopping import EarlyStopping
from worker.train.trainer import Trainer

from .conftest import Bench, make_plan

NUM_STEPS = 24  # 6 epochs of 21 rows in batches of 5, the one left over joining the last


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def train(job: Job, plan: Plan) -> Trainer:
    """What `run` does, with a plan of the test's own."""
    trainer = Trainer(job, plan)
    trainer.resume()
    trainer.fit()
    ending = finish(trainer)
    job.commit(lambda session: child._end_well(session, job.claim, ending), events=ending.told)
    return trainer


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.plan.model.state_dict().items()}


def curves(bench: Bench) -> dict[str, tuple[list[int], list[float]]]:
    with bench.db.read() as session:
        names = stored.list_series(session, [bench.job_id])[bench.job_id]
        points = {name: stored.read_points(session, bench.job_id, name, 0, 10**9) for name in names}
    return {name: (found.steps.tolist(), found.values.tolist()) for name, found in points.items()}


def checkpoints(bench: Bench) -> list[Checkpoint]:
    with bench.db.read() as session:
        return list(session.scalars(select(Checkpoint).order_by(Checkpoint.attempt, Checkpoint.step)))


def bodies(bench: Bench, kind: str) -> list[dict[str, Any]]:
    with bench.db.read() as session:
        return [event.body for event in events.read(session, bench.job_id, kinds=[kind])]


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(autouse=True)
def tend_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around after every step, so that each is a place where something can happen."""
    monkeypatch.setattr(training, "TEND_EVERY_S", 0.0)


def test_every_step_and_epoch_is_recorded(bench: Bench) -> None:
    train(bench.claim(), make_plan(bench.run_id))
    found = curves(bench)
    assert found["train/loss"][0] == list(range(1, NUM_STEPS + 1))
    assert found["optimizer/lr"][1] == [0.02 * 0.99**step for step in range(NUM_STEPS)]
    assert found["optimizer/grad_norm"][0] == found["train/loss"][0]
    for name in ("train/epoch_loss", "train/accuracy", "validation/loss", "validation/f1"):
        assert found[name][0] == [4, 8, 12, 16, 20, 24], name
    assert found["test/accuracy"][0] == [NUM_STEPS]
    assert 0 <= found["test/accuracy"][1][0] <= 1


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(bench: Bench) -> None:
    train(bench.claim(), make_plan(bench.run_id))
    found = curves(bench)
    sizes = [5, 5, 5, 6]
    steps = np.array(found["train/loss"][1]).reshape(-1, 4)
    assert found["train/epoch_loss"][1] == pytest.approx((steps * sizes).sum(1) / 21)


def plan_of_tokens(run_id: str, **changes: Any) -> Plan:
    """Texts of one to five tokens, the short ones among themselves; what is validated is what trains."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Embedding(7, 4), nn.Linear(4, 7))
    tokens = torch.randint(1, 7, (20, 5))
    tokens[:10, 1:] = 0
    part = Part(tokens, tokens, finish_targets=as_tokens)
    answers, places = Answers(7, ignores=True), Places("tokens", (5,))
    loss = places.loss(losses.build("cross_entropy"))
    return make_plan(
        run_id,
        model=model,
        judge=evaluate.Judge(loss, [metrics.build("accuracy", answers, 1)], answers, None, places),
        gradients=training_gradients(model),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        batches=Batches(part, 5, 0, shuffle=False, device=torch.device("cpu")),
        parts={"train": part, "validation": part},
        constant=torch.zeros(5, 7),
        **changes,
    )


def test_the_loss_of_an_epoch_is_the_mean_over_the_tokens_that_there_are(bench: Bench) -> None:
    train(bench.claim(), plan_of_tokens(bench.run_id, num_epochs=1, rate=lambda step: 0.0))
    found = curves(bench)
    assert found["train/epoch_loss"][1] == pytest.approx(found["validation/loss"][1], rel=1e-6)
    assert found["train/accuracy"][1] == found["validation/accuracy"][1]
    steps = np.array(found["train/loss"][1])
    assert found["train/epoch_loss"][1] == pytest.approx([(steps * [5, 5, 25, 25]).sum() / 60])


def test_a_step_of_tokens_waits_for_no_value(bench: Bench) -> None:
    """On the meta device there are none: whoever asks for one fails."""
    recorder = Recorder(bench.claim(), History(), steps_per_epoch=9)
    outputs = torch.zeros(4, 5, 7, device="meta")
    gathered = plan_of_tokens(bench.run_id).judge.accumulator()
    count = gathered.add(outputs, torch.zeros(4, 5, dtype=torch.int64, device="meta"))
    recorder.add_step(1, count, outputs.sum(), outputs.sum(), lr=0.1)
    assert isinstance(count, torch.Tensor)


def test_tokens_are_counted_on_across_a_crash(bench: Bench) -> None:
    first = Trainer(bench.claim(), plan_of_tokens(bench.run_id, num_epochs=2))
    killing(first, at_step=7, save_at=6)
    with pytest.raises(Killed):
        first.fit()
    train(bench.claim(), plan_of_tokens(bench.run_id, num_epochs=2))
    found = curves(bench)
    steps = np.array(found["train/loss"][1]).reshape(2, 4)
    assert found["train/epoch_loss"][1] == pytest.approx((steps * [5, 5, 25, 25]).sum(1) / 60)


def test_one_step_an_epoch_has_no_second_loss_series(bench: Bench) -> None:
    plan = make_plan(bench.run_id, num_epochs=5)
    plan.batches = type(plan.batches)(plan.parts["train"], 21, 0, True, plan.device)
    train(bench.claim(), plan)
    assert "train/epoch_loss" not in curves(bench)


def test_the_losses_are_those_of_a_loop_written_by_hand(bench: Bench) -> None:
    torch.manual_seed(1)
    model = nn.Linear(4, 3)
    by_hand = nn.Linear(4, 3)
    by_hand.load_state_dict(model.state_dict())
    plan = make_plan(bench.run_id, model=model, rate=lambda step: 0.1)
    plan.gradients = training_gradients(model)
    plan.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    expected = []
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.1)
    for epoch in range(plan.num_epochs):
        for inputs, targets in plan.batches.epoch(epoch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(by_hand(inputs), targets)
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    trainer = train(bench.claim(), plan)
    assert curves(bench)["train/loss"][1] == expected
    assert equal(weights(trainer), by_hand.state_dict())


def training_gradients(model: nn.Module) -> Any:
    from worker.train.gradients import Gradients

    return Gradients(model, [], None)


def test_the_same_seed_gives_the_same_bits(bench: Bench) -> None:
    first, second = (Trainer(_Silent(bench), make_plan(bench.run_id)) for _ in range(2))
    torch.manual_seed(3)
    first.fit()
    torch.manual_seed(3)
    second.fit()
    assert equal(weights(first), weights(second))
    assert first.history == second.history


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    """Filled by the first test that needs it: what the training gives when nothing happens to it."""
    return {}


def stopping_plan(bench: Bench, **changes: Any) -> Plan:
    stopping = EarlyStopping("validation/loss", patience=20)
    return make_plan(bench.run_id, stopping=stopping, **changes)


def expected(bench: Bench, undisturbed: dict[str, Any]) -> dict[str, Any]:
    if not undisturbed:
        trainer = Trainer(_Silent(bench), stopping_plan(bench))
        trainer.fit()
        undisturbed.update(
            weights=weights(trainer),
            best=trainer.plan.stopping.best_weights if trainer.plan.stopping else {},
            history=trainer.history,
            optimizer=training.optimizers.state_tensors(trainer.plan.optimizer),
            random=torch.get_rng_state(),
            curves=trainer.job.points,
        )
    return undisturbed


class _Silent:
    """A job of which only the points are wanted."""

    def __init__(self, bench: Bench) -> None:
        self.storage, self.claim, self.requested, self.num_controls = None, None, None, 0
        self.points: dict[str, tuple[list[int], list[float]]] = {}

    def metrics(self, name: str, steps: list[int], values: list[float]) -> None:
        all_steps, all_values = self.points.setdefault(name, ([], []))
        all_steps += steps
        all_values += values

    def log(self, text: str, level: str = "info") -> None: ...

    def progress(self, body: dict[str, Any]) -> None: ...


def killing(trainer: Trainer, at_step: int, save_at: int | None) -> None:
    """Save after `save_at` steps, and die right before the values of step `at_step` would leave."""
    tend = trainer._tend

    def tend_and_die() -> None:
        if trainer.step == save_at:
            trainer.save()
        if trainer.step == at_step:
            raise Killed
        tend()

    trainer._tend = tend_and_die  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("save_at", "die_at"), [(None, 1), (None, 7), (1, 1), (3, 6), (4, 4), (6, 13), (8, 11), (20, 23), (22, 23)]
)
def test_a_training_killed_anywhere_ends_as_if_nothing_had_happened(
    bench: Bench, undisturbed: dict[str, Any], save_at: int | None, die_at: int
) -> None:
    truth = expected(bench, undisturbed)
    job = bench.claim()
    trainer = Trainer(job, stopping_plan(bench))
    trainer.resume()
    killing(trainer, die_at, save_at)
    with pytest.raises(Killed):
        trainer.fit()
    job.flush()  # points of steps after the checkpoint had left already: they must be taken back

    trainer = Trainer(bench.claim(), stopping_plan(bench))
    trainer.resume()
    assert trainer.step == (save_at or 0)
    trainer.fit()
    trainer.job.flush()
    assert equal(weights(trainer), truth["weights"])
    assert equal(trainer.plan.stopping.best_weights, truth["best"])
    assert equal(training.optimizers.state_tensors(trainer.plan.optimizer), truth["optimizer"])
    assert torch.equal(torch.get_rng_state(), truth["random"])
    assert trainer.history == truth["history"]
    assert curves(bench) == truth["curves"]


def test_a_training_killed_while_it_ends_takes_its_test_figures_back(bench: Bench) -> None:
    job = bench.claim()
    trainer = Trainer(job, make_plan(bench.run_id))
    trainer.fit()
    finish(trainer)
    job.flush()
    train(bench.claim(), make_plan(bench.run_id))
    assert curves(bench)["test/accuracy"][0] == [NUM_STEPS]
    with bench.db.read() as session:
        names = session.scalars(select(Artifact.name)).all()
    assert sorted(names) == ["model.safetensors", "parameters.json", "preprocessing.json"]


def test_a_damaged_checkpoint_is_passed_over_and_said(bench: Bench, undisturbed: dict[str, Any]) -> None:
    truth = expected(bench, undisturbed)
    job = bench.claim()
    trainer = Trainer(job, stopping_plan(bench))
    trainer.resume()
    killing(trainer, 17, None)
    tend = trainer._tend

    def save_twice() -> None:
        if trainer.step in (6, 13):
            trainer.save()
        tend()

    trainer._tend = save_twice  # type: ignore[method-assign]
    with pytest.raises(Killed):
        trainer.fit()
    *_, sound, newest = checkpoints(bench)
    assert newest.step == 13
    file = job.storage.resolve(newest.path) / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    trainer = Trainer(bench.claim(), stopping_plan(bench))
    trainer.resume()
    assert trainer.step == sound.step
    trainer.fit()
    trainer.job.flush()
    assert equal(weights(trainer), truth["weights"])
    assert curves(bench) == truth["curves"]
    (finding,) = bodies(bench, "finding")
    assert finding["kind"] == "damaged_checkpoint"
    assert newest.id not in [row.id for row in checkpoints(bench)]


def test_a_checkpoint_of_another_format_is_passed_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(bench.claim(), make_plan(bench.run_id))
    killing(trainer, 7, save_at=6)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(module, "_FORMAT", 0)
        trainer.fit()
    trainer = Trainer(bench.claim(), make_plan(bench.run_id))
    trainer.resume()
    assert trainer.step == 0
    assert checkpoints(bench) == []


def test_checkpoints_are_thinned_out_with_their_files(bench: Bench) -> None:
    trainer = Trainer(bench.claim(), make_plan(bench.run_id, keep_checkpoints=2, checkpoint_every_s=0.0))
    trainer.fit()
    rows = checkpoints(bench)
    assert [row.step for row in rows][-2:] == [22, 23]
    assert len(rows) <= 3
    assert sum(row.is_best for row in rows) == 1
    kept = {path.name for path in (trainer.job.storage.data_dir / "runs" / bench.run_id / "1").iterdir()}
    assert kept == {f"step-{row.step}" for row in rows}


@pytest.fixture
def every_epoch_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short it is."""
    monkeypatch.setattr(training, "JUDGE_EVERY_S", 0.0)
    monkeypatch.setattr(training, "HOLD_SHARE", math.inf)


@pytest.mark.parametrize("checkpoint_every_s", [1000.0, 0.0], ids=["one at the end", "one after every step"])
@pytest.mark.parametrize("lr", [0.02, 0.5])  # the best epoch is one of the last, one of the first
@pytest.mark.usefixtures("every_epoch_is_judged")
def test_the_best_checkpoint_has_the_weights_of_the_best_epoch(
    bench: Bench, checkpoint_every_s: float, lr: float
) -> None:
    plan = make_plan(
        bench.run_id, num_epochs=12, checkpoint_every_s=checkpoint_every_s, keep_checkpoints=1, rate=lambda step: lr
    )
    train(bench.claim(), plan)
    steps, values = curves(bench)["validation/loss"]
    (best,) = [row for row in checkpoints(bench) if row.is_best]
    assert best.step == steps[values.index(min(values))]
    assert checkpoints(bench)[-1].step == plan.num_steps
    assert len(checkpoints(bench)) <= 2

    tensors = load_file(bench.jobs[0].storage.resolve(best.path) / "tensors.safetensors")
    plan.model.load_state_dict(Snapshot(tensors, {}).group("weights"))
    found = evaluate.measure(plan.model, plan.parts["validation"], plan.judge, plan.device)
    assert float(found["loss"]) == min(values)


@pytest.mark.usefixtures("every_epoch_is_judged")
def test_a_checkpoint_inside_an_epoch_is_never_the_best(bench: Bench) -> None:
    trainer = Trainer(bench.claim(), make_plan(bench.run_id))
    killing(trainer, 7, save_at=6)
    with pytest.raises(Killed):
        trainer.fit()
    assert [(row.step, row.is_best) for row in checkpoints(bench)] == [(4, True), (6, False)]
    assert [(body["step"], body["is_best"]) for body in bodies(bench, "checkpoint")] == [(4, True), (6, False)]


def test_epochs_of_no_time_are_not_copied_each(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "JUDGE_EVERY_S", 1000.0)
    trainer = Trainer(bench.claim(), make_plan(bench.run_id))
    looked: list[int] = []
    monkeypatch.setattr(trainer, "_judge", lambda: bool(looked.append(trainer.step)))
    trainer.fit()
    assert looked == [4, NUM_STEPS]


def test_a_request_saves_and_stops_within_a_step(bench: Bench) -> None:
    job = bench.claim()
    trainer = Trainer(job, make_plan(bench.run_id, num_epochs=10**6))
    job.stop()
    with pytest.raises(Cancelled):
        trainer.fit()
    assert [row.step for row in checkpoints(bench)] == [trainer.step]


@pytest.mark.parametrize(("bad", "word"), [(math.nan, "NaN"), (math.inf, "infinite")])
def test_a_loss_that_is_no_number_ends_the_job_with_the_step(bench: Bench, bad: float, word: str) -> None:
    plan = make_plan(bench.run_id)
    losses_seen = iter([1.0] * 9 + [bad] * 100)
    loss = plan.judge.loss

    def spoiled(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return loss(outputs, targets) * 0 + next(losses_seen) if plan.model.training else loss(outputs, targets)

    plan.judge = type(plan.judge)(spoiled, plan.judge.metrics, plan.judge.answers, plan.judge.classes)
    trainer = Trainer(bench.claim(), plan)
    with pytest.raises(JobFailure, match=f"{word} at step 10") as failure:
        trainer.fit()
    assert failure.value.kind == "non_finite_loss"
    trainer.job.flush()
    steps, values = curves(bench)["train/loss"]
    assert steps == list(range(1, 11))
    assert not math.isfinite(values[-1])


def test_weights_that_are_no_numbers_after_the_last_step_end_the_job(bench: Bench) -> None:
    plan = make_plan(bench.run_id, num_epochs=1)
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    with torch.no_grad():
        next(plan.model.parameters()).view(-1)[0] = math.nan
    with pytest.raises(JobFailure) as failure:
        finish(trainer)
    assert failure.value.kind == "non_finite_weights"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_lack_of_memory_is_told_with_its_figures(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(trainer: Trainer) -> None:
        raise error

    monkeypatch.setattr(attempt, "make_plan", lambda job, team=None: make_plan(bench.run_id))
    monkeypatch.setattr(Trainer, "fit", fail)
    with pytest.raises(JobFailure) as failure:
        attempt.run(bench.claim())
    assert failure.value.kind == "out_of_memory"
    assert failure.value.details["batch_size"] == 5


def test_early_stopping_keeps_the_best_weights(bench: Bench) -> None:
    stopping = EarlyStopping("validation/loss", patience=2)
    trainer = train(bench.claim(), make_plan(bench.run_id, num_epochs=500, stopping=stopping))
    assert trainer.step < trainer.plan.num_steps
    losses_seen = curves(bench)["validation/loss"][1]
    assert stopping.best_epoch == 1 + losses_seen.index(min(losses_seen))
    assert equal(weights(trainer), stopping.best_weights)


def test_the_end_leaves_evaluation_artifacts_checkpoint_and_an_export(bench: Bench) -> None:
    train(bench.claim(), make_plan(bench.run_id))
    with bench.db.read() as session:
        run = session.get_one(Run, bench.run_id)
        jobs = {job.id: job for job in session.scalars(select(JobRow))}
        artifacts = {row.name: row for row in session.scalars(select(Artifact))}
    assert jobs[bench.job_id].status == "succeeded"
    assert run.export_job_id is not None
    assert jobs[run.export_job_id].kind == "export"
    assert run.evaluation is not None
    assert set(run.evaluation["parts"]) == {"train", "validation", "test"}
    assert run.evaluation["baseline"]["name"] == "always saying a"
    assert sum(map(sum, run.evaluation["parts"]["test"]["confusion"])) == 11
    assert checkpoints(bench)[-1].step == NUM_STEPS
    assert [row.is_best for row in checkpoints(bench)].count(True) == 1
    for artifact in artifacts.values():
        assert bench.jobs[0].storage.describe(bench.jobs[0].storage.resolve(artifact.path)).sha256 == artifact.sha256


def test_the_baseline_needs_no_inputs_on_the_device(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(bench.run_id)

    def refuse(part: Any, tensors: Any) -> None:
        raise AssertionError("inputs that may not fit were sent to the device")

    monkeypatch.setattr(Part, "of", refuse)
    assert evaluation_of(plan)["baseline"]["part"] == "test"


def test_a_test_loss_that_overflows_is_kept_as_what_it_is(bench: Bench) -> None:
    plan = make_plan(bench.run_id)
    test = plan.parts["test"]
    plan.parts["test"] = type(test)(test.inputs * math.inf, test.targets)
    train(bench.claim(), plan)
    steps, values = curves(bench)["test/loss"]
    assert steps == [NUM_STEPS]
    assert math.isnan(values[0])
    with bench.db.read() as session:
        evaluation = session.get_one(Run, bench.run_id).evaluation
    assert evaluation is not None
    assert evaluation["parts"]["test"]["loss"] == "NaN"


def test_progress_says_how_far_and_how_fast(bench: Bench) -> None:
    job = bench.claim()
    train(job, make_plan(bench.run_id))
    progress = bodies(bench, "progress")[-1]
    assert (progress["step"], progress["num_steps"], progress["left_s"]) == (24, 24, 0)
    assert (progress["epoch"], progress["num_epochs"], progress["device"]) == (6, 6, "cpu")
    assert progress["samples_per_s"] > 0


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    torch.set_num_threads(1)
    yield
