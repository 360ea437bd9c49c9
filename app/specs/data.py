"""How a run reads its dataset: which columns, in which shape, split and made ready how."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from app.specs.augment import AnyAugmentation
from app.specs.base import Spec, need_one, option
from app.specs.splits import AnySplit, SharesSplit
from app.specs.steps import Categories, ColumnSteps, Missing, Scale
from app.specs.window import Window

Target = Annotated[str, option("text")] | Annotated[tuple[str, ...], Field(min_length=1), option("a list of names")]


class OutputTarget(Spec):
    """What one of several outputs is held to."""

    target: Target
    """the column to be predicted, or several of numbers"""
    scale_target: Scale = "none"
    """the same for a number to be predicted; predictions are scaled back"""


class DataSpec(Spec):
    """Which columns are features and which is the target, and how they are made ready."""

    features: tuple[str, ...] | None = Field(default=None, min_length=1)
    """the columns that are fed; all but the target if empty, of a time series the target too"""
    inputs: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] | None = Field(
        default=None, min_length=1, exclude_if=lambda inputs: inputs is None
    )
    """of a model with several inputs: by its name the columns that each is fed, in place of features"""
    outputs: dict[str, OutputTarget] | None = Field(
        default=None, min_length=1, exclude_if=lambda outputs: outputs is None
    )
    """of a model with several outputs: by its name what each is held to, in place of target"""
    target: Target | None = Field(default=None, validate_default=True, exclude_if=lambda target: target is None)
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

    @field_validator("target")
    @classmethod
    def _is_said(cls, target: Any, info: ValidationInfo) -> Any:
        return need_one(target, info, "outputs")

    @property
    def input_of(self) -> dict[str, str]:
        """The input that each column feeds, where there are several."""
        return {column: name for name, columns in (self.inputs or {}).items() for column in columns}

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to be predicted, each once where several outputs are held to them."""
        if self.outputs is not None:
            told = [one.target for one in self.outputs.values()]
            return tuple(dict.fromkeys(name for one in told for name in ((one,) if isinstance(one, str) else one)))
        return (self.target,) if isinstance(self.target, str) else self.target or ()

    @property
    def first_target(self) -> str:
        """The column to be predicted, or the first of several."""
        return self.targets[0]
