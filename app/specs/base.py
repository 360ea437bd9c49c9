"""What every specification is made of, and how one that does not hold is told: the place, the words, what came."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

Shape = tuple[int, ...]  # without the batch, channels first
Loc = list[str | int]


class Spec(BaseModel):
    """Anything a user can say: it does not change, and a word that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Problem(BaseModel):
    """One thing that does not fit: where, why, and what was there instead."""

    loc: Loc
    msg: str
    received: Any = None

    def under(self, *place: str | int) -> "Problem":
        """The same, seen from further out."""
        return self.model_copy(update={"loc": [*place, *self.loc]})


class SpecError(Exception):
    """A specification that does not hold, with every problem found in it."""

    def __init__(self, errors: Sequence[Problem]) -> None:
        self.errors = list(errors)
        super().__init__("; ".join(error.msg for error in errors))


class ShapeError(ValueError):
    """A layer that does not fit its input. `field` names the argument to change, where there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class _ValidationError(Protocol):
    def errors(self) -> Sequence[Any]: ...


def problems(error: _ValidationError) -> list[Problem]:
    """What Pydantic found, in a user's words. Places are of the user's own body: tags of unions are left out."""
    merged: dict[tuple[Any, ...], Problem] = {}
    for item in error.errors():
        problem = _problem(item)
        # A value that fits no member of a union is told once for each of them; the most specific is worth telling.
        merged.setdefault((*problem.loc, problem.msg), problem)
    return _without_hopeless(list(merged.values()))


def _problem(item: dict[str, Any]) -> Problem:
    loc = _without_tags(item["loc"], item.get("ctx", {}))
    received = item.get("input")
    kind = item["type"]
    if kind == "union_tag_invalid":
        tag, expected = item["ctx"]["tag"], _quoted(item["ctx"]["expected_tags"])
        near = difflib.get_close_matches(str(tag), expected, n=3, cutoff=0.5)
        meant = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(expected)}"
        return Problem(loc=[*loc, "type"], msg=f"there is no {tag!r} here; {meant}", received=tag)
    if kind == "union_tag_not_found":
        return Problem(loc=[*loc, "type"], msg="say which type it is", received=_brief(received))
    if kind == "extra_forbidden":
        return Problem(loc=loc, msg=f"{loc[-1]!r} is not known here", received=_brief(received))
    if kind == "missing":
        return Problem(loc=loc, msg=f"{loc[-1]!r} is missing" if loc else "the body is missing", received=None)
    message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("Input should be", f"{loc[-1] if loc else 'it'} should be", 1)
    return Problem(loc=loc, msg=message[:1].lower() + message[1:], received=_brief(received))


_TAGS: set[str] = set()


def register_tags(tags: Iterable[str]) -> None:
    """Names of union members: Pydantic puts them into places, where a user never wrote them."""
    _TAGS.update(tags)


def _without_tags(loc: Sequence[str | int], _ctx: dict[str, Any]) -> Loc:
    """A tag stands after a number or after the field that holds the union, and is never the field's own name."""
    kept: Loc = []
    for i, part in enumerate(loc):
        machine_made = isinstance(part, str) and ("[" in part or part in _PYDANTIC_WORDS or part.endswith("Spec"))
        is_tag = part in _TAGS and i > 0 and (isinstance(loc[i - 1], int) or loc[i - 1] in _UNION_FIELDS)
        if not machine_made and not is_tag:
            kept.append(part)
    return kept


# What Pydantic calls the members of an untagged union: never words of a user's body.
_PYDANTIC_WORDS = frozenset({"str", "int", "float", "bool", "DatasetDefinition", "function-before", "function-after"})
_UNION_FIELDS = frozenset(
    {"loss", "optimizer", "schedule", "split", "weight_init", "bias_init", "source", "missing", "layers", "metrics"}
)


def _without_hopeless(found: list[Problem]) -> list[Problem]:
    """Of "id or definition": a definition with a mistake inside is not told that it is no text either."""
    deeper = {tuple(problem.loc[:i]) for problem in found for i in range(len(problem.loc))}
    return [
        problem for problem in found if not (tuple(problem.loc) in deeper and "should be a valid string" in problem.msg)
    ]


def _quoted(text: str) -> list[str]:
    return [part.strip().strip("'\"") for part in text.split(",")]


def _brief(value: Any) -> Any:
    """What came, unless it is long: an answer need not repeat a whole body."""
    text = repr(value)
    return value if len(text) <= 200 and isinstance(value, str | int | float | bool | list | None) else text[:200]
