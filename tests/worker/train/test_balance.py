"""Weights of classes are scikit-learn's, and the loss of an epoch is that of all its rows at once."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app.specs.losses import LOSSES
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Head, ImageStep, Preprocessing, Target
from app.transforms.answers import Scaled
from worker import evaluate
from worker.train.balance import balanced, balanced_yes, weights_of
from worker.train.batches import Part
from worker.train.learner import Learner
from worker.train.places import IGNORED
from worker.train.plan import Plan
from worker.train.setup import assemble
from worker.train.trainer import Trainer

from .conftest import CPU, Bench
from .test_resume import assert_taken_up, words_of

LINEAR: dict[str, Any] = {"type": "linear", "out_features": 3}


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    targets = torch.randint(7, (300,), generator=torch.Generator().manual_seed(1)).square() // 8
    there = targets.unique().numpy()
    theirs = compute_class_weight("balanced", classes=there, y=targets.numpy())
    found = balanced(torch.bincount(targets, minlength=6))
    assert found[there].tolist() == pytest.approx(theirs.tolist(), rel=1e-6)
    assert 2 <= len(there) < 6 and set(found[~np.isin(range(6), there)].tolist()) == {1.0}


def test_a_balanced_yes_counts_as_often_as_there_are_no() -> None:
    found = balanced_yes(torch.tensor([0.2, 0.5, 0.8, 0.0, 1.0]))
    assert found.tolist() == pytest.approx([4, 1, 0.25, 1, 1])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ({"type": "cross_entropy", "weight": {"b": 3}}, {"weight": [1, 3, 1]}),
        ({"type": "nll_loss", "weight": [1, 2, 3]}, {"weight": [1, 2, 3]}),
        ({"type": "cross_entropy", "weight": "balanced"}, {"weight": [6 / 9, 6 / 6, 6 / 3]}),
        ({"type": "cross_entropy"}, {}),
        ({"type": "mse_loss"}, {}),
    ],
)
def test_weights_are_said_by_class_in_their_order_or_by_how_often_they_are(loss: Any, expected: Any) -> None:
    targets = torch.tensor([0, 0, 0, 1, 1, 2])
    spec = LOSSES[loss["type"]].model_validate(loss)
    found = weights_of(spec, lambda: targets.split(4), ["a", "b", "c"])
    assert {name: weight.tolist() for name, weight in found.items()} == {
        name: pytest.approx(weight) for name, weight in expected.items()
    }


def test_of_several_columns_each_has_its_own_balance_and_of_pixels_all_have_one() -> None:
    spec = LOSSES["binary_cross_entropy_with_logits"].model_validate({"pos_weight": "balanced"})
    targets = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    assert weights_of(spec, lambda: [targets], [])["pos_weight"].tolist() == pytest.approx([3, 1 / 3])
    assert weights_of(spec, lambda: [targets], [], of_places=True)["pos_weight"].tolist() == 1


def of_classes(generator: torch.Generator) -> tuple[torch.Tensor, Target, list[Any]]:
    targets = (torch.rand(40, generator=generator) * 2.99).square().long().clamp_max(8) // 3
    return targets, Target(name="y", classes=["a", "b", "c"]), [LINEAR]


def of_pixels(generator: torch.Generator) -> tuple[torch.Tensor, Target, list[Any]]:
    masks = (torch.rand(40, 2, 2, generator=generator) ** 3 * 3).to(torch.uint8)
    step = ImageStep(name="y", channels="gray", height=2, width_px=2, is_mask=True)
    layers = [{"type": "linear", "out_features": 12}, {"type": "reshape", "shape": [3, 2, 2]}]
    return masks, Target(name="y", step=step, num_classes=3), layers


def of_tokens(generator: torch.Generator) -> tuple[torch.Tensor, Target, list[Any]]:
    tokens = torch.randint(1, 3, (40, 4), generator=generator)
    tokens[:25, 1:] = 0
    layers = [{"type": "linear", "out_features": 12}, {"type": "reshape", "shape": [4, 3]}]
    return tokens, Target(name="y", step=words_of(4), num_classes=3), layers


def make_plan(run_id: str, kind: Any, loss: dict[str, Any], **changes: Any) -> Plan:
    """What is validated is what trains, in other pieces, and nothing changes meanwhile."""
    generator = torch.Generator().manual_seed(0)
    targets, target, layers = kind(generator)
    finish = {of_pixels: torch.Tensor.long, of_tokens: lambda some: torch.where(some == 0, IGNORED, some)}.get(kind)
    part = Part(torch.randn(40, 5, generator=generator), targets, finish_targets=finish)
    training = TrainingSpec.model_validate({"num_epochs": 1, "batch_size": 7, "loss": loss, **changes})
    how = Preprocessing(steps=[], input_shape=[5], input_dtype="float32", target=target, loss=loss["type"])
    model = ModelSpec.model_validate({"layers": layers})
    plan = assemble(run_id, model, training, {"train": part, "validation": part}, how, CPU)
    plan.rate = lambda step: 0.0
    return plan


@pytest.mark.parametrize("kind", [of_classes, of_pixels, of_tokens], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(("said", "label_smoothing"), [("balanced", 0.2), ([0.5, 0.01, 4.0], 0.0)], ids=str)
def test_the_loss_of_an_epoch_is_that_of_all_rows_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: Any, said: Any, label_smoothing: float
) -> None:
    monkeypatch.setattr(evaluate, "_MIN_ROWS", 1)
    monkeypatch.setattr(evaluate, "_MAX_ROWS", 9)
    plan = make_plan(bench.run_id, kind, {"type": "cross_entropy", "weight": said, "label_smoothing": label_smoothing})
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    part = plan.parts["train"]
    assert isinstance(part, Part)
    with torch.no_grad():
        outputs, targets = plan.model.eval()(part.inputs), part.ready_targets(part.targets)
    places = plan.judge.places
    outputs, targets = places.rows(outputs, targets)
    kept = targets[targets != IGNORED].flatten()
    there = kept.unique()
    weight = torch.tensor([1.0, 1.0, 1.0] if said == "balanced" else said)
    if said == "balanced":
        theirs = compute_class_weight("balanced", classes=there.numpy(), y=kept.numpy())
        weight[there] = torch.tensor(theirs).float()
    expected = float(F.cross_entropy(outputs, targets, weight=weight, label_smoothing=label_smoothing))
    unweighted = float(F.cross_entropy(outputs, targets, label_smoothing=label_smoothing))
    assert expected != pytest.approx(unweighted, rel=1e-4)
    assert trainer.history.last("train/epoch_loss") == pytest.approx(expected, rel=1e-5)
    assert trainer.history.last("validation/loss") == pytest.approx(expected, rel=1e-5)
    assert len(trainer.history.epochs["train/epoch_loss"]) == 1


def plan_of_heads(run_id: str, num_epochs: int = 1) -> Plan:
    """A class, tokens and two numbers, of which each counts something else."""
    generator = torch.Generator().manual_seed(0)
    (kinds, kind, _), (tokens, words, _) = of_classes(generator), of_tokens(generator)
    numbers = torch.randn(40, 2, generator=generator)
    layers = [
        {"type": "linear", "out_features": 8, "name": "trunk"},
        {**LINEAR, "name": "kind"},
        {"type": "linear", "out_features": 12, "inputs": ["trunk"]},
        {"type": "reshape", "shape": [4, 3], "name": "words"},
        {"type": "linear", "out_features": 2, "inputs": ["trunk"], "name": "numbers"},
    ]
    two = Target(name="a, b", numbers=[Scaled(name=name) for name in "ab"])
    heads = [
        Head(name="kind", shape=[3], loss="cross_entropy", target=kind),
        Head(name="words", shape=[4, 3], loss="cross_entropy", target=words),
        Head(
            name="numbers",
            shape=[2],
            loss="huber_loss",
            target=two,
        ),
    ]
    part = Part(torch.randn(40, 5, generator=generator), torch.cat([kinds.unsqueeze(1), tokens, numbers], dim=1))
    training = TrainingSpec.model_validate(
        {
            "num_epochs": num_epochs,
            "batch_size": 7,
            "outputs": {
                "kind": {"loss": {"type": "cross_entropy", "weight": "balanced"}, "weight": 2},
                "words": {"loss": {"type": "cross_entropy"}, "metrics": [{"type": "accuracy"}]},
                "numbers": {"loss": {"type": "huber_loss", "delta": 0.5}},
            },
            "early_stopping": {"patience": 9},
        }
    )
    how = Preprocessing(
        steps=[], input_shape=[5], input_dtype="float32", target=Target(name="all", heads=heads), loss="weighted_sum"
    )
    spec = ModelSpec.model_validate({"layers": layers, "outputs": ["kind", "words", "numbers"]})
    return assemble(run_id, spec, training, {"train": part, "validation": part}, how, CPU)


def test_the_losses_of_several_outputs_are_those_of_all_rows_and_so_is_their_sum(bench: Bench) -> None:
    plan = plan_of_heads(bench.run_id)
    plan.rate = lambda step: 0.0
    trainer = Trainer(bench.claim(), plan)
    trainer.fit()
    found = {name: values[0] for name, values in trainer.history.epochs.items()}
    names = ("kind", "words", "numbers")
    for part in ("train", "validation"):
        each = [found[f"{part}/{name}_loss"] for name in names]
        whole = found["train/epoch_loss" if part == "train" else "validation/loss"]
        assert whole == pytest.approx(2 * each[0] + each[1] + each[2], rel=1e-6)
    assert all(
        found[f"train/{name}_loss"] == pytest.approx(found[f"validation/{name}_loss"], rel=1e-5) for name in names
    )


def test_a_training_with_weights_is_taken_up_in_the_middle_of_an_epoch(bench: Bench) -> None:
    assert_taken_up(bench, lambda: plan_of_heads(bench.run_id, num_epochs=3))


@pytest.mark.parametrize("kind", [of_classes, of_pixels, of_tokens], ids=lambda kind: kind.__name__)
def test_a_step_in_pieces_counts_rows_by_what_they_weigh(kind: Any) -> None:
    """Gradients of pieces add up to those of the batch, though each piece has other classes."""
    found = []
    for size in (None, 3):
        plan = make_plan("a-run", kind, {"type": "cross_entropy", "weight": [0.2, 1.0, 5.0]}, micro_batch_size=size)
        (inputs, targets), *_ = plan.batches.epoch(0, first=0)
        learned = Learner(plan).learn(inputs, targets, 0)
        found.append([learned.loss, *(one.grad for one in plan.model.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_where_all_classes_count_the_same_always_saying_the_most_frequent_is_the_baseline() -> None:
    plan = make_plan("a-run", of_classes, {"type": "cross_entropy", "weight": "balanced"})
    part = plan.parts["train"]
    assert isinstance(part, Part)
    assert plan.constant_name == "abc"[int(part.targets.bincount().argmax())]
    assert plan.chance.loss == pytest.approx(np.log(3), rel=1e-4)
