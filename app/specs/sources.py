"""Where the rows of a dataset come from, when a dataset is described rather than named by its id."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Spec
from app.specs.splits import Seed

MAX_CELLS = 2_000_000  # of a generated table: the server makes it too, to know its columns

Generator = Literal[
    "circle",
    "exclusive_or",
    "gaussians",
    "spiral",
    "moons",
    "plane",
    "multi_gaussian",
    "sines",
    "waves",
    "markov_text",
    "reversed_strings",
    "text_pairs",
    "ratings",
    "shapes",
    "shape_images",
]


class BuiltinSource(Spec):
    """A dataset that Traindeck knows how to make."""

    type: Literal["builtin"] = "builtin"
    name: str
    """celsius, xor, random_sequences, iris, wine, breast_cancer, diabetes, digits"""


class GeneratedSource(Spec):
    """A dataset that is made by a rule: the same numbers make the same rows."""

    type: Literal["generated"] = "generated"
    name: Generator
    """the rule: points in a plane, a series of numbers, texts, or small pictures"""
    num_rows: int = Field(default=500, ge=10, le=100_000)
    """how many rows are made"""
    noise: float = Field(default=0.1, ge=0, le=1)
    """how much chance is mixed in: 0 is the rule alone"""
    seed: Seed = 0
    """the same seed makes the same rows"""
    length: int = Field(default=16, ge=4, le=32)
    """of sines: the values that are seen before the next; of texts: their letters, of pairs half of
    their words; of shapes and their images: the pixels of a side"""

    @property
    def num_columns(self) -> int:
        """How many columns the table has."""
        match self.name:
            case "sines":
                return self.length + 2
            case "waves":
                return 2
            case "shapes":
                return 2 * self.length**2 + 1
            case "markov_text" | "reversed_strings":
                return 2
        return 3

    @property
    def _num_cells(self) -> int:
        """What a row counts for: an image takes as long to make as a quarter of its pixels as numbers."""
        return self.num_columns + (self.length**2 // 2 if self.name == "shape_images" else 0)

    @model_validator(mode="after")
    def _is_small(self) -> Self:
        if self.num_rows * self._num_cells > MAX_CELLS:
            most = MAX_CELLS // self._num_cells
            raise ValueError(
                f"{self.num_rows:,} rows of {self.num_columns:,} columns are more than is made; {most:,} rows fit"
            )
        return self


class UploadSource(Spec):
    """A dataset that was brought in as a file: the newest of that file name."""

    type: Literal["upload"] = "upload"
    name: str
    """the file's name, as heart.csv"""


class DatasetDefinition(Spec):
    """A dataset described rather than named by its id."""

    name: str = Field(min_length=1, max_length=200)
    """how it is called in lists"""
    source: Annotated[BuiltinSource | GeneratedSource | UploadSource, Field(discriminator="type")]
    """where its rows come from"""
