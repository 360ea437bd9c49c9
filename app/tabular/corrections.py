"""What a sender may say of how a file is written, where it would not be found out, or misjudged."""

import json
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from app.tabular.declared import SaidType
from app.tabular.encoding import Encoding
from app.tabular.sniffing import Overrides

_OneCharacter = Annotated[str, StringConstraints(pattern=r"^[\x09\x20-\x7e]$")]
_NoneOrOneCharacter = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]?$")]


class Written(BaseModel):
    """How a delimited file is written; what is absent is found out."""

    model_config = ConfigDict(extra="forbid")

    delimiter: _OneCharacter | None = Field(default=None, description="what separates fields")
    quote: _NoneOrOneCharacter | None = Field(default=None, description="what encloses fields; empty: nothing does")
    escape: _NoneOrOneCharacter | None = Field(
        default=None, description="what stands before a literal quote; empty: quotes are doubled"
    )
    header: bool | None = Field(default=None, description="whether the first record names the columns")
    encoding: Encoding | None = Field(default=None, description="what the text is written in")
    decimal: Literal[".", ","] | None = Field(default=None, description="what stands before the fraction of a number")
    thousands: Literal["", ",", ".", " ", "'", "_"] = Field(
        default="", description="what stands between the thousands of a number"
    )
    comment: _NoneOrOneCharacter = Field(default="", description="what begins a line that is no record")

    @model_validator(mode="after")
    def _each_means_one_thing(self) -> Self:
        """Raises ValueError where one character is said to mean two things."""
        marks = [mark for mark in (self.delimiter, self.quote, self.comment) if mark]
        if len(set(marks)) < len(marks):
            raise ValueError("delimiter, quote and comment must differ from one another")
        if self.escape and self.escape in (self.delimiter, self.comment):
            raise ValueError("escape must differ from delimiter and comment")
        if self.thousands and self.thousands == self.decimal:
            raise ValueError("thousands and decimal must differ")
        return self

    def overrides(self) -> Overrides:
        """The same for those who read the file."""
        return Overrides(has_header=self.header, **self.model_dump(include=_AS_OVERRIDES))


_AS_OVERRIDES = set(Written.model_fields) - {"header"}


class Corrections(Written):
    """The same of a file that is to become a dataset."""

    types: dict[str, SaidType] = Field(
        default={}, description="what columns hold, where it would be misjudged; a query has it as JSON"
    )

    @field_validator("types", mode="before")
    @classmethod
    def _of_a_query(cls, value: object) -> object:
        """Raises ValueError where words are no JSON."""
        return json.loads(value) if isinstance(value, str) else value

    def overrides(self) -> Overrides:
        """The same for those who read the file."""
        return replace(super().overrides(), types=dict(self.types))
