"""Deliver what processes have left behind that have ended before the server had it all."""

import json
from dataclasses import dataclass
from pathlib import Path

from traindeck.delivery import Away, Delivery
from traindeck.say import warn_once
from traindeck.server import Server
from traindeck.settings import Settings
from traindeck.spool import Busy, Spool


@dataclass
class Outcome:
    """What became of one file."""

    path: Path
    num_lines: int = 0
    problem: str = ""


def sync(settings: Settings, *, url: str | None = None) -> list[Outcome]:
    """Deliver every file of the folder whose process is gone, oldest first; to `url`, or where each was meant for."""
    return [_sync_one(path, settings, url) for path in sorted(settings.spool_dir.glob("*.jsonl"))]


def deliver_before(settings: Settings, run_id: str, own: Path) -> None:
    """Deliver what an earlier process of the same run has left: its points come before ours. Raises nothing."""
    for path in sorted(settings.spool_dir.glob(f"{run_id}-*.jsonl")):
        if path != own:
            outcome = _sync_one(path, settings, settings.url)
            if outcome.problem:
                warn_once(f"what an earlier process left in {path.name} is not delivered: {outcome.problem}")


def _sync_one(path: Path, settings: Settings, url: str | None) -> Outcome:
    outcome = Outcome(path)
    try:
        spool = Spool(path, create=False)
    except Busy:
        outcome.problem = "its process still runs, and delivers it itself"
        return outcome
    except OSError as error:
        outcome.problem = str(error)
        return outcome
    target = url or _url_of(path) or settings.url
    delivery = Delivery(spool, Server(Settings(target, settings.token, settings.spool_dir)))
    try:
        while delivery.deliver_next():
            outcome.num_lines += 1
        delivery.end_for_the_dead()
    except Away as error:
        outcome.problem = f"{target}: {error}"
    delivery.server.close()
    outcome.problem = outcome.problem or ("the server takes no more of this run" if delivery.is_gone else "")
    spool.close(remove=not outcome.problem)
    return outcome


def _url_of(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as file:
            url = json.loads(file.readline())["url"]
    except (OSError, ValueError, KeyError):
        return None
    return url if isinstance(url, str) else None
