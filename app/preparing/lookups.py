"""What is learned of columns whose values an embedding looks up: the tokens of texts, the values of categories."""

from collections import Counter
from typing import Any, Literal

import pyarrow as pa

from app.preparing import vocabulary
from app.specs.columns import Column
from app.specs.steps import Tokens
from app.transforms import UNKNOWN, AnyStep, Step, TextStep


class TextFitter:
    """Learns which tokens the training texts are made of, perhaps together with other columns."""

    def __init__(self, name: str, tokens: Tokens, builder: vocabulary.Builder) -> None:
        self.name, self._tokens = name, tokens
        self._builder: vocabulary.Builder | None = builder
        self._tokenizer = ""

    @property
    def wants_more(self) -> bool:
        """Whether the rows are to come once more."""
        return self._builder is not None

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        assert self._builder is not None
        self._builder.add([text for text in column.cast(pa.string()).to_pylist() if text])

    def turn(self) -> None:
        """All rows have come."""
        assert self._builder is not None
        self._tokenizer = self._builder.finish()
        self._builder = None

    def steps(self) -> list[AnyStep]:
        """What was learned."""
        tokens = self._tokens
        how = {"length": tokens.length, "keep": tokens.keep, "pad": tokens.pad}
        return [TextStep(name=self.name, tokenizer=self._tokenizer, **how)]


class CategoryFitter:
    """Learns which values of an embedded column are the most frequent: as many as have a place."""

    _MAX_COUNTED = 2_000_000  # values that are counted at once; beyond, the rarest are forgotten

    def __init__(self, column: Column, place: range) -> None:
        self.name, self.wants_more = column.name, True
        self._type: Literal["integer", "category"] = "integer" if column.type == "integer" else "category"
        self._place = place
        self._counts: Counter[Any] = Counter()
        self._values: list[Any] = []

    def see(self, column: pa.Array) -> None:
        """Training rows of a batch."""
        for one in column.drop_null().value_counts().to_pylist():
            self._counts[one["values"]] += one["counts"]
        if len(self._counts) > self._MAX_COUNTED:
            self._counts = Counter(dict(self._counts.most_common(self._MAX_COUNTED // 2)))

    def turn(self) -> None:
        """All rows have come."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        self._values = [value for value, _ in ranked[: len(self._place) - 1]]
        self.wants_more = False

    def steps(self) -> list[AnyStep]:
        """What was learned: what is missing is unknown too."""
        place = self._place.start
        return [Step(name=self.name, type=self._type, values=self._values, place=place, fill=UNKNOWN)]
