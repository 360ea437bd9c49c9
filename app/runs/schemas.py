"""What the API says of a run."""

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.db.tables import Control
from app.specs.inspection import LayerReport
from app.specs.memory import Memory

_EARLIEST_S, _LATEST_S = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1, 9999))  # what has a date


def _as_datetime(value: Any) -> Any:
    """The date of a moment, or the nearest that there is: one row that is wrong must not take the others with it."""
    if not isinstance(value, int | float):
        return value
    return datetime.fromtimestamp(0 if math.isnan(value) else min(max(value, _EARLIEST_S), _LATEST_S), UTC)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# Tables keep seconds since the epoch; the API speaks RFC 3339.
Timestamp = Annotated[datetime, BeforeValidator(_as_datetime)]
Seconds = Annotated[float | None, BeforeValidator(_finite)]


class Named(BaseModel):
    """A reference to a run, or to a model; one that is written inline has no id."""

    id: str | None
    name: str


class DatasetRef(BaseModel):
    """A reference to a version of a dataset."""

    id: str
    name: str
    version: int


class GroupRef(BaseModel):
    """The group that a run belongs to, and which of its runs it is."""

    id: str
    name: str
    over: Literal["folds", "seeds"]
    value: int = Field(description="the fold, from 0, or the seed")
    place: int = Field(description="among the runs of the group, from 1")
    num_runs: int = Field(description="that the group was made with")


class WorkerRef(BaseModel):
    """Who has the run, and why one may believe it."""

    id: str
    name: str
    host: str
    device: str | None
    pid: int | None = Field(description="the process that trains, on that host")
    heartbeat_at: Timestamp | None
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
    request: str | None = Field(description="what was asked of it and not yet obeyed: cancel, pause")
    tags: list[str]
    project: str
    is_favorite: bool
    archived_at: Timestamp | None
    origin: str = Field(description="worker: trained here; client: a script reports it; tensorboard: imported")
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    duration_s: Seconds = Field(description="since it was first started, or until it ended")
    num_parameters: int
    job_id: str = Field(description="the name of its stream")
    last_seq: int
    attempt: int
    waits_for: str | None = Field(description="the job that must end first")
    after: Named | None = Field(description="the run that must succeed first; none once it has")
    group: GroupRef | None = Field(description="the runs that it is one of, as a fold or with a seed of its own")
    dataset: DatasetRef | None = Field(description="none where a script reports the run")
    model: Named | None
    progress: dict[str, Any] | None
    progress_at: Timestamp | None = Field(description="when that was told")
    cause: dict[str, Any] | None = Field(description="why the attempt before this one ended")
    metrics: dict[str, SeriesSummary]
    worker: WorkerRef | None
    error: dict[str, Any] | None
    export: ExportState
    values: dict[str, bool | float | str | None] | None = Field(
        default=None, description="the settings and results that the list was asked for as `columns`"
    )


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


class ControlOut(BaseModel):
    """Something that was asked of a run while it trained. What is not of its `type` is null."""

    number: int
    type: str = Field(description="as it was asked for; nobody asked for a time_limit")
    asked_at: Timestamp
    step: int | None = Field(description="after how many steps it was done; none until then")
    lr: float | None = None
    num_epochs: int | None = Field(default=None, description="once it was done: how many there are")
    num_steps: int | None = Field(default=None, description="that a profile looks at")
    keep: str | None = None
    best_step: int | None = Field(
        default=None, description="of a stop that kept the best epoch's weights: where it ended"
    )
    best_epoch: int | None = None

    @classmethod
    def of(cls, row: Control) -> "ControlOut":
        """As the queue has it; what came of it stands in place of what was said."""
        said = {**row.said, **(row.outcome or {})}
        return cls(number=row.number, asked_at=row.asked_at, step=row.step, **said)


class RunDetail(RunOut):
    """A run with everything that is known of it."""

    num_epochs: int | None = Field(description="as it is now; none where a script reports the run")
    controls: list[ControlOut] = Field(description="what was asked of it while it trained, in order")
    newer_dataset: DatasetRef | None = Field(description="the newest version of its dataset, where that is a newer one")
    notes: str = Field(description="Markdown")
    notes_html: str = Field(description="the same as HTML, safe to show: no HTML of the notes' own, no pictures")
    spec: dict[str, Any]
    inspection: dict[str, Any]
    evaluation: dict[str, Any] | None
    findings: list[dict[str, Any]]
    preflight: dict[str, Any] | None = Field(description="what was seen before the first step; none before that")
    checkpoints: list[CheckpointOut]
    artifacts: list[ArtifactOut]


class RunPage(BaseModel):
    """A page of the runs that match."""

    items: list[RunOut]
    next_cursor: str | None
    num_matching: int | None = Field(description="of all pages together; null where it was not to be counted")


MAX_TAG_LENGTH = 100
Tag = Annotated[str, Field(min_length=1, max_length=MAX_TAG_LENGTH)]


class Freed(BaseModel):
    """What deleting gave back."""

    freed_bytes: int


class BatchIn(BaseModel):
    """Something to do to many runs: those of `ids`, or all that match `filter`."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] | None = Field(default=None, max_length=10_000)
    filter: str | None = None
    action: Literal[
        "cancel",
        "pause",
        "resume",
        "requeue",
        "archive",
        "unarchive",
        "favorite",
        "unfavorite",
        "tag",
        "untag",
        "project",
        "delete",
    ]
    value: str | None = Field(default=None, max_length=200, description="the tag or the project")


class Outcome(BaseModel):
    """What became of one run: changed, as it was already, or why not."""

    id: str
    ok: bool
    message: str | None = None
    new_id: str | None = Field(default=None, description="of the run that was queued again")


class BatchOut(BaseModel):
    """What became of each run."""

    outcomes: list[Outcome]
    num_ok: int
    freed_bytes: int


class RunPatch(BaseModel):
    """What can be changed of a run afterwards."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    tags: list[Tag] | None = Field(default=None, max_length=50)
    project: str | None = Field(default=None, max_length=200, description="empty: of no project")
    notes: str | None = Field(default=None, max_length=100_000, description="Markdown")
    is_favorite: bool | None = None
    archived: bool | None = Field(
        default=None, description="archived runs are left out of lists that do not ask for them"
    )


class CloneIn(BaseModel):
    """What a clone is to do otherwise."""

    model_config = ConfigDict(extra="forbid")

    patch: dict[str, Any] = Field(default={}, description="a JSON merge patch (RFC 7396) of the run's specification")


class LogLine(BaseModel):
    """A line of a run's log."""

    seq: int
    time: Timestamp
    level: str
    text: str


class LogOut(BaseModel):
    """Lines of a run's log, oldest first."""

    lines: list[LogLine]
    has_earlier: bool = Field(description="whether there are more before these")


class CheckOut(BaseModel):
    """Whether a run would be taken as it stands, and what its model makes of the data."""

    ok: bool
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]] = []  # what would be taken, but is rarely meant; as errors are
    inspection: dict[str, Any] | None
    input_shape: list[int] | None = None  # of what is fed, where the data say it
    input_shapes: dict[str, list[int]] | None = None  # the same of each of several inputs
    output_shape: list[int | None] | None = None  # of what is asked; null for a size that is the model's to say
    layers: list[LayerReport] = []  # where it would not be taken: what is known of the model's layers all the same
    memory: Memory | None = None
    rates: list[float] = []  # the learning rate over the run, at steps spread evenly, where nothing but them decides it
    num_rows: dict[str, int] | None
