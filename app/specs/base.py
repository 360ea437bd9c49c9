"""What every specification is made of, and how one that does not hold is told: the place, the words, what came.

Where Pydantic says in its own terms what is wrong, `problems` says it in the user's. Pydantic puts the member of a
union that it tried into the place, where a user never wrote it: members by `type` are known from the fields that hold
them, members of other unions carry a mark (`option`).
"""

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, ClassVar, Protocol, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Tag, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

Shape = tuple[int, ...]  # without the batch, channels first
Fed = Shape | Mapping[str, Shape]  # of a model with one input, or of each of several by its name
Loc = list[str | int]


def packed(shapes: Mapping[str, Shape]) -> Shape:
    """The shape of a row of one thing, or of several one after the other."""
    return next(iter(shapes.values())) if len(shapes) == 1 else (sum(map(prod, shapes.values())),)


LESS_COMMON: dict[str, Any] = {"is_extra": True}  # of a field that one seldom sets: a form has it behind "More"


class Spec(BaseModel):
    """Anything a user can say: it does not change, and a word that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    also_called: ClassVar[tuple[str, ...]] = ()  # what others call this `type`: for whoever looks for it by that name

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_nobody_means(cls, data: Any) -> Any:
        """No text holds the character NUL, for which Postgres has no place, and no list lists without end."""
        found = list(_refused(data, _DEEPEST)) if isinstance(data, dict) else []
        if found:
            errors = [InitErrorDetails(type=error, loc=loc, input=value) for error, loc, value in found]
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return data

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Learn which fields hold another specification, or one of several."""
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            held = list(_held(field.annotation))
            if len(held) > 1:
                _MEMBERS.setdefault(name, {}).update({str(one.model_fields["type"].default): one for one in held})
            elif held:
                _HELD[name] = held[0]
            if held and get_origin(field.annotation) is dict:
                _KEYED.add(name)


def need_one(said: Any, info: ValidationInfo, other: str) -> Any:
    """What was said of a field. Raises, as of a missing one, where nothing was and nothing of the `other` either."""
    if said is None and info.data.get(other, ...) is None:
        raise PydanticKnownError("missing")
    return said


_NUL = PydanticCustomError("nul_character", "text may not hold the character NUL (\\x00)")
_DEEPEST = 64
_DEEP = PydanticCustomError("nested_too_deeply", f"lists may not lie more than {_DEEPEST} deep in one another")
_Refused = tuple[PydanticCustomError, tuple[str | int, ...], Any]


def _refused(value: Any, deeper: int) -> Iterator[_Refused]:
    """Each text with a NUL that is no other specification's to find, with its place, and the list in which it goes too
    deep; a key counts as its value.
    """
    if isinstance(value, str):
        if "\x00" in value:
            yield _NUL, (), value
    elif isinstance(value, list | tuple) and not deeper:
        yield _DEEP, (), "[…]"
    elif isinstance(value, list | tuple):
        yield from _refused_within(enumerate(value), deeper - 1)
    elif isinstance(value, dict):
        for key in value:
            if isinstance(key, str) and "\x00" in key:
                yield _NUL, (key.replace("\x00", "\ufffd"),), key
        yield from _refused_within(value.items(), deeper)


def _refused_within(items: Iterable[tuple[Any, Any]], deeper: int) -> Iterator[_Refused]:
    for key, one in items:
        if not isinstance(one, dict):
            for error, loc, told in _refused(one, deeper):
                yield error, (key,) if error is _DEEP else (key, *loc), told


_HELD: dict[str, type[Spec]] = {}  # of each field that holds another specification: its class
_MEMBERS: dict[str, dict[str, type[Spec]]] = {}  # of each field that holds one of several: their classes by `type`
_KEYED: set[str] = set()  # the fields that hold a specification for each of the names that a user gave


