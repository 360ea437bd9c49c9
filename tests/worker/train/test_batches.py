import pytest
import torch

from worker.train.batches import Batches, Part, order

CPU = torch.device("cpu")


def batches(num_rows: int, batch_size: int, *, shuffle: bool = True, min_rows: int = 1, seed: int = 0) -> Batches:
    rows = torch.arange(num_rows)
    return Batches(Part(rows.float().unsqueeze(1), rows), batch_size, seed, shuffle, CPU, min_rows)


def rows_of(batched: Batches, epoch: int, first: int = 0) -> list[list[int]]:
    found = []
    for inputs, targets in batched.epoch(epoch, first):
        assert torch.equal(inputs.flatten().long(), targets)
        found.append(targets.tolist())
    return found


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_sees_every_row_once_and_the_last_batch_holds_the_rest(shuffle: bool) -> None:
    found = rows_of(batches(23, 5, shuffle=shuffle), epoch=0)
    assert [len(rows) for rows in found] == [5, 5, 5, 5, 3]
    assert sorted(row for rows in found for row in rows) == list(range(23))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    torch.manual_seed(1)
    first = order(50, seed=7, epoch=3)
    torch.manual_seed(2)
    assert torch.equal(first, order(50, seed=7, epoch=3))
    assert not torch.equal(first, order(50, seed=7, epoch=4))
    assert not torch.equal(first, order(50, seed=8, epoch=3))


def test_an_order_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    rows_of(batches(20, 3), epoch=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_can_begin_in_the_middle() -> None:
    whole = rows_of(batches(23, 5), epoch=2)
    assert rows_of(batches(23, 5), epoch=2, first=3) == whole[3:]


def test_without_shuffling_rows_come_as_they_lie() -> None:
    assert rows_of(batches(5, 2, shuffle=False), epoch=4) == [[0, 1], [2, 3], [4]]


def test_all_rows_in_one_batch_are_not_copied() -> None:
    batched = batches(7, 7)
    ((inputs, _),) = batched.epoch(0)
    assert inputs.data_ptr() == batched.part.inputs.data_ptr()


def test_a_row_left_alone_joins_the_batch_before_it_where_asked() -> None:
    assert batches(11, 5, min_rows=2).sizes() == [5, 6]
    assert batches(11, 5).sizes() == [5, 5, 1]
    assert batches(1, 5, min_rows=2).sizes() == [1]
