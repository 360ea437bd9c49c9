"""What is looked at before the first step, and that nothing of the training is changed by it."""

import math
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from app import events
from app.errors import Unprocessable
from app.runs import service
from app.specs.mergepatch import merged
from app.specs.model import ModelSpec
from app.specs.run import RunSpec
from app.specs.training import LrRangeTest
from tests.inline import Inline
from tests.worker.train.conftest import Bench, make_plan
from worker.train import rangetest
from worker.train.findings import first
from worker.train.findings.finding import Case, Chance
from worker.train.preflight import preflight
from worker.train.rangetest import suggested, told
from worker.train.trainer import Trainer

from .findings.programs import dense, images, program
from .test_resume import MODELS, OPTIMIZERS, OTHER_OPTIMIZERS, state
from .test_resume import make_plan as resumable


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inline]:
    one = Inline(tmp_path_factory.mktemp("inline"))
    yield one
    one.close()


def bodies(bench: Bench, kind: str) -> list[dict[str, Any]]:
    bench.jobs[-1].flush()
    with bench.db.read() as session:
        return [event.body for event in events.read(session, bench.job_id, limit=10**6, kinds=[kind])]


def assert_same_bits(
    bench: Bench, model: str, optimizer: dict[str, Any], test: LrRangeTest | None, **more: Any
) -> None:
    """Weights, everything an optimizer remembers, curves and chance at the end, with a preflight and without."""
    plain = Trainer(bench.claim(), resumable(bench, model, optimizer, **more))
    plain.fit()
    looked = Trainer(bench.claim(), resumable(bench, model, optimizer, **more))
    preflight(looked)
    if test is not None:
        told(looked, test)
    looked.fit()
    expected, found = state(plain), state(looked)
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert plain.history.state() == looked.history.state()


@pytest.mark.parametrize("model", MODELS)
def test_a_look_before_the_first_step_changes_no_bit(bench: Bench, model: str) -> None:
    assert_same_bits(bench, model, OPTIMIZERS[0], None)


@pytest.mark.parametrize(
    "changes",
    [{"micro_batch_size": 3}, {"precision": "bfloat16"}, {"ema": {"decay": 0.8}}, {"schedule": {"type": "one_cycle"}}],
    ids=str,
)
def test_rates_that_are_tried_leave_no_trace(bench: Bench, changes: dict[str, Any]) -> None:
    test = LrRangeTest(num_steps=20)
    assert_same_bits(bench, "convolutions, channels last", OPTIMIZERS[0], test, **changes)


@pytest.mark.parametrize(
    "optimizer", [*OPTIMIZERS[1:], *OTHER_OPTIMIZERS[:8], OTHER_OPTIMIZERS[9]], ids=lambda one: one["type"]
)
def test_an_optimizer_forgets_the_rates_that_were_tried(bench: Bench, optimizer: dict[str, Any]) -> None:
    assert_same_bits(bench, "hidden matrices", optimizer, LrRangeTest(num_steps=20))


def test_a_run_tells_what_its_first_batch_took(bench: Bench) -> None:
    trainer = Trainer(bench.claim(), make_plan(bench.run_id, layers=["0", "1", "2", "3", "4"]))
    preflight(trainer)
    (told,) = bodies(bench, "preflight")
    assert [one["output_shape"] for one in told["layers"]] == [[16], [16], [16], [16], [3]]
    assert [one["num_parameters"] for one in told["layers"]] == [80, 32, 0, 0, 51]
    assert told["layers"][2]["kept_bytes"] == 5 * 16 * 4, "a relu keeps what it gives"
    assert told["memory"]["gradients"] == 4 * (80 + 32 + 51)
    assert told["loss"]["even"] == pytest.approx(math.log(3), abs=1e-5)
    assert told["batch_size"]["now"] == 5
    assert told["lr_range"] is None
    trainer.fit()
    assert told["loss"]["first"] == pytest.approx(trainer.history.windows[0].loss, rel=1e-5), "that of step 1"


def test_a_run_that_goes_on_is_not_looked_at_again(inline: Inline) -> None:
    run = inline.train(program("moons", dense(4, 1), num_epochs=1))
    with inline.db.read() as session:
        kinds = [event.kind for event in events.read(session, run.job_id, limit=10**6)]
    assert kinds.count("preflight") == 1
    assert kinds.index("preflight") < kinds.index("metrics")
    with inline.db.read() as session:
        assert service.get_run(session, run.id).preflight is not None


