"""What the API says of a kept arrangement of a page."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

MAX_CHARACTERS = 100_000  # of a body, written as JSON


def _small(body: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(body))
    if size > MAX_CHARACTERS:
        raise ValueError(f"must be at most {MAX_CHARACTERS:,} characters of JSON, and is {size:,}")
    return body


Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Body = Annotated[dict[str, Any], AfterValidator(_small), Field(description="whatever the page keeps; JSON")]


class ViewIn(BaseModel):
    """An arrangement to keep."""

    body: Body


class ViewShare(ViewIn):
    """An arrangement for whoever has the link."""

    key: Key


class ViewOut(BaseModel):
    """An arrangement as it was kept."""

    id: str | None = Field(description="null when nothing is kept yet")
    key: str
    body: dict[str, Any]
    updated_at: float | None = Field(description="seconds since the epoch")
