"""What the API says of a group of runs."""

from typing import Literal

from pydantic import BaseModel, Field

from app.runs.schemas import RunOut, Timestamp


class Figure(BaseModel):
    """What the runs of a group came to in one metric on one part of the data, as each was evaluated when it ended."""

    part: str
    metric: str
    goal: Literal["min", "max"] | None = Field(description="whether a lower or a higher value is better, where either")
    num_runs: int = Field(description="that have come to a finite value; the rest counts in none of the figures")
    mean: float | None
    std: float | None = Field(description="the standard deviation of a sample: divided by n - 1; null for one run")
    min: float | None
    max: float | None
    interval: tuple[float, float] | None = Field(
        description="where the mean lies with 95 %, by Student's t, if the runs were independent of one another"
    )
    values: list[float | str | None] = Field(description="of each run, in the order of `runs`; null where it has none")


class GroupOut(BaseModel):
    """A group as lists show it."""

    id: str
    name: str
    over: Literal["folds", "seeds"]
    members: list[int] = Field(description="the folds or the seeds that it was made with")
    created_at: Timestamp
    num_runs: int = Field(description="that are there")
    statuses: dict[str, int] = Field(description="how many of them stand how")


class GroupDetail(GroupOut):
    """A group with its runs, and what they came to."""

    runs: list[RunOut] = Field(description="in the order of `members`")
    figures: list[Figure] = Field(description="of the test first, then of the validation, then of the training")


class GroupPage(BaseModel):
    """A page of groups, newest first."""

    items: list[GroupOut]
    next_cursor: str | None
