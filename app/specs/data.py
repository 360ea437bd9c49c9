"""How a run reads its dataset: which columns, in which shape, split and made ready how."""

from typing import Annotated, Literal

from pydantic import Field

from app.specs.augment import AnyAugmentation
from app.specs.base import Spec, option
from app.specs.splits import AnySplit, SharesSplit
from app.specs.steps import Categories, ColumnSteps, Missing, Scale
from app.specs.window import Window


class DataSpec(Spec):
    """Which columns are features and which is the target, and how they are made ready."""

    features: tuple[str, ...] | None = Field(default=None, min_length=1)
    """the columns that are fed; all but the target if empty, of a time series the target too"""
    target: Annotated[str, option("text")] | Annotated[tuple[str, ...], Field(min_length=1), option("a list of names")]
    """the column to be predicted, or several of numbers; the features themselves, of an autoencoder"""
    next_token: bool = False
    """of a text: at each of its places the token that comes next is predicted"""
    input_shape: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(default=None, min_length=1, max_length=4)
    """the shape that the features of a row are put into, as 1×28×28 for pixels"""
    window: Window | None = None
    """of a time series: how many rows are seen at once, and how many coming values are predicted"""
    split: AnySplit = SharesSplit()
    """which rows train, which validate, which are kept for the test"""
    scale: Scale = "none"
    """numbers to mean 0 and deviation 1, to 0…1, or by median and quartiles"""
    scale_target: Scale = "none"
    """the same for a number to be predicted; predictions are scaled back"""
    missing: Missing = Missing()
    """what happens to rows with gaps"""
    repeats: Literal["keep", "drop"] = "keep"
    """whether rows are used again that repeat an earlier one in all that is fed and in the target"""
    categories: Categories = "one_hot"
    """a column for each category, one with its number, one for each bucket of a hash, or one to be looked up"""
    columns: dict[str, ColumnSteps] = {}
    """what is different for single columns, by name"""
    augment: tuple[AnyAugmentation, ...] = Field(default=(), max_length=20)
    """how training images are changed a little each time they are seen"""

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to be predicted."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def first_target(self) -> str:
        """The column to be predicted, or the first of several."""
        return self.targets[0]
