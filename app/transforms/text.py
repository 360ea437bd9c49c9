"""Texts as whole numbers: cut into tokens by a vocabulary that was learned from the training rows.

The vocabulary is kept as the tokenizers library writes it, so other tools read it too.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from app.transforms.reading import is_missing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILLER, UNKNOWN_TOKEN = 0, 1


class TextStep(BaseModel):
    """A text becomes `length` token numbers. 0 fills up, 1 is what the vocabulary lacks; a missing text is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["text"] = "text"
    tokenizer: str  # JSON of the tokenizers library
    length: int
    keep: Literal["start", "end"] = "start"
    pad: Literal["start", "end"] = "end"

    @property
    def width(self) -> int:
        """How many inputs a text takes."""
        return self.length

    def inputs(self, values: Sequence[Any]) -> NDArray[np.int64]:
        """Texts as token numbers (N, length)."""
        texts = ["" if is_missing(value) else str(value) for value in values]
        found = np.full((len(texts), self.length), FILLER, np.int64)
        for row, encoding in zip(found, _tokenizer(self.tokenizer).encode_batch_fast(texts), strict=True):
            ids = encoding.ids[: self.length] if self.keep == "start" else encoding.ids[-self.length :]
            row[slice(self.length - len(ids), None) if self.pad == "start" else slice(len(ids))] = ids
        return found

    def following(self, values: Sequence[Any]) -> NDArray[np.int64]:
        """What comes after each token of `inputs`, (N, length): 0 where nothing does, or where none is."""
        texts = ["" if is_missing(value) else str(value) for value in values]
        found = np.full((len(texts), self.length), FILLER, np.int64)
        for row, encoding in zip(found, _tokenizer(self.tokenizer).encode_batch_fast(texts), strict=True):
            start = 0 if self.keep == "start" else max(0, len(encoding.ids) - self.length)
            next_ids = encoding.ids[start + 1 : start + 1 + self.length]
            first = self.length - min(self.length, len(encoding.ids)) if self.pad == "start" else 0
            row[first : first + len(next_ids)] = next_ids
        return found

    def words(self, count: int) -> list[str]:
        """The first tokens of the vocabulary, as many as asked for; a number stands for what it has no word for."""
        tokenizer = _tokenizer(self.tokenizer)
        return [tokenizer.id_to_token(i) or f"#{i}" for i in range(count)]

    def cut(self, values: Sequence[Any]) -> list[list[str]]:
        """The tokens of texts, as words: those that are fed."""
        texts = ["" if is_missing(value) else str(value) for value in values]
        cut = [encoding.tokens for encoding in _tokenizer(self.tokenizer).encode_batch(texts)]
        return [one[: self.length] if self.keep == "start" else one[-self.length :] for one in cut]


@lru_cache(maxsize=32)
def _tokenizer(text: str) -> "Tokenizer":
    from tokenizers import Tokenizer  # takes a moment, and most servers start without texts

    return Tokenizer.from_str(text)
