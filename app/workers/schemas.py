"""What the API says of a worker."""

from typing import Any

from pydantic import BaseModel, Field


class RunningJob(BaseModel):
    """A job that a worker has in hand; `run_id` where it belongs to a run."""

    job_id: str
    kind: str
    run_id: str | None


class WorkerOut(BaseModel):
    """A worker as it last described itself."""

    id: str
    name: str
    host: str
    pid: int
    devices: list[dict[str, Any]] = Field(description="name, type, and memory in bytes")
    slots: int = Field(description="how many jobs it takes at a time")
    heartbeat_age_s: float = Field(description="how long ago it was heard of, on the database's clock")
    alive: bool = Field(description="not stopped, and heard of within a lease")
    running: list[RunningJob]
    torch_version: str | None
    exp_timing: dict[str, Any] | None = Field(description="what its own measurements of itself came to")


class WorkerPage(BaseModel):
    """Workers, the living first, then the newest."""

    items: list[WorkerOut]
    next_cursor: None = None
