"""Identifiers: opaque to clients, and in the order of their making."""

import secrets
import threading
import time

_STEP_BITS = 64  # at most, from one id to the next that the clock does not tell apart: two processes take other steps
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


class _Maker:
    """Numbers of 128 bits, each greater than all before: in the same millisecond too, and where a clock is set back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        with self._lock:
            self._last = max(fresh, self._last + 1 + secrets.randbits(_STEP_BITS))
            return self._last


_maker = _Maker()


def new_id() -> str:
    """A ULID in lower case: 48 bits of milliseconds, then 80 random ones, in 26 characters.

    Those of one process are in the order of their making. Source: https://github.com/ulid/spec
    """
    return _spell(_maker.next())


def is_id(text: str) -> bool:
    """Whether a text is an id as they are made here."""
    return len(text) == 26 and set(text) <= set(_ALPHABET)


def first_id_at(time_s: float) -> str:
    """What no id made at a time (in seconds since the epoch) or later is below."""
    return _spell(max(0, int(time_s * 1000)) << 80)


def _spell(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
