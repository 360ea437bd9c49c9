"""Answers of many places as rows: what counts, what is left out, and what a constant answer reaches."""

import math

import pytest
import torch
from sklearn import metrics as sklearn
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from app.specs.losses import LOSSES
from worker.train import constants, losses, metrics
from worker.train.metrics import Accumulator, Answers
from worker.train.places import IGNORED, ROWS, Places, as_shares, as_tokens

TOKENS = Places("tokens", (5,))
PIXELS = Places("pixels", (4, 3))


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs (6, 5, 7) and tokens (6, 5), of which some only fill up."""
    random = torch.Generator().manual_seed(0)
    numbers = torch.randint(7, (6, 5), generator=random)
    numbers[2:4, 3:] = 0
    return torch.randn(6, 5, 7, generator=random), as_tokens(numbers)


def test_what_fills_a_text_up_counts_nowhere() -> None:
    outputs, targets = texts()
    loss = TOKENS.loss(losses.build("cross_entropy"))
    kept = targets != IGNORED
    assert 0 < kept.sum() < kept.numel()
    assert float(loss(outputs, targets)) == pytest.approx(
        float(F.cross_entropy(outputs[kept], targets[kept])), rel=1e-6
    )
    answers = Answers(7, ignores=True)
    asked = [metrics.build("accuracy", answers, 1.0), metrics.build("f1", answers, 1.0)]
    asked.append(metrics.build("top_k_accuracy", answers, 1.0, k=2))
    gathered = Accumulator(asked, TOKENS)
    for rows in (slice(0, 4), slice(4, 6)):  # however rows fall into batches
        gathered.add(outputs[rows], targets[rows])
    found = {name: float(value) for name, value in gathered.values().items()}
    truth, said = targets[kept], outputs[kept].argmax(-1)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, said))
    assert found["f1"] == pytest.approx(sklearn.f1_score(truth, said, average="macro", zero_division=0))
    in_two = (outputs[kept].topk(2).indices == truth[:, None]).any(1)
    assert found["top_2_accuracy"] == pytest.approx(float(in_two.float().mean()))
    changed = outputs.clone()
    changed[~kept] = 1e3 * torch.randn(changed[~kept].shape)
    assert loss(changed, targets) == loss(outputs, targets)


def test_texts_without_a_token_to_say_teach_nothing() -> None:
    outputs = torch.randn(2, 5, 7, requires_grad=True)
    loss = TOKENS.loss(losses.build("cross_entropy"))(outputs, torch.full((2, 5), IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None and not outputs.grad.any()


def test_always_saying_the_shares_of_all_places_reaches_their_entropy() -> None:
    masks = torch.tensor([0, 0, 0, 1]).repeat(6, 3, 1).movedim(1, -1)  # (6, 4, 3)
    outputs = PIXELS.spread(constants.constant_outputs(LOSSES["cross_entropy"](), [masks], 2))
    assert outputs.shape == (2, 4, 3)
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert losses.chance(losses.build("cross_entropy"), outputs, [masks[:4], masks[4:]], PIXELS.count) == pytest.approx(
        entropy
    )
    _, targets = texts()
    constant = TOKENS.spread(constants.constant_outputs(LOSSES["cross_entropy"](), TOKENS.told([targets]), 7))
    assert constant.shape == (5, 7)
    shares = torch.bincount(targets[targets != IGNORED], minlength=7).double()
    shares = shares[shares > 0] / shares.sum()
    found = losses.chance(TOKENS.loss(losses.build("cross_entropy")), constant, targets.split(2), TOKENS.count)
    assert found == pytest.approx(-float((shares * shares.log()).sum()), rel=1e-5)


def test_the_mean_of_each_place_explains_nothing_of_it() -> None:
    targets = torch.randn(50, 3, 2) + torch.tensor([0.0, 100.0])
    metric = metrics.build("r2", None, 1.0, of_places=True)
    mean = constants.constant_outputs(LOSSES["mse_loss"](), [targets], 0).expand_as(targets)
    assert float(metric.value(metric.sums(mean, targets), 50)) == pytest.approx(0, abs=1e-5)
    outputs = targets + 0.3 * torch.randn(50, 3, 2)
    theirs = sklearn.r2_score(targets.flatten(1), outputs.flatten(1), multioutput="variance_weighted")
    assert float(metric.value(metric.sums(outputs, targets), 50)) == pytest.approx(theirs, rel=1e-4)


def test_errors_of_several_columns_are_in_their_own_units() -> None:
    outputs, targets, spread = torch.randn(20, 2), torch.randn(20, 2), torch.tensor([10.0, 0.1])
    metric = metrics.build("mae", None, spread)
    found = metric.value(metric.sums(outputs, targets), 20)
    assert float(found) == pytest.approx(sklearn.mean_absolute_error(targets * spread, outputs * spread), rel=1e-5)


def test_plain_rows_pass_as_they_are() -> None:
    outputs, targets, loss = torch.randn(3, 2), torch.tensor([0, 1, 1]), losses.build("cross_entropy")
    assert ROWS.loss(loss) is loss and ROWS.rows(outputs, targets)[0] is outputs
    assert ROWS.count(targets) == 3 and ROWS.spread(outputs) is outputs


def test_bytes_become_shares() -> None:
    assert as_shares(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx([0, 0.2, 1])
