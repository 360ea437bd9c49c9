"""What the doctor says on a job's stream, of trainings that are made to be ill at a certain step."""

from typing import Any

import pytest
import torch
from torch import nn

from app import curves, events
from worker.train import trainer as training
from worker.train.batches import Batches, Part
from worker.train.gradients import Gradients
from worker.train.layerstats import Layer, Rhythm, Watch
from worker.train.plan import Plan
from worker.train.trainer import Trainer

from .conftest import CPU, Bench, make_parts, make_plan

OUTLIER = 453  # the row whose inputs are enormous; it comes in step 91
NUM_STEPS = 150


def plan_with_an_outlier(bench: Bench) -> Plan:
    """One epoch of three classes that are told apart soon, until a row comes that spoils everything."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    parts = make_parts()
    targets = torch.arange(5 * NUM_STEPS) % 3
    inputs = nn.functional.one_hot(targets, 4).float() * 2
    inputs[OUTLIER] *= -1e4
    parts["train"] = Part(inputs, targets)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    layers = [Layer(name, module) for name, module in model.named_children()]
    fields: dict[str, Any] = {
        "model": model,
        "parts": parts,
        "batches": Batches(parts["train"], 5, 0, False, CPU),
        "gradients": Gradients(model, [], None),
        "optimizer": optimizer,
        "rate": lambda step: 0.1,
        "num_epochs": 1,
        "watch": Watch(layers, optimizer, Rhythm(10, 50)),
    }
    return make_plan(bench.run_id, **fields)


def findings(bench: Bench) -> list[dict[str, Any]]:
    bench.jobs[-1].flush()
    with bench.db.read() as session:
        return [event.body for event in events.read(session, bench.job_id, limit=10**6, kinds=["finding"])]


def test_gradients_that_explode_are_said_with_their_step_and_layer(bench: Bench) -> None:
    trainer = Trainer(bench.claim(), plan_with_an_outlier(bench))
    trainer.fit()
    (finding,) = [one for one in findings(bench) if one["kind"] == "exploding_gradients"]
    assert (finding["step"], finding["found_at"]) == (91, 100)
    assert finding["layers"][0] in {"0", "2"}
    with bench.db.read() as session:
        assert set(finding["series"]) <= set(curves.list_series(session, [bench.job_id])[bench.job_id])


def test_a_training_that_goes_on_says_the_same_once_more_and_nothing_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TEND_EVERY_S", 0.0)
    whole = Trainer(bench.claim(), plan_with_an_outlier(bench))
    whole.fit()
    expected = findings(bench)
    assert expected

    class Killed(BaseException):
        pass

    first = Trainer(bench.claim(), plan_with_an_outlier(bench))
    tend = first._tend

    def save_and_die() -> None:
        if first.step in (60, 110):
            first.save()
        if first.step == 120:
            raise Killed
        tend()

    first._tend = save_and_die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        first.fit()
    before = findings(bench)
    assert before[len(expected) :] == expected[: len(before) - len(expected)]
    second = Trainer(bench.claim(), plan_with_an_outlier(bench))
    second.resume()
    assert second.step == 110
    second.fit()
    assert findings(bench) == expected + expected, "what was said before step 110 is not said again"
