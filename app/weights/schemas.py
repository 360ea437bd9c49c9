"""What the API says of a file of weights."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.runs.schemas import Timestamp

Format = Literal["safetensors", "pth"]


class NewWeights(BaseModel):
    """A file that has come in pieces, to be kept as weights."""

    model_config = ConfigDict(extra="forbid")

    upload: str = Field(description="the id that `POST /uploads` gave it")
    name: str | None = Field(default=None, min_length=1, max_length=200, description="the file's own if empty")


class WeightsOut(BaseModel):
    """A file of weights."""

    id: str
    name: str
    format: Format
    size_bytes: int
    sha256: str
    created_at: Timestamp


class WeightsPage(BaseModel):
    """A page of them, newest first."""

    items: list[WeightsOut]
    next_cursor: str | None
