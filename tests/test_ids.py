"""Identifiers in the order of their making, whatever the clock does."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import ids


@pytest.mark.parametrize("tick_ns", [0, 1_000, 10_000_000, -10_000_000])
def test_ids_are_in_the_order_of_their_making(monkeypatch: pytest.MonkeyPatch, tick_ns: int) -> None:
    clock = time.time_ns()

    def tick() -> int:
        nonlocal clock
        clock += tick_ns
        return clock

    monkeypatch.setattr(time, "time_ns", tick)
    made = [ids.new_id() for _ in range(1_000)]
    assert made == sorted(set(made))
    assert {len(one) for one in made} == {26}


def test_threads_make_no_id_twice() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: ids.new_id(), range(4_000)))
    assert len(set(made)) == len(made)


def test_an_id_tells_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_maker", ids._Maker())
    before = time.time()
    assert ids.first_id_at(before - 0.001) <= ids.new_id() < ids.first_id_at(time.time() + 0.001)