def test_rates_that_are_tried_show_where_the_loss_falls(inline: Inline) -> None:
    run = inline.train(program("moons", dense(16, 1), num_epochs=1, lr_range_test={}))
    with inline.db.read() as session:
        found = (service.get_run(session, run.id).preflight or {})["lr_range"]
    assert len(found["lr"]) == len(found["loss"]) <= 100
    assert found["lr"][0] == 1e-6
    assert 0.01 < found["suggestion"] < 2
    patched = RunSpec.model_validate(merged(run.spec, found["patch"]))
    assert (patched.training.optimizer.lr, patched.training.lr_range_test) == (found["suggestion"], None)


def test_the_steepest_fall_is_suggested_and_none_after_the_loss_has_risen() -> None:
    rates = [10 ** (i / 10) for i in range(60)]
    falling = [2.0 - 1.5 / (1 + math.exp(-(i - 30) / 3)) for i in range(40)]
    assert suggested(rates, falling) == pytest.approx(rates[30], rel=0.05)
    spiked = [*falling, *[5.0] * 10, *[5.0 - 0.9 * i for i in range(5)]]
    assert suggested(rates, spiked) == suggested(rates, falling)
    assert suggested(rates, [1.0] * 40) is None
    assert suggested(rates, [1.0, 0.5]) is None


def test_the_mean_does_not_lag() -> None:
    noise = random.Random(0)
    rates = [10 ** (i / 10) for i in range(60)]
    losses = [2.0 - 1.5 / (1 + math.exp(-(i - 30) / 3)) + noise.gauss(0, 0.03) for i in range(60)]
    assert suggested(rates, rangetest.smooth(losses)) == pytest.approx(rates[30], rel=0.6), "two steps"


def test_a_rate_is_not_blamed_for_what_later_ones_do() -> None:
    assert rangetest.smooth([0.5] * 60 + [50.0]) == [0.5] * 60 + [pytest.approx((4 * 0.5 + 50) / 5)]
    assert rangetest.smooth([1.0, 0.5, 0.0]) == [0.5, 0.5, 0.5]


def test_a_loss_has_run_away_when_it_is_no_number_or_far_above_its_lowest() -> None:
    assert rangetest.runs_away([1.0, math.nan])
    assert rangetest.runs_away([1.0, *[0.1] * 50, *[50.0] * 10])
    assert not rangetest.runs_away([1.0, 0.1, 0.9])
    assert not rangetest.runs_away([-1.0, -2.0, -1.9]), "a loss may be below 0"


HIGH = dense(32, 2, weight_init={"type": "normal", "std": 8.0})


@pytest.mark.parametrize(
    ("layers", "expected"), [(HIGH, ["high_first_loss"]), (dense(32, 2), [])], ids=["high", "usual"]
)
def test_a_first_loss_far_above_chance_is_found(
    inline: Inline, layers: list[dict[str, Any]], expected: list[str]
) -> None:
    body = program("moons", layers, num_epochs=1, loss={"type": "cross_entropy"})
    run = inline.train(body)
    assert [kind for kind in inline.findings(run) if kind == "high_first_loss"] == expected


@pytest.mark.parametrize(
    ("said", "is_found"),
    [({"freeze": True}, True), ({}, False), ({"freeze": True, "weights": {"type": "hub"}}, False)],
    ids=["frozen", "learns", "trained"],
)
def test_a_known_network_that_is_frozen_as_chance_drew_it_is_found(said: dict[str, Any], is_found: bool) -> None:
    backbone = {"type": "backbone", "architecture": "resnet18", **said}
    body = images() | {"model": {"layers": [backbone, {"type": "linear", "out_features": 3}]}}
    spec = RunSpec.model_validate(body)
    assert isinstance(spec.model, ModelSpec)
    case = Case(Chance(1.0, 0.9), spec=spec, layers={node.name: node.layer.type for node in spec.model.nodes})
    found = list(first.findings(case, 1.0, 1.0))
    assert [one.kind for one in found] == (["frozen_chance"] if is_found else [])
    if is_found:
        RunSpec.model_validate(merged(body, found[0].patch or {}))


@pytest.mark.parametrize("optimizer", ["lbfgs", "rprop"])
def test_rates_of_an_optimizer_that_sizes_its_steps_are_not_tried(inline: Inline, optimizer: str) -> None:
    body = program("moons", dense(1), optimizer={"type": optimizer}, lr_range_test={})
    with pytest.raises(Unprocessable, match="sizes its steps itself"):
        inline.checked(body)
