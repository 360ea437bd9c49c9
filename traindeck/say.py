"""What went wrong, said once: a training's output is not the place for the same line a thousand times."""

import sys

_said: set[str] = set()


def warn_once(text: str, about: str | None = None) -> None:
    """A line on stderr, unless one `about` the same (or of the same words) was said before."""
    key = about or text
    if key not in _said:
        _said.add(key)
        say(text)


def forget(about: str) -> None:
    """What was said of this may be said again: it had become well in between."""
    _said.discard(about)


def say(text: str) -> None:
    """A line on stderr. That there may be none is no reason to fail."""
    try:
        print(f"traindeck: {text}", file=sys.stderr, flush=True)  # noqa: T201
    except Exception:
        return
