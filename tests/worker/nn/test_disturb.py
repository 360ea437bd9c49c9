"""What dropout draws, and what it leaves of numbers and gradients."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812, torch's own abbreviation

from worker.nn.disturb import Dropout, dropout

MANY = 1 << 20


@pytest.mark.parametrize("p", [0.003, 0.1, 0.5, 0.97])
def test_the_share_is_dropped_and_the_expected_sum_stays(p: float) -> None:
    torch.manual_seed(0)
    found = dropout(torch.ones(MANY), p)
    error = (p * (1 - p) / MANY) ** 0.5  # of the share, one standard deviation
    assert abs(float((found == 0).double().mean()) - p) < 4 * error + 2**-17
    assert abs(float(found.double().mean()) - 1) < 4 * error / (1 - p)
    assert len(found.unique()) == 2


def test_neighbours_are_dropped_independently() -> None:
    """Four numbers come of one draw of 64 bits."""
    torch.manual_seed(0)
    kept = (dropout(torch.ones(MANY), 0.5) != 0).reshape(-1, 4).double()
    pairs = kept.T.corrcoef() - torch.eye(4)
    assert pairs.abs().max() < 4 / (MANY / 4) ** 0.5
    alike = (kept[1:] == kept[:-1]).double().mean(0)
    assert (alike - 0.5).abs().max() < 4 * 0.5 / (MANY / 4) ** 0.5


@pytest.mark.parametrize("shape", [(3,), (70, 41), (2, 3, 40, 30)])
def test_the_same_seed_drops_the_same_and_gradients_pass_where_numbers_do(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, requires_grad=True)
    torch.manual_seed(7)
    first = dropout(x, 0.3)
    torch.manual_seed(7)
    assert torch.equal(Dropout(0.3)(x), first)
    (gradient,) = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(first, x * gradient)
    assert not torch.equal(dropout(x, 0.3), first) or x.numel() < 10


def test_nothing_is_dropped_in_evaluation_nor_by_a_share_of_zero() -> None:
    x = torch.randn(70, 41)
    state = torch.get_rng_state()
    assert Dropout(0.3).eval()(x) is x
    assert dropout(x, 0.0) is x
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("p", [1e-6, 1 - 1e-6, 1.0])
def test_shares_that_sixteen_bits_cannot_say_are_torchs(p: float) -> None:
    x = torch.ones(70, 41)
    torch.manual_seed(3)
    ours = dropout(x, p)
    torch.manual_seed(3)
    assert torch.equal(ours, F.dropout(x, p))
