"""Which ES modules a page's script needs, found in the files themselves.

Named in the page, they are fetched all at once rather than one level after another.
"""

import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
_IMPORT = re.compile(r"""^(?:import|export)\s[^;]*?from\s*["'](\.[^"']+)["']|^import\s*["'](\.[^"']+)["']""", re.M)


@cache
def modules_of(path: str) -> tuple[str, ...]:
    """What a module under `static/` imports, directly and not, in the order met; not what it imports late."""
    found: dict[str, None] = {}
    waiting = [path]
    while waiting:
        file = STATIC / waiting.pop(0)
        for named in _imports(file):
            if named != path and named not in found:
                found[named] = None
                waiting.append(named)
    return tuple(found)


def _imports(file: Path) -> list[str]:
    names = (one or other for one, other in _IMPORT.findall(file.read_text("utf-8")))
    return [(file.parent / name).resolve().relative_to(STATIC).as_posix() for name in names]
