"""What a job can be, and what a worker holds of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class JobStatus(StrEnum):
    """Where a job stands. Only this package moves it."""

    QUEUED = "queued"  # waits for a worker, or for the job it comes after
    RUNNING = "running"  # leased to a worker
    PAUSED = "paused"  # its state is saved, and nobody takes it until someone resumes it
    SUCCEEDED = "succeeded"  # did what it was for
    FAILED = "failed"  # will not be tried again; `error` says why
    CANCELLED = "cancelled"  # someone asked, and the worker has obeyed


ENDED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class Request(StrEnum):
    """What was asked of a running job. It becomes a state once the worker has saved, and obeyed."""

    CANCEL = "cancel"  # end it
    PAUSE = "pause"  # let go of it until someone resumes it


class JobKind(StrEnum):
    """What a worker can be asked to do."""

    TRAIN = "train"
    INGEST = "ingest"
    EXPORT = "export"
    REPORT = "report"  # done elsewhere: held by the client that reports it, never claimed by a worker


WORK = tuple(kind for kind in JobKind if kind is not JobKind.REPORT)

SILENT = "silent"  # how a reported job has failed whose client was no longer heard of; its next word takes it up again


class LeaseLost(Exception):
    """The job is no longer this attempt's: it was rescued, cancelled or ended. Stop at once, write nothing."""


@dataclass(frozen=True)
class Claim:
    """A worker's hold on a job: what every one of its writes is checked against."""

    job_id: str
    attempt: int
    kind: str
    payload: dict[str, Any]
    worker_id: str
    num_controls: int = 0  # that there were when it was taken
    progress: dict[str, Any] | None = None  # that the attempts before it have told


@dataclass(frozen=True)
class Fence:
    """What a fenced write learns: the last number given to it, the database's time, and what was asked meanwhile."""

    last_seq: int
    time: float
    request: str | None
    num_controls: int
