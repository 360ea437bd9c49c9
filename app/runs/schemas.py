"""What the API says of a run."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field


def _as_datetime(value: Any) -> Any:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value


# Tables keep seconds since the epoch; the API speaks RFC 3339.
Timestamp = Annotated[datetime, BeforeValidator(_as_datetime)]


class Named(BaseModel):
    """A reference to a dataset or a model; a model written inline has no id."""

    id: str | None
    name: str


class WorkerRef(BaseModel):
    """Who has the run, and why one may believe it."""

    id: str
    name: str
    host: str
    device: str | None
    pid: int | None = Field(description="the process that trains, on that host")
    heartbeat_age_s: float | None = Field(description="how long ago it was heard of; none once the run has ended")
    lease_left_s: float | None = Field(description="silent for this much longer, it loses the run to another worker")


class SeriesSummary(BaseModel):
    """A curve in a line. Non-finite values are spelled "NaN", "Infinity", "-Infinity"."""

    last: float | str | None
    last_step: int
    min: float | None
    max: float | None
    num_points: int
    num_non_finite: int


class ExportState(BaseModel):
    """How far the ONNX export is, which follows a training that has succeeded."""

    status: str
    error: dict[str, Any] | None = None


class RunOut(BaseModel):
    """A run as lists show it."""

    id: str
    name: str
    status: str
    request: str | None = Field(description="what was asked of it and not yet obeyed: cancel")
    tags: list[str]
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    duration_s: float | None = Field(description="since it was first started, or until it ended")
    num_parameters: int
    job_id: str = Field(description="the name of its stream")
    last_seq: int
    attempt: int
    waits_for: str | None = Field(description="the job that must end first")
    dataset: Named | None = Field(description="none where a script reports the run")
    model: Named | None
    progress: dict[str, Any] | None
    progress_at: Timestamp | None = Field(description="when that was told")
    cause: dict[str, Any] | None = Field(description="why the attempt before this one ended")
    metrics: dict[str, SeriesSummary]
    worker: WorkerRef | None
    error: dict[str, Any] | None
    export: ExportState


class ArtifactOut(BaseModel):
    """A file that a run left."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str


class CheckpointOut(BaseModel):
    """A state from which the run can go on."""

    step: int
    epoch: int
    attempt: int
    size_bytes: int
    is_best: bool
    created_at: Timestamp


class RunDetail(RunOut):
    """A run with everything that is known of it."""

    spec: dict[str, Any]
    inspection: dict[str, Any]
    evaluation: dict[str, Any] | None
    findings: list[dict[str, Any]]
    checkpoints: list[CheckpointOut]
    artifacts: list[ArtifactOut]


class RunPage(BaseModel):
    """A page of runs, newest first."""

    items: list[RunOut]
    next_cursor: str | None


class RunPatch(BaseModel):
    """What can be changed of a run afterwards."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    tags: list[str] | None = Field(default=None, max_length=50)


class LogLine(BaseModel):
    """A line of a run's log."""

    seq: int
    time: Timestamp
    level: str
    text: str


class CheckOut(BaseModel):
    """Whether a run would be taken as it stands, and what its model makes of the data."""

    ok: bool
    errors: list[dict[str, Any]]
    inspection: dict[str, Any] | None
    num_rows: dict[str, int] | None
