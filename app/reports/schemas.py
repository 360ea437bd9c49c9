"""What a script says of a run that it does itself, and what it is answered."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field

from app.runs.schemas import Tag

MAX_POINTS = 1_000_000  # of one request
MAX_SERIES = 5_000
MAX_LINES = 10_000
MAX_STEP = 2**53  # what JSON's readers still count exactly
MAX_TIME = 1e11  # in seconds since the epoch; milliseconds, for one, are beyond it

_FORBIDDEN = frozenset("\"'`<>\\&")


def _sane(name: str) -> str:
    if name != name.strip() or name.startswith("/") or name.endswith("/"):
        raise ValueError("a name neither begins nor ends with a space or a slash")
    if not name.isprintable() or _FORBIDDEN & set(name):
        raise ValueError("a name is of letters, digits, spaces and signs, without quotes, backslashes, <, > and &")
    return name


SeriesName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_sane)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
Writer = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")]
Step = Annotated[int, Field(ge=0, le=MAX_STEP)]
Time = Annotated[float, Field(ge=0, le=MAX_TIME, allow_inf_nan=False)]
Columns = FailFast()  # of a column of a million wrong values, the first one says it all


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReportedIn(_Said):
    """A run that begins elsewhere, or goes on there."""

    name: str = Field(default="", max_length=200, description="empty: its id's last characters")
    project: str = Field(default="", max_length=200)
    tags: list[Tag] = Field(default=[], max_length=50)
    config: dict[str, Any] = Field(default={}, description="whatever was set: any JSON, nested as you like")
    id: RunId | None = Field(
        default=None, description="the run to go on with; with resume=allow also the id of a new one"
    )
    resume: Literal["must", "allow"] = Field(default="must", description="whether the run of that id must be there")
    writer: Writer | None = Field(default=None, description="who reports: another one shuts out the one before")
    rewind_to: Step | None = Field(default=None, description="drop the points after this step: they come again")


class SeriesIn(_Said):
    """Points of one series, as columns."""

    name: SeriesName
    steps: Annotated[list[Step], Columns, Field(max_length=MAX_POINTS)]
    values: Annotated[list[float], Columns, Field(max_length=MAX_POINTS)]  # also "NaN", "Infinity", "-Infinity"
    times: Annotated[list[Time] | None, Columns] = Field(
        default=None, description="when each was made, in seconds since the epoch"
    )


class LineIn(_Said):
    """A line for the run's log."""

    text: str = Field(max_length=20_000)
    level: Literal["debug", "info", "warning", "error"] = "info"


class ProgressIn(_Said):
    """How far it is. What is left out stays as it was; without it, the highest step of the batch is taken."""

    step: Step | None = None
    num_steps: Step | None = None
    epoch: Step | None = None
    num_epochs: Step | None = None


class PointsIn(_Said):
    """What happened since the last batch. Without anything in it, it says that the script is still there."""

    batch: int | None = Field(
        default=None, ge=1, le=MAX_STEP, description="counts up; one that has come is not stored again"
    )
    writer: Writer | None = None
    rewind_to: Step | None = Field(default=None, description="first drop the points after this step")
    series: list[SeriesIn] = Field(default=[], max_length=MAX_SERIES)
    log: list[LineIn] = Field(default=[], max_length=MAX_LINES)
    progress: ProgressIn | None = None


class FinishIn(_Said):
    """How it ended."""

    status: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    error: str | None = Field(default=None, max_length=10_000, description="why it failed")
    writer: Writer | None = None


class Receipt(BaseModel):
    """What became of a batch, and what the script should know."""

    run_id: str
    attempt: int
    last_seq: int
    last_batch: int | None = Field(description="the newest batch that is stored")
    num_points: int = Field(description="points stored of this batch; 0 when it had come before")
    num_skipped: int = Field(description="points left out: their series has come to their step already")
    request: str | None = Field(description="what someone asked of the run: cancel")
    lease_s: float = Field(description="silent for longer, the run counts as failed until it is heard of again")
