"""What is known of a column of a dataset: enough to check a run without reading a row."""

from typing import Annotated, Literal

from pydantic import BaseModel

from app.specs.base import option

ColumnType = Literal["integer", "float", "boolean", "category", "text", "timestamp", "image", "array"]
NUMERIC = frozenset({"integer", "float", "boolean", "timestamp"})

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

Value = (
    Annotated[bool, option("true or false")]
    | Annotated[int, option("a number")]
    | Annotated[float, option("a number")]
    | Annotated[str, option("text")]
)


def word(value: Value) -> str:
    """A value as it is called: the key of a JSON object."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Histogram(BaseModel):
    """Counts (B,) between edges (B + 1,)."""

    edges: list[float]
    counts: list[int]


class TopValue(BaseModel):
    """A frequent value."""

    value: str
    count: int


class ImageSize(BaseModel):
    """A size of images in pixels, and how many have it."""

    width: int
    height: int
    count: int


class Images(BaseModel):
    """What the images of a column are: sizes in pixels; means and deviations of each channel, from 0 to 1."""

    channels: Literal["gray", "rgb"]  # what most of them are
    min_height: int
    max_height: int
    min_width: int
    max_width: int
    mean: list[float]  # (3,): of red, green and blue
    std: list[float]
    formats: dict[str, int] = {}  # how many are of each
    sizes: list[ImageSize] = []  # the most frequent ones first
    num_sizes: int | None = None  # how many there are


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
    top_values: list[TopValue] | None = None  # of words and truth values; of whole numbers where they may be classes
    # Of `values` that are no fractions; not known of a dataset that was read before this was counted.
    rarest: TopValue | None = None
    quantiles: list[float] | None = None  # at QUANTILES
    num_sampled: int | None = None  # rows that the quantiles are of, where they are not of all
    lengths: Histogram | None = None  # of a text: in characters
    word_lengths: Histogram | None = None  # of a text: in words
    num_words: int | None = None  # of a text: in all rows together
    num_distinct_words: int | None = None  # of a text: without case and the punctuation around them
    top_words: list[TopValue] | None = None  # of a text: the most frequent ones
    images: Images | None = None
    shape: list[int] | None = None  # of an array

    @property
    def is_numeric(self) -> bool:
        """Whether it can be fed as it is."""
        return self.type in NUMERIC
