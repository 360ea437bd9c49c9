"""What the API says of a dataset, and what it is told of a new one."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.runs.schemas import Timestamp
from app.specs.columns import Column, Value
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


MAX_CELLS = 100_000  # that are relabelled at once, one by one
MAX_FILES = 50  # that are added at once


class AddedFile(Corrections):
    """A file that has come in pieces, whose rows are to be added, and how it is written."""

    upload: str = Field(description="the id that `POST /uploads` gave it")


class Cell(BaseModel):
    """A cell and what it is to hold; null: its value is missing."""

    model_config = ConfigDict(extra="forbid")

    row: int = Field(ge=0, description="its place in the table, from 0 on")
    value: Value | None


class Relabel(BaseModel):
    """Cells of a column that are to hold other values: some by their rows, or all whose rows match a filter."""

    model_config = ConfigDict(extra="forbid")

    column: str
    values: list[Cell] | None = Field(default=None, min_length=1, description="the cells, one by one")
    filter: list[str] | None = Field(
        default=None, min_length=1, max_length=20, description="as `GET /datasets/{id}/rows` takes it; all must hold"
    )
    value: Value | None = Field(default=None, description="with a filter: what all these cells are to hold")

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if (self.values is None) == (self.filter is None):
            raise ValueError("either values or filter and value are said")
        if ("value" in self.model_fields_set) != (self.filter is not None):
            raise ValueError("a filter needs a value, and nothing else does")
        return self


def _listed(relabel: Any) -> Any:
    return [relabel] if isinstance(relabel, dict) else relabel


class VersionDefinition(BaseModel):
    """What the next version of a dataset has that the newest has not: more rows, or other values in some cells."""

    model_config = ConfigDict(extra="forbid")

    uploads: list[AddedFile] | None = Field(
        default=None, min_length=1, max_length=MAX_FILES, description="files whose rows are added, in this order"
    )
    relabel: Annotated[list[Relabel], BeforeValidator(_listed)] | None = Field(
        default=None, min_length=1, max_length=100, description="one or several; filters see the rows as they were"
    )

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.uploads is None) == (self.relabel is None):
            raise ValueError("either uploads or relabel is said")
        named = [one.upload for one in self.uploads or []]
        if len(set(named)) < len(named):
            raise ValueError("an upload is named twice")
        return self


class DatasetOut(BaseModel):
    """A dataset. In lists, its columns come without values, histograms and frequent values."""

    id: str
    name: str
    family_id: str = Field(description="the same for all versions of a dataset: the id of the first")
    version: int = Field(description="1, 2, … within its family")
    made: dict[str, Any] | None = Field(description="of which version it was made, and how; none of the first")
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


class VersionOut(BaseModel):
    """A version of a dataset."""

    id: str
    version: int
    status: str
    num_rows: int | None
    size_bytes: int | None = Field(description="of its table, with what it shares")
    own_bytes: int = Field(description="of its files, those that no other version holds: what deleting it would free")
    made: dict[str, Any] | None
    created_at: Timestamp


class FigureMoved(BaseModel):
    """A figure of a column that is another in the newer version; null where nobody knows it."""

    name: str = Field(description="num_missing, num_distinct, min, max, mean, std; or `rows of cat`: a frequent value")
    before: float | None
    after: float | None


class ColumnChange(BaseModel):
    """What became of a column."""

    name: str
    num_changed: int = Field(description="cells, among the rows that both versions have")
    moved: list[FigureMoved]


class ChangesOut(BaseModel):
    """What tells a version from an older one. Columns of which nothing changed are left out."""

    since: int = Field(description="the older version")
    version: int
    num_added: int = Field(description="rows")
    columns: list[ColumnChange]


class DatasetPage(BaseModel):
    """A page of datasets, newest first: of each the newest version that is ready."""

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
