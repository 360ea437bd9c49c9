"""How a run reads its dataset: which columns, in which shape, split and scaled how."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Spec
from app.specs.columns import Value

Share = Annotated[float, Field(ge=0, le=1)]
Scale = Literal["none", "standardize", "min_max"]


class SharesSplit(Spec):
    """Rows are dealt out at random."""

    type: Literal["shares"] = "shares"
    train: Share = 0.7
    """the share of rows that is trained on"""
    validation: Share = 0.15
    """the share that is looked at after each epoch"""
    test: Share = 0.15
    """the share that is kept for the end"""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """the same seed deals the same way"""
    stratify: bool = False
    """whether each part gets the same mix of classes"""
    shuffle: bool = True
    """whether rows are mixed before they are dealt; if not, the first ones train"""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.validation + self.test
        if self.train == 0:
            raise ValueError("train is 0: without rows nothing can be learned")
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares add up to {total:g}, not to 1")
        if self.stratify and not self.shuffle:
            raise ValueError("stratify deals at random: it needs shuffle")
        return self


class ColumnSplit(Spec):
    """A column says which part a row belongs to."""

    type: Literal["column"] = "column"
    column: str
    """the column that says it"""
    train: tuple[Value, ...] = Field(default=("train",), min_length=1)
    """its values for training"""
    validation: tuple[Value, ...] = ()
    """its values for validation"""
    test: tuple[Value, ...] = ("test",)
    """its values for the test"""


class Missing(Spec):
    """What stands in for a missing value; figures come from the training rows alone."""

    type: Literal["error", "mean", "median", "most_frequent", "constant", "drop"] = "error"
    """error refuses the run, drop leaves such rows out"""
    value: float = 0.0
    """what a constant is"""


class DataSpec(Spec):
    """Which columns are features and which is the target, and how they are made ready."""

    features: tuple[str, ...] | None = Field(default=None, min_length=1)
    """the columns that are fed; all but the target if empty"""
    target: str
    """the column to be predicted"""
    input_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(default=None, min_length=1, max_length=4)
    """the shape that the features of a row are put into, as 1×28×28 for pixels"""
    split: Annotated[SharesSplit | ColumnSplit, Field(discriminator="type")] = SharesSplit()
    """which rows train, which validate, which are kept for the test"""
    scale: Scale = "none"
    """numbers to mean 0 and deviation 1, or to 0…1"""
    scale_target: Scale = "none"
    """the same for a number to be predicted; predictions are scaled back"""
    missing: Missing = Missing()
    """what happens to rows with gaps"""
    categories: Literal["one_hot", "ordinal"] = "one_hot"
    """a column for each category, or one with its number"""
