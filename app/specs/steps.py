"""What happens to the values of a column on their way into a model. What is fitted is fitted on training rows alone."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from app.specs.base import Spec

Scale = Literal["none", "standardize", "min_max", "robust"]
Categories = Literal["one_hot", "ordinal", "hashed", "embedded"]
DatePart = Literal["year", "month", "day", "weekday", "hour", "minute", "day_of_year", "elapsed"]

MAX_BUCKETS = 1 << 20
MAX_CATEGORIES = 1_000_000
RESERVED_TOKENS = 2  # 0 fills texts up, 1 stands for what the vocabulary lacks


class Missing(Spec):
    """What stands in for a missing value; figures come from the training rows alone."""

    type: Literal["error", "mean", "median", "most_frequent", "constant", "drop"] = "error"
    """error refuses the run, drop leaves such rows out"""
    value: float = 0.0
    """what a constant is"""
    indicator: bool = False
    """whether one more input says that the value was missing"""

    @model_validator(mode="after")
    def _fills(self) -> Self:
        if self.indicator and self.type in ("error", "drop"):
            raise ValueError(f"with {self.type} no value is missing, so there is nothing to indicate")
        return self


class Tokens(Spec):
    """A text becomes whole numbers, as many for each row: an embedding makes vectors of them."""

    level: Literal["characters", "words", "bpe"] = "words"
    """what a token is: a character, a word, or a piece that byte-pair encoding found to be frequent"""
    length: int = Field(default=64, ge=1, le=65_536)
    """how many tokens are fed: longer texts are cut, shorter ones filled up with 0"""
    pad: Literal["start", "end"] = "start"
    """where shorter texts are filled up: at the start, a recurrent layer ends with the last word"""
    vocabulary_size: int = Field(default=10_000, ge=RESERVED_TOKENS + 1, le=1_000_000)
    """how many tokens are told apart, 0 (nothing) and 1 (unknown) included: what the embedding has places for"""
    lowercase: bool = True
    """whether capitals are small letters first"""
    keep: Literal["start", "end"] = "start"
    """which part of a longer text is fed"""

    @property
    def cut(self) -> tuple[str, int, bool]:
        """What decides on a vocabulary: texts that are cut alike share one."""
        return self.level, self.vocabulary_size, self.lowercase


class Pixels(Spec):
    """An image becomes numbers from 0 to 1: channels × height × width."""

    height: int | None = Field(default=None, ge=1, le=4096)
    """in pixels; that of the images if all have the same"""
    width: int | None = Field(default=None, ge=1, le=4096)
    """in pixels; that of the images if all have the same"""
    channels: Literal["gray", "rgb"] | None = None
    """gray or rgb; what most of the images are if absent"""
    fit: Literal["stretch", "crop", "pad"] = "crop"
    """what happens to other proportions: stretched, the middle cut out, or borders added"""
    normalize: Literal["none", "standardize"] = "none"
    """each channel to mean 0 and deviation 1, of the training images"""


class ColumnSteps(Spec):
    """How one column is made ready, where it is not as the others are. In this order: fill, clip, log, scale."""

    missing: Missing | None = None
    """what happens to its gaps"""
    log: bool = False
    """log(1 + x), for amounts over several powers of ten; nothing may be below 0"""
    low: float | None = None
    """smaller numbers become this"""
    high: float | None = None
    """larger numbers become this"""
    clip_share: Annotated[float, Field(gt=0, lt=0.5)] | None = None
    """the share at each end that is cut off at its quantile among the training rows"""
    scale: Scale | None = None
    """what its numbers are scaled to"""
    categories: Categories | None = None
    """how its categories become numbers"""
    num_buckets: int = Field(default=256, ge=2, le=MAX_BUCKETS)
    """how many buckets hashed categories share"""
    max_categories: int | None = Field(default=None, ge=1, le=MAX_CATEGORIES)
    """how many embedded categories are told apart: rarer ones are unknown; all, up to a million, if absent"""
    parts: Annotated[tuple[DatePart, ...], Field(min_length=1)] | None = None
    """what of a time is fed; else the seconds since 1970"""
    tokens: Tokens | None = None
    """how its text is cut into tokens"""
    pixels: Pixels | None = None
    """how its images are made one size"""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low is {self.low:g}, which is above high, {self.high:g}")
        return self
