"""A run as a training sees it: say what happens; threads of its own do the rest.

`log` appends to a buffer in memory and returns. The writer thread turns what is there into numbered batches on the
disk, about twice a second; the sender thread brings those to the server, as soon as it is there. So a process that is
killed loses at most what it said in its last half second, and a server that is away costs nothing but disk.

Any thread may log. A process that is forked off does not report, its parent does; with an `init` of its own it would.
"""

import atexit
import json
import math
import os
import secrets
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from traindeck.batches import LEVELS, Line, Logged, batches
from traindeck.delivery import BEGIN, FINISH, POINTS, Away, Delivery
from traindeck.say import say, warn_once
from traindeck.server import Server
from traindeck.settings import Settings
from traindeck.spool import Spool
from traindeck.sync import deliver_before

WRITE_EVERY_S = 0.5
AWAY_WRITE_EVERY_S = 5.0  # nobody is looking: fewer, larger batches
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0  # between attempts to reach a server that is away
FINISH_WITHIN_S = 30.0
FINISH_WHILE_AWAY_S = 3.0
_HURRIED_PAUSE_S = 0.25
_WRITE_SOON = 20_000  # calls in memory that are worth writing at once
_MAX_STEP = 2**53

_living: "weakref.WeakSet[Run]" = weakref.WeakSet()
_uncaught: list[tuple[str, str]] = []


