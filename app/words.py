"""Numbers, times and sizes in words for the first paint; `static/js/format.js` says them the same way.

Both are held to `tests/js/format_cases.json`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

NONE = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _round_half_up(x: float) -> int:
    return math.floor(x + 0.5)


def _significant(x: float, digits: int) -> str:
    return f"{x:#.{digits}g}".removesuffix(".")


def _scientific(x: float) -> str:
    mantissa, exponent = f"{x:.2e}".split("e")
    return _minus(f"{mantissa}e{int(exponent)}")


def number(value: float | str | None) -> str:
    """A value as a person reads it: 0.213, 31.24, 171,274, 2.10e−5. Whole numbers stay whole."""
    if value is None:
        return NONE
    x = float(value)
    if math.isfinite(x) and x.is_integer() and abs(x) < 1e9:
        return count(int(x))
    return measure(x)


def measure(value: float | str | None) -> str:
    """A measured value: as `number`, but its digits stay when it happens to be whole."""
    if value is None:
        return NONE
    x = float(value)
    size = abs(x)
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else ("∞" if x > 0 else "−∞")
    if size == 0:
        return "0.000"
    if size < 1e-4 or size >= 1e9:
        return _scientific(x)
    if size >= 1000:
        return count(_round_half_up(x))
    if size >= 1:
        return _minus(_significant(x, 4))
    return _minus(f"{x:.3f}" if size >= 0.0995 else _significant(x, 3 if size >= 1e-3 else 2))


def brief(value: float, digits: int = 4) -> str:
    """As few digits as say it, in a sentence: 0.5, 31.24, 12,000, 2.1e−5."""
    rounded = float(f"{value:.{digits}g}")
    size = abs(rounded)
    if not math.isfinite(rounded):
        return measure(rounded)
    if 1000 <= size < 1e9:
        return count(_round_half_up(rounded))
    if size == 0 or 1e-4 <= size < 1000:
        return _minus(f"{rounded:g}").removeprefix("−" if size == 0 else "")
    mantissa, exponent = f"{rounded:e}".split("e")
    return _minus(f"{float(mantissa):g}e{int(exponent)}")


def count(value: float | None) -> str:
    """A whole number with its thousands apart."""
    return NONE if value is None else _minus(f"{int(value):,}")


def percent(fraction: float | None) -> str:
    """A share, rounded down: 100% means done."""
    return NONE if fraction is None else f"{math.floor(fraction * 100)}%"


def _pair(total: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = total % large // small
    return f"{total // large} {large_name}" + (f" {rest} {small_name}" if rest else "")


def duration(seconds: float | None) -> str:
    """15 ms, 0.2 s, 41 s, 1 min 52 s, 2 h 5 min, 3 d 4 h."""
    if seconds is None:
        return NONE
    if seconds < 0.0995:
        return f"{max(0, _round_half_up(seconds * 1000))} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    s = _round_half_up(seconds)
    if s < _MINUTE:
        return f"{s} s"
    if s < _HOUR:
        return _pair(s, _MINUTE, "min", 1, "s")
    return _pair(s, _HOUR, "h", _MINUTE, "min") if s < _DAY else _pair(s, _DAY, "d", _HOUR, "h")


def age(seconds: float | None) -> str:
    """just now, 12 s ago, 3 min ago, 2 h ago, yesterday, 5 days ago."""
    if seconds is None:
        return NONE
    if seconds < 2:
        return "just now"
    for limit, unit, name in ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "min"), (_DAY, _HOUR, "h")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    days = int(seconds // _DAY)
    return "yesterday" if days == 1 else f"{days:,} days ago"


def bytes_(size: int | None) -> str:
    """Bytes in powers of 1,000, as disks are sold: 12 B, 4.2 kB, 31 MB."""
    if size is None:
        return NONE
    if size < 1000:
        return f"{size} B"
    value, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 9.95 else f"{_round_half_up(value)} {units[0]}"


def shape(sizes: Sequence[int] | None) -> str:
    """A shape without its batch: 1 × 28 × 28; a single number has none."""
    if sizes is None:
        return NONE
    return " × ".join(count(size) for size in sizes) or "scalar"


def plural(n: int, one: str, many: str | None = None) -> str:
    """1 run, 1,200 runs."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "measure": measure,
    "count": count,
    "percent": percent,
    "duration": duration,
    "age": age,
    "bytes": bytes_,
    "shape": shape,
    "plural": plural,
}
