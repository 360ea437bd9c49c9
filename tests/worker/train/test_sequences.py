"""Tokens in order at places that nobody knows: the loss, what always saying the same reaches, and how far is right."""

import copy
import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app.errors import JobFailure
from app.specs.losses import CTCLoss
from app.specs.model import ModelSpec
from app.specs.training import TrainingSpec
from app.transforms import Preprocessing, Target
from worker.train import constants, losses
from worker.train.batches import Part
from worker.train.learner import Learner
from worker.train.places import IGNORED, as_tokens
from worker.train.plan import Plan
from worker.train.sequences import Exact, TokenError, distances, in_order, spoken
from worker.train.setup import assemble

from .conftest import CPU
from .test_resume import words_of

NUM_TOKENS, NUM_PLACES, LENGTH = 4, 9, 4


def texts(num_rows: int, *, at_the_start: bool = True) -> Tensor:
    """Tokens (N, LENGTH) of texts that are filled up at the end, or at the start; some are empty."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(1, NUM_TOKENS, (num_rows, LENGTH), generator=generator)
    lengths = torch.randint(0, LENGTH + 1, (num_rows, 1), generator=generator)
    places = torch.arange(LENGTH)
    return torch.where(places < lengths if at_the_start else places >= LENGTH - lengths, tokens, 0)


def by_hand(outputs: Tensor, tokens: Tensor) -> Tensor:
    """torch's, row by row, of the tokens that there are."""
    found = []
    for row, own in zip(outputs, tokens, strict=True):
        told = own[own > 0]
        loss = F.ctc_loss(row, told, (len(row),), (len(told),), reduction="sum")
        found.append(loss / max(1, len(told)))
    return torch.stack(found).mean()


@pytest.mark.parametrize("at_the_start", [True, False])
def test_the_loss_is_torchs_wherever_texts_are_filled_up(at_the_start: bool) -> None:
    tokens = texts(20, at_the_start=at_the_start)
    scores = torch.randn(20, NUM_PLACES, NUM_TOKENS, generator=torch.Generator().manual_seed(0))
    found, wanted = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    loss, expected = (
        losses.build("ctc_loss")(found.log_softmax(2), as_tokens(tokens)),
        by_hand(wanted.log_softmax(2), tokens),
    )
    loss.backward()
    expected.backward()
    assert found.grad is not None and wanted.grad is not None
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found.grad, wanted.grad)


def test_a_text_that_does_not_fit_is_infinite_or_counts_nothing() -> None:
    outputs, targets = torch.zeros(2, 3, 3).log_softmax(2), torch.tensor([[1, 1, 1], [1, 2, IGNORED]])
    assert losses.build("ctc_loss")(outputs, targets) == math.inf
    found = losses.build("ctc_loss", zero_infinity=True)(outputs, targets)
    assert found == losses.build("ctc_loss")(outputs[1:], targets[1:]) / 2


def test_no_other_shares_at_every_place_have_a_lower_loss() -> None:
    tokens = texts(60)
    targets = as_tokens(tokens)
    best = constants.constant_outputs(CTCLoss(), targets.split(7), NUM_TOKENS, num_places=NUM_PLACES)
    loss = losses.build("ctc_loss")
    chance = losses.chance(loss, best.expand(NUM_PLACES, -1), targets.split(11))
    assert chance == pytest.approx(float(by_hand(best.expand(60, NUM_PLACES, -1), tokens)), rel=1e-5)
    assert float(best.exp().sum()) == pytest.approx(1)
    generator = torch.Generator().manual_seed(1)
    for size in (0.01, 0.1, 1.0):
        for _ in range(10):
            other = (best + size * torch.randn(NUM_TOKENS, generator=generator)).log_softmax(0)
            assert float(loss(other.expand(60, NUM_PLACES, -1), targets)) >= chance - 1e-5


def test_tokens_that_few_texts_have_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = torch.cat([texts(60), torch.tensor([[5, 5, 0, 0]])])
    monkeypatch.setattr(constants, "_MOST_TEXTS", 20)
    best = constants.constant_outputs(CTCLoss(), [as_tokens(tokens)], 7, num_places=NUM_PLACES).exp()
    assert best[5] > 10 * best[6] and torch.isfinite(best.log()).all()


