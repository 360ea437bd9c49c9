"""What is known of a column of a dataset: enough to check a run without reading a row."""

from typing import Annotated, Literal

from pydantic import BaseModel

from app.specs.base import option

ColumnType = Literal["integer", "float", "boolean", "category", "text", "timestamp"]
NUMERIC = frozenset({"integer", "float", "boolean", "timestamp"})

Value = (
    Annotated[bool, option("true or false")]
    | Annotated[int, option("a number")]
    | Annotated[float, option("a number")]
    | Annotated[str, option("text")]
)


class Histogram(BaseModel):
    """Counts (B,) between edges (B + 1,)."""

    edges: list[float]
    counts: list[int]


class TopValue(BaseModel):
    """A frequent value."""

    value: str
    count: int


class Column(BaseModel):
    """A column, as its ingestion found it. Figures are of values that are there and finite."""

    name: str
    type: ColumnType
    num_missing: int = 0
    num_infinite: int = 0
    num_distinct: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    values: list[Value] | None = None  # distinct and sorted; null above a thousand
    histogram: Histogram | None = None
    top_values: list[TopValue] | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether it can be fed as it is."""
        return self.type in NUMERIC
