"""What the API says of a worker."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from app.runs.schemas import Timestamp


class WorkerState(StrEnum):
    """What may be believed of a worker, from when it was last heard of."""

    ALIVE = "alive"  # its last sign of life is no older than it should be
    SILENT = "silent"  # a beat is late; it still holds its jobs
    LOST = "lost"  # silent for a whole lease: its jobs are given to others
    STOPPED = "stopped"  # it has said goodbye


class RunningJob(BaseModel):
    """A job that a worker has in hand; `run_id` where it belongs to a run."""

    job_id: str
    kind: str
    run_id: str | None
    name: str | None = Field(description="of that run")


class WorkerOut(BaseModel):
    """A worker as it last described itself."""

    id: str
    name: str
    host: str
    pid: int
    devices: list[dict[str, Any]] = Field(description="name, type, and bytes of memory, all and free at its last beat")
    slots: int = Field(description="how many jobs it takes at a time")
    heartbeat_at: Timestamp
    heartbeat_age_s: float = Field(description="how long ago it was heard of, on the database's clock")
    state: WorkerState
    alive: bool = Field(description="not stopped, and heard of within a lease")
    silent_after_s: float = Field(description="not heard of for longer, it is silent")
    lost_after_s: float = Field(description="not heard of for longer, it is lost, and its jobs are taken over")
    started_at: Timestamp
    running: list[RunningJob]
    kinds: list[str] = Field(description="the kinds of jobs that it can run")
    versions: dict[str, str]
    torch_version: str | None
    exp_timing: dict[str, float] | None = Field(
        description="seconds that 1,000 times exp over 230,400 floats take on each of its devices, by their names; "
        "null until it had the time to measure them",
    )


class WorkerPage(BaseModel):
    """Workers, the living first, then the newest."""

    items: list[WorkerOut]
    next_cursor: None = None
