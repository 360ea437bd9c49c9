import threading
import time
from collections.abc import Iterator

import pytest
import torch

from worker.train.batches import Batches, Part
from worker.train.prefetch import ahead, one_ahead


def num_threads() -> int:
    return sum(one.name == "prefetch" for one in threading.enumerate())


def test_items_keep_their_order_and_the_thread_ends() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []
    assert num_threads() == 0


def test_it_is_no_further_ahead_than_it_may_be() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(50):
            made.append(i)
            yield i

    for i in ahead(items(), count=2):
        time.sleep(0.002)
        assert len(made) <= i + 1 + 2 + 2  # taken, waiting, one in the hand, one being made
    assert made == list(range(50))


def test_what_goes_wrong_is_raised_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)
    assert num_threads() == 0


def test_the_thread_ends_where_the_rest_is_not_wanted() -> None:
    for item in ahead(range(10**9)):
        if item == 3:
            break
    del item
    assert num_threads() == 0


def test_each_is_ended_in_its_turn_when_the_next_has_begun() -> None:
    said: list[str] = []

    def begin(item: str) -> str:
        said.append(f"begin {item}")
        return item

    def end(item: str) -> str:
        said.append(f"end {item}")
        return item

    assert list(one_ahead("abc", begin, end)) == ["a", "b", "c"]
    assert said == ["begin a", "begin b", "end a", "begin c", "end b", "end c"]
    assert list(one_ahead("", begin, end)) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_batches_on_a_cuda_device_are_those_of_main_memory() -> None:
    part = Part(torch.arange(4000.0).reshape(1000, 4), torch.arange(1000))
    here, there = (Batches(part, 64, 3, True, torch.device(name)) for name in ("cpu", "cuda"))
    for one, other in zip(here.epoch(1), there.epoch(1), strict=True):
        assert all(torch.equal(a, b.cpu()) for a, b in zip(one, other, strict=True))
