"""JSON merge patch, as RFC 7396 has it."""

from typing import Any


def merged(target: Any, patch: Any) -> Any:
    """A document with a patch merged into it, as a new one: null removes, objects merge, all else takes the place."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found
