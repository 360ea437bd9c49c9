"""Minima that no formula gives, against solvers by other hands."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from worker.train import solving


def by_linear_program(pairs: Tensor) -> float:
    """The least sum of a_jk max(0, 1 - x_j + x_k): each maximum is a number that is above both."""
    count = len(pairs)
    conditions = np.zeros((count * count, count + count * count))
    for i, (j, k) in enumerate(np.ndindex(count, count)):
        conditions[i, j] -= 1
        conditions[i, k] += 1
        conditions[i, count + i] = -1
    costs = np.concatenate([np.zeros(count), pairs.numpy().ravel()])
    bounds = [(None, None)] * count + [(0, None)] * count**2
    return float(linprog(costs, A_ub=conditions, b_ub=-np.ones(count * count), bounds=bounds, method="highs").fun)


def some_pairs() -> Iterator[Tensor]:
    """How often classes are the right one, and how often labels are there where others are not."""
    random = np.random.default_rng(0)
    for i in range(16):
        count = int(random.integers(2, 9))
        if i % 2:
            shares = torch.from_numpy(random.dirichlet(np.full(count, 0.5)))
            yield shares.unsqueeze(1) * (1 - torch.eye(count))
        else:
            labels = torch.from_numpy((random.random((50, count)) < random.random(count)).astype(float))
            yield labels.T @ (1 - labels) / 50


def test_scores_are_as_far_apart_as_a_linear_program_puts_them() -> None:
    for pairs in some_pairs():
        scores = solving.apart(pairs, 1.0, 1)
        found = float((pairs * (1 - scores.unsqueeze(1) + scores).clamp_min(0)).sum())
        assert found == pytest.approx(by_linear_program(pairs), rel=1e-4, abs=1e-9)
        assert torch.equal(solving.apart(pairs, 2.5, 1), 2.5 * scores)


def test_squares_of_what_is_lacking_have_no_slope_at_their_minimum() -> None:
    for pairs in some_pairs():
        scores = solving.apart(pairs, 1.0, 2).requires_grad_()
        torch.autograd.backward((pairs * (1 - scores.unsqueeze(1) + scores).clamp_min(0).square()).sum())
        assert scores.grad is not None and float(scores.grad.abs().max()) < 1e-5


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("parts", [[0.5, 0.5], [0.9, 0.1], [1.0, 0.0], [1e-6, 1.0, 0.3], [1.0] * 30], ids=str)
def test_no_other_shares_have_a_lower_focal_loss(parts: list[float], gamma: float) -> None:
    weights = torch.tensor(parts, dtype=torch.float64)

    def loss(shares: Tensor) -> float:
        return float((weights * (1 - shares) ** gamma * -shares.clamp_min(1e-300).log()).sum())

    shares = solving.focal_shares(weights, gamma)
    assert float(shares.sum()) == pytest.approx(1)
    random = torch.Generator().manual_seed(0)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(20):
            moved = shares.clamp_min(1e-9).log() + size * torch.randn(len(parts), generator=random, dtype=torch.float64)
            assert loss(moved.softmax(0)) >= loss(shares) - 1e-9