class Run:
    """One training, reported. `traindeck.init` makes it; as a context manager it knows when the training failed."""

    def __init__(
        self,
        settings: Settings,
        *,
        run_id: str,
        name: str = "",
        project: str = "",
        config: Mapping[str, Any],
        tags: Sequence[str] = (),
        num_steps: int | None = None,
        is_resumed: bool = False,
        rewind_to: int | None = None,
    ) -> None:
        self.id = run_id
        self.url = f"{settings.url}/runs/{run_id}"
        self._writer = secrets.token_hex(8)
        begin = _begin(run_id, name, project, config, tags, is_resumed) | {"writer": self._writer}
        self._settings = settings
        self._num_steps = _whole("num_steps", num_steps)
        self._rewind_to = _whole("rewind_to", rewind_to)
        self._step = 0 if rewind_to is None else rewind_to + 1
        self._buffer: deque[Logged | Line] = deque()
        self._is_silenced = ""
        self._num_lost = 0
        self._batch = 0
        self._ending: dict[str, Any] | None = None
        self._write_now, self._send_now, self._all_written, self._delivered = (threading.Event() for _ in range(4))
        self._hurry = threading.Event()
        self._deadline = math.inf
        self._is_away = False
        self._spool = Spool(settings.spool_dir / f"{run_id}-{self._writer}.jsonl", create=True)
        self._delivery = Delivery(self._spool, Server(settings))
        self._spool.append({"type": BEGIN, "url": settings.url, "body": begin})
        for target in (self._write_regularly, self._send_regularly):
            threading.Thread(target=target, name=f"traindeck {target.__name__}", daemon=True).start()
        _living.add(self)

    @property
    def should_stop(self) -> bool:
        """Whether someone pressed Cancel on the page. To stop is up to the script."""
        return self._delivery.request == "cancel"

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Numbers by name, at a step; without one, at the step after the last. Costs microseconds, raises nothing.

        A value is whatever float() takes: a number, a numpy scalar, a tensor of one element.
        """
        try:
            at = self._step if step is None else step if type(step) is int else int(step)
            numbers = {name: float(value) for name, value in values.items()}
        except Exception as error:
            self._log_what_can_be(values, step, error)
            return
        if self._is_silenced or not 0 <= at <= _MAX_STEP:
            self._complain(at)
            return
        self._step = at + 1
        self._buffer.append(Logged(at, time.time(), numbers))
        if len(self._buffer) > _WRITE_SOON:
            self._write_now.set()

    def log_text(self, text: str, level: str = "info") -> None:
        """A line for the run's log; `level` is debug, info, warning or error. Raises nothing."""
        if self._is_silenced:
            self._complain(0)
            return
        self._buffer.append(Line(str(text), level if level in LEVELS else "info"))

    def finish(self, status: str | None = None, error: str | None = None, *, timeout_s: float | None = None) -> None:
        """The training has ended: deliver what is left, for at most `timeout_s`. What remains waits on the disk.

        `status` is succeeded, failed or cancelled; left out, it follows from `error` and from what was asked.
        """
        if self._is_silenced:
            return
        self._is_silenced = "the run has ended"
        if status not in ("succeeded", "failed", "cancelled"):
            status = "failed" if error else "cancelled" if self.should_stop else "succeeded"
        self._ending = {"status": status, "writer": self._writer} | ({"error": str(error)[:10_000]} if error else {})
        started = time.monotonic()
        self._deadline = started + (FINISH_WITHIN_S if timeout_s is None else timeout_s)
        self._write_now.set()
        self._hurry.set()
        while not self._delivered.wait(0.05) and time.monotonic() < self._deadline:
            if self._is_away and timeout_s is None:
                self._deadline = min(self._deadline, started + FINISH_WHILE_AWAY_S)
        if not self._delivered.is_set():
            where = f"in {self._settings.spool_dir}; deliver it with: python -m traindeck sync"
            say(f"the server does not have all of this run yet. {self._spool.num_waiting_bytes():,} bytes wait {where}")

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        else:
            self.finish(*_how(error))

    def _log_what_can_be(self, values: Any, step: Any, error: Exception) -> None:
        if not isinstance(values, Mapping):
            warn_once(f"log takes a dict of numbers by name. Received: {type(values).__name__}", "log dict")
            return
        try:
            at = None if step is None else int(step)
        except Exception:
            warn_once(f"a step is a whole number. Received: {type(step).__name__}; nothing is recorded", "log step")
            return
        numbers: dict[str, float] = {}
        for name, value in values.items():
            try:
                numbers[str(name)] = float(value)
            except Exception:
                warn_once(f"{name!r} is left out: {type(value).__name__} is no number", f"value {name}")
        if numbers:
            self.log(numbers, at)

    def _complain(self, at: int) -> None:
        if not self._is_silenced:
            warn_once(f"a step is a whole number from 0 on. Received: {at}; nothing is recorded", "log step")
        elif "forked" not in self._is_silenced:
            warn_once(f"log was called, but {self._is_silenced}; nothing is recorded", f"silenced {self.id}")

    def _write_regularly(self) -> None:
        try:
            while self._ending is None:
                self._write_now.wait(AWAY_WRITE_EVERY_S if self._is_away else WRITE_EVERY_S)
                self._write_now.clear()
                self._write()
            self._write()
            self._keep({"type": FINISH, "body": self._ending})
        except Exception as error:
            warn_once(f"recording has stopped: {type(error).__name__}: {error}")
        self._all_written.set()
        self._send_now.set()

    def _write(self) -> None:
        """Everything in memory, onto the disk."""
        for body in batches(self._taken()):
            self._batch += 1
            line = {"batch": self._batch, "writer": self._writer, **body}
            if self._rewind_to is not None:
                line["rewind_to"], self._rewind_to = self._rewind_to, None
            if self._num_steps is not None:
                line["progress"] = {"num_steps": self._num_steps}
            self._keep({"type": POINTS, "body": line})
        if self._is_away:
            self._spool.sync()
        else:
            self._spool.shrink()
        self._spool.keep_alive()

    def _taken(self) -> Iterator[Logged | Line]:
        for _ in range(len(self._buffer)):
            yield self._buffer.popleft()

    def _keep(self, line: dict[str, Any]) -> None:
        if self._spool.append(line):
            self._send_now.set()
        else:
            warn_once("there is room for nothing more, on disk or in memory: points are being lost", "lost")

    def _send_regularly(self) -> None:
        try:
            is_first = False  # to be sent: an earlier process's word after ours would take the run from us
            pause_s = FIRST_PAUSE_S
            while not self._is_done():
                try:
                    if not is_first:
                        deliver_before(self._settings, self.id, self._spool.path)
                        is_first = True
                    self._send_what_waits()
                    self._is_away, pause_s = False, FIRST_PAUSE_S
                except Away as error:
                    self._is_away = True
                    warn_once(f"{self._settings.url} cannot be reached ({error}); what is logged waits on disk", "away")
                    self._pause(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except Exception as error:
            warn_once(f"sending has stopped: {type(error).__name__}: {error}; what is logged waits on disk")
            return
        self._let_go()

    def _pause(self, pause_s: float) -> None:
        """Before the next attempt: shorter while `finish` waits for it."""
        if time.monotonic() < self._deadline < math.inf:
            time.sleep(min(pause_s, _HURRIED_PAUSE_S))
        else:
            self._hurry.wait(pause_s)
            self._hurry.clear()

    def _is_done(self) -> bool:
        return self._all_written.is_set() and (self._spool.peek() is None or self._delivery.is_gone)

    def _send_what_waits(self) -> None:
        while self._delivery.deliver_next():
            pass
        if not self._all_written.is_set() and not self._send_now.wait(self._delivery.lease_s / 4):
            self._delivery.beat()
        self._send_now.clear()

    def _let_go(self) -> None:
        self._spool.close(remove=not self._delivery.is_gone)
        self._delivery.server.close()
        self._delivered.set()


def _begin(
    run_id: str, name: str, project: str, config: Mapping[str, Any], tags: Sequence[str], is_resumed: bool
) -> dict[str, Any]:
    """What begins the run, checked: TypeError and ValueError say what makes no sense."""
    for what, value in (("name", name), ("project", project), ("resume", run_id)):
        if not isinstance(value, str) or len(value) > 200:
            raise TypeError(f"{what} must be a text of at most 200 characters. Received: {value!r:.100}")
    if len(run_id) != 26 or not run_id.isalnum():
        raise ValueError(f"resume must be the id of a run, of 26 letters and digits. Received: {run_id!r}")
    if not isinstance(config, Mapping):
        raise TypeError(f"config must be a dict. Received: {type(config).__name__}")
    if isinstance(tags, str) or not all(isinstance(tag, str) and 0 < len(tag) <= 100 for tag in tags) or len(tags) > 50:
        raise TypeError(f"tags must be a list of at most 50 short texts. Received: {tags!r:.100}")
    return {
        "id": run_id,
        "resume": "must" if is_resumed else "allow",
        "name": name,
        "project": project,
        "tags": list(tags),
        "config": json.loads(json.dumps(_plain(config))),
    }


def _plain(value: Any) -> Any:
    """A setting as JSON has it. What JSON does not know is told in its own words."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    try:
        number = float(value)
    except Exception:
        return str(value)
    return number if math.isfinite(number) else str(number)


def _whole(what: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"{what} must be a whole number from 0 on. Received: {value!r}")
    return value


def _how(error: BaseException) -> tuple[str, str]:
    """How a training has ended that was left by an exception."""
    status = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
    return status, f"{type(error).__name__}: {error}"


def _finish_all() -> None:
    for run in list(_living):
        run.finish(*(_uncaught[-1] if _uncaught else (None, None)))


def _note_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _uncaught.append(_how(error))
    _excepthook(kind, error, traceback)


def _be_silent_in_child() -> None:
    for run in list(_living):
        run._is_silenced = "this process was forked off after init; its parent reports"
        run._spool.let_go()


_excepthook, sys.excepthook = sys.excepthook, _note_uncaught
atexit.register(_finish_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_be_silent_in_child)