def _held(annotation: Any) -> Iterator[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for inner in get_args(annotation):
        yield from _held(inner)


_MARK = "‹"


def option(words: str) -> Tag:
    """Mark a member of a union that has no `type`, with the words that say what it takes."""
    return Tag(_MARK + words)


_LEAST, _MOST = 1.2e-38, 3.4e38  # of what is not 0 in numbers of four bytes


def in_four_bytes(value: Any) -> Any:
    """The value, whose numbers a weight or an activation can hold. Raises ValueError."""
    for one in value if isinstance(value, tuple) else (value,):
        if isinstance(one, float) and one != 0 and not _LEAST <= abs(one) <= _MOST:
            raise ValueError(f"{one:g} is no number of four bytes: those go from {_LEAST:g} to {_MOST:g}")
    return value


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


_Item = dict[str, Any]  # an error as Pydantic lists it


def problems(error: _ValidationError) -> list[Problem]:
    """What Pydantic found, in a user's words, each at its place in the user's own body."""
    items = list(_meant([dict(item) for item in error.errors()]))
    inside = {item["loc"][:i] for item in items for i in range(len(item["loc"]))}
    # Of a list with a wrong member, Pydantic says also that it is too short, for it counts the right ones.
    return [_problem(item) for item in items if not (item["type"] == "too_short" and item["loc"] in inside)]


def _meant(items: list[_Item], start: int = 0) -> Iterator[_Item]:
    """Of a value that fits no member of a union, only what the member says that was meant; else one error for all."""
    unions: dict[tuple[Any, ...], list[_Item]] = {}
    for item in items:
        at = next((i for i, part in enumerate(item["loc"]) if i >= start and _is_mark(part)), None)
        if at is None:
            yield item
        else:
            unions.setdefault(item["loc"][:at], []).append(item)
    for place, group in unions.items():
        at = len(place)
        meant = [member for member in _by_member(group, at) if not _is_other_kind(member, at)]
        if not meant:
            yield _none_fits(group, at)
        for member in meant:
            yield from _meant(member, at + 1)


def _is_mark(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith(_MARK)


def _by_member(group: list[_Item], at: int) -> list[list[_Item]]:
    members: dict[str, list[_Item]] = {}
    for item in group:
        members.setdefault(item["loc"][at], []).append(item)
    return list(members.values())


def _is_other_kind(member: list[_Item], at: int) -> bool:
    """Whether what came is not even of a member's kind: a list where it takes a number."""
    return any(item["type"] in _OTHER_KIND and len(item["loc"]) == at + 1 for item in member)


def _none_fits(group: list[_Item], at: int) -> _Item:
    words = list(dict.fromkeys(item["loc"][at].removeprefix(_MARK) for item in group))
    return {"type": "none_fits", "loc": group[0]["loc"][:at], "input": group[0].get("input"), "ctx": {"words": words}}


# In place of Pydantic's words, where those are a programmer's.
_WORDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "text without broken characters",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_OTHER_KIND = frozenset(_WORDS) - {"finite_number"} | {"literal_error"}


def _problem(item: _Item) -> Problem:
    loc, cls, members = _place(item["loc"])
    msg, context, received = str(item["msg"]) if "msg" in item else "", item.get("ctx", {}), item.get("input")
    name = _named(loc)
    match item["type"]:
        case "union_tag_invalid":
            given = item["input"]["type"]
            members = members or dict.fromkeys(re.findall(r"'(\w+)'", context["expected_tags"]), Spec)
            return _told([*loc, "type"], _unknown_type(given, members), given)
        case "union_tag_not_found":
            return _told([*loc, "type"], "say which type it is", received)
        case "extra_forbidden":
            return _told(loc, _unknown_field(str(loc[-1]), cls), received)
        case "missing":
            return _told(loc, f"{name!r} is missing" if loc else "the body is missing", None)
        case "json_invalid":
            return _told(loc, f"this is not JSON: {context.get('error', msg)}", None)
        case "none_fits":
            return _told(loc, f"{name} should be {_alternatives(context['words'])}", received)
        case "too_short" | "too_long":
            few = item["type"] == "too_short"
            count = context["min_length" if few else "max_length"]
            return _told(loc, f"{name} should have at {'least' if few else 'most'} {_counted(count)}", received)
        case "value_error" | "assertion_error":
            return _told(loc, str(context.get("error", msg)), received)
        case kind if kind in _WORDS:
            return _told(loc, f"{name} should be {_WORDS[kind]}", received)
    words = msg.replace("Input should be", f"{name} should be", 1).replace("String should", f"{name} should", 1)
    return _told(loc, words[:1].lower() + words[1:] if words == msg else words, received)


def _told(loc: Loc, msg: str, received: Any) -> Problem:
    return Problem(loc=loc, msg=msg, received=brief(received))


def _place(loc: Sequence[str | int]) -> tuple[Loc, type[Spec] | None, dict[str, type[Spec]]]:
    """A place without the members of unions.

    Also the class whose field the last part is, where it is known, and the classes that the field may hold.
    """
    kept: Loc = []
    cls: type[Spec] | None = None
    inner: type[Spec] | None = None  # the class of the value that comes next
    members: dict[str, type[Spec]] = {}  # its possible classes, where there are several
    is_key = False  # whether a name that a user gave comes next
    for part in loc:
        if _is_mark(part) or part == "[key]":
            continue
        if isinstance(part, int) or is_key:
            kept.append(part)
            is_key = False
        elif part in members:
            inner, members = members[part], {}
        else:
            kept.append(part)
            cls, inner, members = inner, _HELD.get(part), _MEMBERS.get(part, {})
            is_key = part in _KEYED
    return kept, cls, members


_MANY = 20  # names are listed in an error

# What PyTorch asks for, and follows here from what comes before.
_INFERRED = frozenset({"in_features", "in_channels", "num_features", "input_size", "normalized_shape"})
_OTHER_NAMES = {"learning_rate": "lr", "epochs": "num_epochs", "units": "out_features", "filters": "out_channels"}


def _unknown_field(name: str, cls: type[Spec] | None) -> str:
    if name in _INFERRED and cls is not None and name not in cls.model_fields:
        return f"{name!r} is worked out from what comes before: leave it out"
    known = list(cls.model_fields) if cls else []
    other = _OTHER_NAMES.get(name)
    near = [other] if other in known else difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"{name!r} is not known here{meant}"


def _unknown_type(given: Any, members: dict[str, type[Spec]]) -> str:
    if not isinstance(given, str):
        return "type should be text"
    words = {_plain(word): name for name, cls in members.items() for word in (name, *cls.also_called)}
    near = [_plain(given)] if _plain(given) in words else difflib.get_close_matches(_plain(given), words, n=3)
    names = list(dict.fromkeys(words[word] for word in near))
    meant = f"did you mean {_alternatives(names)}?" if names else _all_of(list(members))
    return f"there is no {given!r} here; {meant}"


def _all_of(names: list[str]) -> str:
    if len(names) <= _MANY:
        return f"there are: {', '.join(names)}"
    return f"there are {', '.join(names[:_MANY])} and {len(names) - _MANY} more; GET /api/v1/schema lists all"


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "").replace(" ", "")


def _named(loc: Loc) -> str:
    """The last name of a place, with the numbers after it: layers[3]."""
    numbers: list[str] = []
    for part in reversed(loc):
        if isinstance(part, str):
            return part + "".join(reversed(numbers))
        numbers.append(f"[{part}]")
    return "it"


def _alternatives(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _counted(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def brief(value: Any) -> Any:
    """What came, in a form that JSON has, unless it is long: an answer need not repeat a whole body."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError):
        return repr(value).encode(errors="backslashreplace").decode()[:200]
    return value if len(text) <= 200 else text[:200]
