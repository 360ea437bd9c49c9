"""What the API says of a dataset, and what it is told of a new one."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.runs.schemas import Timestamp
from app.specs.columns import Column
from app.tabular.corrections import Corrections


class UploadDefinition(Corrections):
    """The part `definition` of an upload: what cannot be seen in the file, or would be misjudged."""

    name: str | None = Field(default=None, min_length=1, max_length=200, description="the file's own name if absent")


class UploadedFile(Corrections):
    """A file that has come in pieces, and how it is written."""

    type: Literal["upload"]
    upload: str = Field(description="the id that `POST /uploads` gave it")


class FileDefinition(BaseModel):
    """A dataset that is to be made of a file that has come in pieces."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="how it is called in lists")
    source: UploadedFile


class DatasetOut(BaseModel):
    """A dataset. In lists, its columns come without values, histograms and frequent values."""

    id: str
    name: str
    status: str = Field(description="ingesting, ready or failed")
    num_rows: int | None
    num_columns: int | None
    num_set_aside: int = Field(description="rows of the file that do not fit, and are no rows of the dataset")
    columns: list[Column]
    source: dict[str, Any]
    content_hash: str | None = Field(description="SHA-256: datasets with the same one hold the same rows")
    size_bytes: int | None
    created_at: Timestamp
    error: dict[str, Any] | None
    job_id: str | None = Field(description="the stream of its ingestion")


class DatasetPage(BaseModel):
    """A page of datasets, newest first."""

    items: list[DatasetOut]
    next_cursor: str | None


class BuiltinOut(BaseModel):
    """A dataset that comes with Traindeck."""

    name: str
    title: str
    num_rows: int
    num_columns: int


class GeneratorOut(BaseModel):
    """A rule by which datasets are made."""

    name: str
    title: str


class RowsOut(BaseModel):
    """Some rows of a dataset. Times are ISO 8601; what is not finite is spelled "Infinity" and "-Infinity"."""

    rows: list[dict[str, Any]]
    numbers: list[int] = Field(description="their places in the table, from 0 on")
    num_matching: int = Field(description="how many rows there are of those that were asked for")
    num_rows: int


class StatisticsOut(BaseModel):
    """What is known of each column."""

    num_rows: int
    columns: list[Column]
