"""Report a training of your own to Traindeck: `run = traindeck.init(...)`, `run.log({"train/loss": 0.3}, step=7)`.

Standard library only, and this folder is all of it: copy it to where you train, if you cannot install it there. `log`
writes to memory and returns; threads of its own bring everything to the disk, and from there to the server, now or
later. Nothing here raises into a training but `init`, when what it is given makes no sense.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from traindeck.ids import new_id
from traindeck.run import Run
from traindeck.say import warn_once
from traindeck.settings import Settings

__all__ = ["Run", "finish", "init", "log", "log_text"]
__version__ = "0.1.0"

_current: Run | None = None


def init(
    name: str = "",
    project: str = "",
    config: Mapping[str, Any] | None = None,
    *,
    tags: Sequence[str] = (),
    num_steps: int | None = None,
    resume: str | None = None,
    rewind_to: int | None = None,
    url: str | None = None,
    token: str | None = None,
    spool_dir: str | None = None,
) -> Run:
    """Begin a run, or with `resume` go on with the one of that id. Returns at once, whether or not the server is there.

    `url`, `token` and `spool_dir` are otherwise TRAINDECK_URL, TRAINDECK_TOKEN and TRAINDECK_SPOOL_DIR. With
    `rewind_to`, a resumed run drops its points after that step. Raises TypeError and ValueError.
    """
    global _current  # noqa: PLW0603, what `traindeck.log` speaks of
    settings = Settings.of(url, token, spool_dir)
    _current = Run(
        settings,
        run_id=resume or new_id(),
        name=name,
        project=project,
        config={} if config is None else config,
        tags=tags,
        num_steps=num_steps,
        is_resumed=resume is not None,
        rewind_to=rewind_to,
    )
    return _current


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """As `Run.log`, of the newest run of this process."""
    if _current is None:
        warn_once("there is no run yet: call traindeck.init first; nothing is recorded")
    else:
        _current.log(values, step)


def log_text(text: str, level: str = "info") -> None:
    """As `Run.log_text`, of the newest run of this process."""
    if _current is not None:
        _current.log_text(text, level)


def finish(status: str | None = None, error: str | None = None) -> None:
    """As `Run.finish`, of the newest run of this process."""
    if _current is not None:
        _current.finish(status, error)
