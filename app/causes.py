"""Why an attempt at a job ended, from what is known of it: an exit status, a signal, memory, silence. Pure.

A cause is told as it is known and no surer: a process that the system killed for want of memory is told apart from one
that a person killed by the system's own count of such kills, else by how little memory was left.
"""

import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

_GIB = 1 << 30
_LITTLE = 0.05  # of all memory: with less than this left, the system kills
_MUCH = 0.2  # of all memory: a process that held less is not what filled it
_SMALLER = "A smaller batch_size, a smaller model or fewer runs at a time need less memory."
_NO_FAULT = "Nothing in the run caused this; it goes on from its last checkpoint."
_FAULT = "This is a fault in Traindeck or in a library; the worker's output has more."


@dataclass(frozen=True)
class Cause:
    """Why an attempt ended."""

    # out_of_memory, killed, crashed, exited, lost_host, not_stopped, stopped, withdrawn, paused, cancelled, crash_loop
    kind: str
    message: str
    hint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The cause as a job's row and its stream keep it."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint, **self.details}


@dataclass(frozen=True)
class Evidence:
    """What the supervisor knows of a process that has died."""

    exitcode: int  # below zero: the signal that killed it
    num_oom_kills: int = 0  # that the system counted while it ran
    peak_bytes: int | None = None  # the most memory that it was seen to hold
    least_free_bytes: int | None = None  # the least memory that was seen to be free while it ran
    total_bytes: int | None = None

    def figures(self) -> dict[str, Any]:
        """What is known, for the details of a cause."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "exitcode"}


def of_death(evidence: Evidence) -> Cause:
    """The cause of a process's end that its supervisor did not bring about."""
    if evidence.exitcode >= 0:
        message = f"Its process ended with exit status {evidence.exitcode}."
        return Cause("exited", message, _FAULT, {"exit_status": evidence.exitcode})
    name = signal_name(-evidence.exitcode)
    details = {"signal": name, **evidence.figures()}
    if name == "SIGKILL":
        return _killed(evidence, details)
    if name in _CRASHES:
        return Cause("crashed", f"Its process crashed: {_CRASHES[name]} ({name}).", _FAULT, details)
    return Cause("killed", f"Its process was ended by {name}, which its worker had not sent.", _NO_FAULT, details)


_CRASHES = {
    "SIGSEGV": "it touched memory that is not its own",
    "SIGBUS": "it touched memory that is not there",
    "SIGABRT": "a library gave up",
    "SIGFPE": "an impossible calculation",
    "SIGILL": "an instruction that this processor does not have",
}


def _killed(evidence: Evidence, details: dict[str, Any]) -> Cause:
    held = _memory_words(evidence)
    if evidence.num_oom_kills > 0:
        return Cause(
            "out_of_memory", f"The system killed its process, for memory had run out{held}.", _SMALLER, details
        )
    if _was_short(evidence):
        message = f"Its process was killed (SIGKILL) while memory was short{held}: most likely by the system."
        return Cause("out_of_memory", message, _SMALLER, details)
    message = f"Its process was killed (SIGKILL) by someone other than its worker{held}."
    return Cause("killed", message, _NO_FAULT, details)


def _was_short(evidence: Evidence) -> bool:
    if evidence.total_bytes is None or evidence.least_free_bytes is None or evidence.peak_bytes is None:
        return False
    is_low = evidence.least_free_bytes < _LITTLE * evidence.total_bytes
    return is_low and evidence.peak_bytes > _MUCH * evidence.total_bytes


def _memory_words(evidence: Evidence) -> str:
    if evidence.peak_bytes is None or evidence.least_free_bytes is None:
        return ""
    return f"; it held {evidence.peak_bytes / _GIB:.1f} GiB, {evidence.least_free_bytes / _GIB:.1f} GiB were free"


def signal_name(number: int) -> str:
    """A signal by its name; its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def lost_host(worker: str, host: str, silent_s: float) -> Cause:
    """The worker fell silent: it was killed, its machine went down, or the network between it and the database."""
    message = f"The worker {worker} on {host} gave no sign of life for {silent_s:.0f} s."
    hint = f"It was killed, {host} went down or lost its network. The run goes on from its last checkpoint elsewhere."
    return Cause("lost_host", message, hint, {"worker": worker, "host": host, "silent_s": round(silent_s, 1)})


def of_rank(rank: int, count: int, cause: Cause) -> Cause:
    """The same of one of several processes that trained together: the others were ended with it."""
    message = f"Rank {rank} of {count} processes: {cause.message} The others were ended."
    return replace(cause, message=message, details={**cause.details, "rank": rank})


def not_stopped(grace_s: float) -> Cause:
    """Asked to stop, it did not within the grace, and was killed for it."""
    return Cause("not_stopped", f"It was asked to stop and had not after {grace_s:.0f} s, so its worker killed it.")


def stopped() -> Cause:
    """The worker was told to go, and gave the job back unharmed."""
    message = "Its worker was told to stop, saved the run's state and gave it back."
    return Cause("stopped", message, "It goes on from there.")


def withdrawn() -> Cause:
    """It obeyed when what it was asked for was wanted no longer."""
    return Cause("withdrawn", "It had stopped when the pause was taken back.", "It goes on from there.")


def paused() -> Cause:
    """Someone asked for it to pause."""
    return Cause("paused", "It was asked to pause, and saved its state.", "It goes on from there when it is resumed.")


def cancelled() -> Cause:
    """Someone had it end, and later had it go on."""
    return Cause("cancelled", "It was cancelled, and resumed later.", "It goes on from its last checkpoint.")


def crash_loop(num_deaths: int, last: Cause) -> Cause:
    """It died again and again without coming further: it is not tried once more."""
    often = (
        f"Its process died, and it was not to be tried again. {last.message}"
        if num_deaths == 1
        else f"Its process died {num_deaths} times without coming further. The last time: {last.message}"
    )
    return Cause(
        "crash_loop",
        often,
        last.hint if last.kind == "out_of_memory" else f"{last.hint} The log shows how far it came.".strip(),
        {"last": last.as_json()},
    )
