"""What slows down who guesses."""

import pytest

from app.access.guard import Throttle
from app.errors import TooManyRequests


def test_the_throttle_counts_guesses_by_address_and_forgets_them() -> None:
    now = [0.0]
    throttle = Throttle(limit=3, window_s=60, max_addresses=2, clock=lambda: now[0])
    for guess in ("a", "b", "b", "b"):
        throttle.wrong("one", guess)
    throttle.check("one")
    throttle.wrong("one", "c")
    throttle.check("two")
    with pytest.raises(TooManyRequests):
        throttle.check("one")
    now[0] = 61
    throttle.check("one")
    for address in ("x", "y", "z"):
        throttle.wrong(address, "a")
    assert len(throttle._wrong) == 2
