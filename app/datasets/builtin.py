"""What the server knows of built-in datasets before a worker has made them: enough to check a run.

`builtin_columns.json` is written by `python -m worker.data.builtin`, from the very datasets that workers make.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from app.specs.columns import Column

PATH = Path(__file__).with_name("builtin_columns.json")


class Builtin(BaseModel):
    """A built-in dataset: its columns just as its ingestion will find them."""

    title: str
    num_rows: int
    content_hash: str  # of the values: another version of the data is another dataset
    columns: list[Column]


@cache
def builtins() -> dict[str, Builtin]:
    """All of them, by name."""
    return TypeAdapter(dict[str, Builtin]).validate_json(PATH.read_bytes())


def definition_hash(source: dict[str, Any], content_hash: str) -> str:
    """The SHA-256 that tells one source that is made, in one version, from all others."""
    text = json.dumps([source, content_hash], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
