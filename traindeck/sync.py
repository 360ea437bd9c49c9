"""Deliver what processes have left behind that have ended before the server had it all."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from traindeck.delivery import Away, Delivery
from traindeck.say import warn_once
from traindeck.server import Server
from traindeck.settings import Settings
from traindeck.spool import Busy, Spool

_BUSY_FOR_S = 10.0
_BUSY_PAUSE_S = 0.25


@dataclass
class Outcome:
    """What became of one file."""

    path: Path
    num_lines: int = 0
    problem: str = ""
    is_away: bool = False  # there is no server now: it is to be tried again


def sync(settings: Settings, *, url: str | None = None) -> list[Outcome]:
    """Deliver every file of the folder whose process is gone, oldest first; to `url`, or where each was meant for.

    Of a run that a living process reports, nothing: to begin it in the name of the dead would take it from the living.
    """
    paths = sorted(_by_age(settings.spool_dir.glob("*.jsonl")), key=_run_id)
    return [outcome for _, files in groupby(paths, _run_id) for outcome in _sync_run(list(files), settings, url)]


def deliver_before(settings: Settings, run_id: str, own: Path) -> None:
    """Deliver what earlier processes of the same run have left: their points come before ours. Raises Away.

    A file that is in use is waited for, but not for long: either `sync` delivers it, or a process that we replace.
    """
    until = time.monotonic() + _BUSY_FOR_S
    for path in _by_age(settings.spool_dir.glob(f"{run_id}-*.jsonl")):
        if path != own:
            while _is_busy(path) and time.monotonic() < until:
                time.sleep(_BUSY_PAUSE_S)
            outcome = _sync_one(path, settings, settings.url)
            if outcome.is_away:
                raise Away(outcome.problem)
            if outcome.problem:
                warn_once(f"what an earlier process left in {path.name} is not delivered: {outcome.problem}")


def _sync_run(paths: list[Path], settings: Settings, url: str | None) -> list[Outcome]:
    """The files of one run: those of later processes after those of earlier ones, which they shut out."""
    if any(_is_busy(path) for path in paths):
        return [Outcome(path, problem="a process still reports this run, and delivers it itself") for path in paths]
    outcomes: list[Outcome] = []
    for path in paths:
        if outcomes and outcomes[-1].is_away:
            outcomes.append(Outcome(path, problem="it waits for what came before it", is_away=True))
        else:
            outcomes.append(_sync_one(path, settings, url))
    return outcomes


def _sync_one(path: Path, settings: Settings, url: str | None) -> Outcome:
    outcome = Outcome(path)
    try:
        spool = Spool(path, create=False)
    except Busy:
        outcome.problem = "its process still runs, and delivers it itself"
        return outcome
    except FileNotFoundError:
        return outcome  # someone else has delivered it meanwhile
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
        outcome.problem, outcome.is_away = f"{target}: {error}", True
    delivery.server.close()
    outcome.problem = outcome.problem or ("the server takes no more of this run" if delivery.is_gone else "")
    spool.close(remove=not outcome.problem)
    return outcome


def _is_busy(path: Path) -> bool:
    try:
        Spool(path, create=False).close(remove=False)
    except Busy:
        return True
    except OSError:
        return False
    return False


def _run_id(path: Path) -> str:
    return path.name.partition("-")[0]


def _by_age(paths: Iterable[Path]) -> list[Path]:
    """Files in the order in which they were last written to: that in which their processes died."""
    ages: dict[Path, float] = {}
    for path in paths:
        with suppress(FileNotFoundError):
            ages[path] = path.stat().st_mtime
    return sorted(ages, key=lambda path: (ages[path], path.name))


def _url_of(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as file:
            url = json.loads(file.readline())["url"]
    except (OSError, ValueError, KeyError):
        return None
    return url if isinstance(url, str) else None
