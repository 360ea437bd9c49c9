"""Which rows of a dataset train, which validate, and which are kept for the test."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Spec
from app.specs.columns import Value

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _Shares(Spec):
    """A table that is dealt out by shares."""

    train: Share = 0.7
    """the share of rows that is trained on"""
    validation: Share = 0.15
    """the share that is looked at after each epoch"""
    test: Share = 0.15
    """the share that is kept for the end"""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.train + self.validation + self.test
        if self.train == 0:
            raise ValueError("train is 0: without rows nothing can be learned")
        if abs(total - 1) > 1e-6:
            raise ValueError(f"the shares add up to {total:g}, not to 1")
        return self


class SharesSplit(_Shares):
    """Rows are dealt out at random."""

    type: Literal["shares"] = "shares"
    seed: Seed = 0
    """the same seed deals the same way"""
    stratify: bool = False
    """whether each part gets the same mix of classes"""
    shuffle: bool = True
    """whether rows are mixed before they are dealt; if not, the first ones train"""

    @model_validator(mode="after")
    def _is_mixed_to_stratify(self) -> Self:
        if self.stratify and not self.shuffle:
            raise ValueError("stratify deals at random: it needs shuffle")
        return self


class GroupedSplit(_Shares):
    """Rows that belong together stay together: no patient, no shop and no day lies in two parts."""

    type: Literal["grouped"] = "grouped"
    column: str
    """rows with the same value of this column are a group"""
    seed: Seed = 0
    """the same seed deals the same way"""


class TimeSplit(_Shares):
    """The earliest rows train, the latest test, moments are kept whole: as it will be when the model is used."""

    type: Literal["time"] = "time"
    column: str
    """the column that says when: of times, or of numbers that grow with time"""


class KFoldSplit(Spec):
    """Rows are dealt into equal folds; one validates, the others train."""

    type: Literal["k_fold"] = "k_fold"
    num_folds: int = Field(default=5, ge=2, le=1000)
    """how many folds there are"""
    fold: int = Field(default=0, ge=0)
    """the one that validates, from 0"""
    test: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """the share that is kept for the end, before the rest is dealt: the same for every fold"""
    seed: Seed = 0
    """the same seed deals the same way"""
    stratify: bool = False
    """whether each fold gets the same mix of classes"""
    shuffle: bool = Field(default=True, exclude_if=lambda shuffle: shuffle)
    """whether rows are dealt at random; if not, in their order, as scikit-learn's folds are without it"""
    group: str | None = Field(default=None, min_length=1, exclude_if=lambda group: group is None)
    """a column: rows with the same value of it stay in one fold"""
    time: str | None = Field(default=None, min_length=1, exclude_if=lambda time: time is None)
    """a column that says when: a fold trains on what comes before it alone, the first rows train in every one"""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.fold >= self.num_folds:
            raise ValueError(f"there is no fold {self.fold}: {self.num_folds} folds are 0 to {self.num_folds - 1}")
        return self

    @model_validator(mode="after")
    def _is_dealt_one_way(self) -> Self:
        if self.time is not None and (self.stratify or self.group is not None):
            raise ValueError("folds by time are pieces of it: they keep no groups together and no mix of classes")
        if self.stratify and not self.shuffle and self.group is None and self.test:
            raise ValueError("stratify without shuffle keeps no test: set test to 0, or shuffle")
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


AnySplit = Annotated[SharesSplit | GroupedSplit | TimeSplit | KFoldSplit | ColumnSplit, Field(discriminator="type")]


def column_field(split: AnySplit) -> Literal["column", "group", "time"] | None:
    """The field that names the column which a split reads beside the target, where it reads one."""
    if isinstance(split, KFoldSplit):
        return "group" if split.group is not None else "time" if split.time is not None else None
    return None if isinstance(split, SharesSplit) else "column"


def split_column(split: AnySplit) -> str | None:
    """The column that a split reads, beside the target."""
    field = column_field(split)
    return getattr(split, field) if field else None


def goes_by_time(split: AnySplit) -> bool:
    """Whether what comes later is kept from what is trained on."""
    return isinstance(split, TimeSplit) or column_field(split) == "time"


def keeps_groups(split: AnySplit) -> bool:
    """Whether rows that belong together stay together."""
    return isinstance(split, GroupedSplit) or column_field(split) == "group"


def mixes_rows(split: AnySplit) -> bool:
    """Whether single rows are dealt at random."""
    return isinstance(split, SharesSplit | KFoldSplit) and split.shuffle and column_field(split) is None


def validates(split: AnySplit) -> bool:
    """Whether some rows are kept to validate."""
    return isinstance(split, KFoldSplit) or bool(split.validation)
