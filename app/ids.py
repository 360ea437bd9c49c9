"""Identifiers: opaque to clients, and in the order of their making."""

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u


def new_id() -> str:
    """A ULID in lower case: 48 bits of milliseconds, then 80 random ones, in 26 characters.

    Source: https://github.com/ulid/spec
    """
    return _spell((time.time_ns() // 1_000_000) << 80 | secrets.randbits(80))


def first_id_at(time_s: float) -> str:
    """What no id made at a time (in seconds since the epoch) or later is below."""
    return _spell(max(0, int(time_s * 1000)) << 80)


def _spell(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