def edits(one: tuple[Any, ...], other: tuple[Any, ...]) -> int:
    """The distance as a textbook has it."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i, j in itertools.product(range(1, len(one) + 1), range(1, len(other) + 1)):
        changed = table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
        table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, changed)
    return table[len(one), len(other)]


some_tokens = st.lists(st.integers(1, 3), max_size=6).map(tuple)


@given(st.lists(st.tuples(some_tokens, some_tokens), min_size=1, max_size=5))
def test_distances_are_those_of_a_textbook(pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    said, true = (torch.tensor([[*one, *[0] * (6 - len(one))] for one in side]) for side in zip(*pairs, strict=True))
    assert distances(said, true).tolist() == [edits(*pair) for pair in pairs]


def test_what_is_said_is_read_without_what_is_repeated() -> None:
    said = torch.tensor([[0, 1, 1, 0, 1, 2, 2], [3, 3, 3, 3, 3, 3, 3], [0, 0, 0, 0, 0, 0, 0]])
    outputs = F.one_hot(said, 4).float()
    assert spoken(outputs).tolist() == [[1, 1, 2, 0, 0, 0, 0], [3, *[0] * 6], [0] * 7]
    targets = torch.tensor([[IGNORED, 1, 1, 2], [3, 2, IGNORED, IGNORED], [IGNORED] * 4])
    assert in_order(targets).tolist() == [[1, 1, 2, 0], [3, 2, 0, 0], [0, 0, 0, 0]]
    exact, error = Exact(), TokenError()
    assert float(exact.value(exact.sums(outputs, targets), 3)) == pytest.approx(2 / 3)
    whole = sum(error.sums(outputs[i : i + 1], targets[i : i + 1]) for i in range(3))
    assert float(error.value(torch.as_tensor(whole), 3)) == pytest.approx(1 / 5)


def make_plan(tokens: Tensor, num_places: int = NUM_PLACES, **loss: Any) -> Plan:
    """Two layers, on texts that are fed as they are."""
    inputs = F.one_hot(tokens, NUM_TOKENS).float().flatten(1)
    layers = [
        {"type": "linear", "out_features": 24},
        {"type": "tanh"},
        {"type": "linear", "out_features": num_places * NUM_TOKENS},
        {"type": "reshape", "shape": [num_places, NUM_TOKENS]},
        {"type": "log_softmax"},
    ]
    training = TrainingSpec.model_validate(
        {
            "num_epochs": 30,
            "batch_size": 10,
            "loss": {"type": "ctc_loss", **loss},
            "optimizer": {"type": "adam", "lr": 0.02},
            "metrics": [{"type": "accuracy"}, {"type": "token_error"}],
        }
    )
    target = Target(name="y", step=words_of(LENGTH), num_classes=NUM_TOKENS, num_places=num_places)
    how = Preprocessing(steps=[], input_shape=[inputs.shape[1]], input_dtype="float32", target=target, loss="ctc_loss")
    part = Part(inputs, tokens, finish_targets=as_tokens)
    return assemble("a-run", ModelSpec.model_validate({"layers": layers}), training, {"train": part}, how, CPU)


def test_a_text_for_which_there_is_no_room_is_told_before_the_first_step() -> None:
    tokens = torch.cat([texts(20), torch.tensor([[1, 1, 1, 1]])])
    with pytest.raises(JobFailure, match="does not fit into 6 places"):
        make_plan(tokens, num_places=6)
    assert math.isfinite(make_plan(tokens, num_places=6, zero_infinity=True).chance.loss)
    assert math.isfinite(make_plan(tokens, num_places=7).chance.loss)


def test_a_training_takes_the_steps_of_a_loop_by_hand_and_learns() -> None:
    plan = make_plan(texts(40))
    model = copy.deepcopy(plan.model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    learner, step, found, expected = Learner(plan), 0, [], []
    for epoch in range(plan.num_epochs):
        for batch, targets in plan.batches.epoch(epoch, first=0):
            found.append(learner.learn(batch, targets, step).loss.item())
            step += 1
            if step > 20:
                continue
            optimizer.zero_grad()
            loss = by_hand(model(batch), torch.where(targets == IGNORED, 0, targets))
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    assert found[:20] == pytest.approx(expected, rel=1e-3)
    assert found[0] > plan.chance.unlearned > 2 * found[-1]
    assert plan.constant.shape == (NUM_PLACES, NUM_TOKENS)
