"""What the API says of columns looked at together, and along time."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.exploring.sides import ReadAs


class Relation(BaseModel):
    """How closely a column goes together with the target."""

    column: str
    measure: Literal["correlation", "correlation_ratio", "cramers_v"] | None = None
    strength: float | None = Field(
        default=None, description="from 0 to 1: the larger size of the two correlations, or eta, or Cramér's V"
    )
    pearson: float | None = None
    spearman: float | None = None
    num_rows: int = Field(description="rows that were looked at and have a value of both")
    num_left_out: int = Field(description="rows that were looked at where one of the two is missing or infinite")
    note: str | None = Field(default=None, description="why nothing was measured")


class RelationsOut(BaseModel):
    """Every other column against the target, the closest first."""

    target: str
    read_as: ReadAs
    relations: list[Relation]
    num_rows: int
    num_examined: int = Field(description="rows that were looked at, evenly chosen")


class Scatter(BaseModel):
    """Rows as points, evenly chosen: the column across, the target up. Times are seconds since 1970."""

    type: Literal["scatter"] = "scatter"
    x: list[float]
    y: list[float]


class Box(BaseModel):
    """The values of a class: quartiles, and the last values within 1.5 times their distance."""

    value: str
    count: int
    low: float
    q1: float
    median: float
    q3: float
    high: float
    num_outside: int = Field(description="values below `low` or above `high`")


class Boxes(BaseModel):
    """A number by classes, the most frequent ones first."""

    type: Literal["boxes"] = "boxes"
    number: str
    category: str
    boxes: list[Box]
    num_others: int = Field(description="classes that are not shown")


class Shares(BaseModel):
    """How often each value of the column (rows) meets each class of the target (columns), the most frequent first."""

    type: Literal["shares"] = "shares"
    values: list[str]
    classes: list[str]
    has_other: bool = Field(description="whether a last column counts all other classes together")
    counts: list[list[int]]
    num_others: int = Field(description="values of the column that are not shown")


class PairOut(BaseModel):
    """What a column and the target look like together; no picture where no row has a value of both."""

    target: str
    relation: Relation
    picture: Annotated[Scatter | Boxes | Shares, Field(discriminator="type")] | None
    num_rows: int
    num_examined: int


class SeriesLine(BaseModel):
    """A column in the rows of one group, by buckets that hold any: B numbers each."""

    column: str
    group: str | None = None
    x: list[float] = Field(description="(B,): the mean place of the bucket's rows; times are seconds since 1970")
    low: list[float] = Field(description="(B,)")
    mean: list[float | None] = Field(description="(B,)")
    high: list[float] = Field(description="(B,)")
    count: list[int] = Field(description="(B,): rows with a value")


class SeriesOut(BaseModel):
    """Columns along another one, or along the rows as they stand. No value is left out: each bucket has its range."""

    along: str | None = Field(description="null: the number of the row, from 0 on")
    is_time: bool
    start: float
    end: float
    num_buckets: int
    lines: list[SeriesLine]
    num_rows: int = Field(description="rows in the window")
    num_without_place: int = Field(description="rows of the table without a value along")
    num_other_groups: int


class RatedValue(BaseModel):
    """A user, or an item."""

    value: str
    count: int = Field(description="ratings")
    mean: float = Field(description="of its ratings")


class RatedSide(BaseModel):
    """The users, or the items, by how many ratings they have."""

    num: int
    num_few: int = Field(description="with fewer than five ratings")
    least: int
    median: float
    most: int
    doublings: dict[int, int] = Field(description="of each k how many have from 2^k to 2^(k+1) − 1 ratings")
    frequent: list[RatedValue] = Field(description="the ten with the most ratings")


class RatingsOut(BaseModel):
    """Who rated what."""

    num_ratings: int
    num_left_out: int = Field(description="rows where user, item or value is missing or infinite")
    density: float | None = Field(description="the share of all pairs of a user and an item that are rated")
    num_repeated: int = Field(description="ratings of a pair that had one before")
    num_contradicted: int = Field(description="ratings of pairs that are rated differently")
    users: RatedSide
    items: RatedSide
