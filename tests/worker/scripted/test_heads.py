"""Tensors laid side by side, as a run has its inputs and outputs."""

import torch

from worker.scripted.heads import joined, side_by_side


def test_tensors_side_by_side_are_the_same_and_lie_in_one_row() -> None:
    whole, images = torch.tensor([[3], [2**24]]), torch.rand(2, 1, 2, 2)
    numbers, found = side_by_side(whole, images)
    assert numbers.dtype == torch.int64 and torch.equal(numbers, whole)
    assert torch.equal(found, images)
    assert found.stride(0) == 5, "a row holds the whole number too"


def test_gradients_reach_what_lies_side_by_side() -> None:
    first, second = torch.ones(2, 3, requires_grad=True), torch.ones(2, 1, requires_grad=True)
    _, found = side_by_side(first, second)
    (2 * found).sum().backward()
    assert second.grad is not None and second.grad.tolist() == [[2], [2]]
    assert first.grad is not None and not first.grad.any()


def test_batches_are_joined_each_with_its_like() -> None:
    batches = [(torch.zeros(2, 1), torch.ones(2)), (torch.zeros(3, 1), torch.ones(3))]
    assert [tuple(one.shape) for one in joined(batches)] == [(5, 1), (5,)]
