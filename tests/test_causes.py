"""Each way to die is told by its name, and no surer than it is known."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import causes
from app.causes import Evidence

GIB = 1 << 30


def of(exitcode: int, **known: int) -> causes.Cause:
    return causes.of_death(Evidence(exitcode, **known))


@pytest.mark.parametrize(
    ("evidence", "kind", "words"),
    [
        (Evidence(1), "exited", "exit status 1"),
        (Evidence(-signal.SIGSEGV), "crashed", "SIGSEGV"),
        (Evidence(-signal.SIGABRT), "crashed", "SIGABRT"),
        (Evidence(-signal.SIGTERM), "killed", "SIGTERM"),
        (Evidence(-signal.SIGKILL), "killed", "SIGKILL"),
        (Evidence(-signal.SIGKILL, num_oom_kills=1), "out_of_memory", "memory had run out"),
        (Evidence(-signal.SIGKILL, 0, 12 * GIB, GIB // 4, 16 * GIB), "out_of_memory", "most likely"),
        (Evidence(-signal.SIGKILL, 0, 1 * GIB, GIB // 4, 16 * GIB), "killed", "it held 1.0 GiB"),
        (Evidence(-signal.SIGKILL, 0, 12 * GIB, 3 * GIB, 16 * GIB), "killed", "3.0 GiB were free"),
        (Evidence(-signal.SIGSEGV, num_oom_kills=1), "crashed", "SIGSEGV"),
    ],
)
def test_what_killed_a_process_is_told_from_the_evidence(evidence: Evidence, kind: str, words: str) -> None:
    cause = causes.of_death(evidence)
    assert (cause.kind, words in cause.message) == (kind, True), cause.message


@given(
    st.integers(-130, 255), st.integers(0, 3), st.none() | st.integers(0, 1 << 40), st.none() | st.integers(0, 1 << 40)
)
def test_every_end_has_a_cause(exitcode: int, num_oom_kills: int, peak: int | None, free: int | None) -> None:
    cause = causes.of_death(Evidence(exitcode, num_oom_kills, peak, free, 1 << 34))
    assert cause.message.endswith(".") and cause.hint
    assert cause.kind in ("out_of_memory", "killed", "crashed", "exited")
    assert (cause.kind == "exited") == (exitcode >= 0)
    assert set(cause.as_json()) >= {"kind", "message", "hint"}


def test_a_crash_loop_names_the_last_death() -> None:
    loop = causes.crash_loop(3, of(-signal.SIGSEGV))
    assert loop.kind == "crash_loop"
    assert "3 times" in loop.message and "SIGSEGV" in loop.message
    assert loop.as_json()["last"]["signal"] == "SIGSEGV"
    assert "batch_size" in causes.crash_loop(3, of(-signal.SIGKILL, num_oom_kills=1)).hint


def test_a_lost_host_is_named() -> None:
    assert "worker 1 on rack-7 gave no sign of life for 31 s" in causes.lost_host("worker 1", "rack-7", 31.2).message


def test_the_death_of_one_of_several_processes_says_which() -> None:
    cause = causes.of_rank(1, 2, of(-signal.SIGKILL, num_oom_kills=1))
    assert cause.kind == "out_of_memory"
    assert cause.message.startswith("Rank 1 of 2 processes: The system killed its process")
    assert cause.as_json()["rank"] == 1 and cause.as_json()["signal"] == "SIGKILL"
