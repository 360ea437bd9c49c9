"""Blocks: layers under a name, defined once and used many times with arguments."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.specs.base import Spec
from app.specs.layers.base import NAME, Learned

MAX_DEPTH = 20  # of blocks in blocks
MAX_CHARACTERS = 60  # of a name
MAX_MEMBERS = 100  # of an argument that is a list
_PLACEHOLDER = "$"
_VALUES = bool | int | float | str | None

Name = Annotated[str, Field(json_schema_extra={"pattern": f"^{NAME}$"})]


class Block(Spec):
    """Layers under a name. Where one of their settings is "$width", it is the argument width of whoever uses it."""

    inputs: tuple[Name, ...] = Field(default=("input",), min_length=1, max_length=100)
    """what its layers call what they are given; the first layer takes the first"""
    arguments: dict[Name, Any] = {}
    """what a use may say, each with what holds where it does not; null where each use must say it"""
    layers: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=2000)
    """in the order of computation; the last one's output is the block's"""

    @field_validator("inputs", "arguments")
    @classmethod
    def _can_be_called(cls, names: Any) -> Any:
        check_names(names)
        if len(set(names)) < len(names):
            raise ValueError("each input has a name of its own")
        return names

    @field_validator("arguments")
    @classmethod
    def _are_plain(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return _plain(arguments)

    @field_validator("layers", mode="after")
    @classmethod
    def _holds_no_nul(cls, layers: Any) -> Any:
        _refuse_nul(layers)
        return layers

    @model_validator(mode="after")
    def _uses_what_it_names(self) -> Self:
        used = set(_placeholders(self.layers))
        for name in sorted(used - self.arguments.keys()):
            raise ValueError(f"${name} is no argument of this block: add it to arguments")
        for name in self.arguments.keys() - used:
            raise ValueError(f"the argument {name!r} is not used by any layer, as ${name}")
        return self

    def filled(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        """The layers with every "$name" replaced. `arguments` holds each of them."""
        return [_replaced(layer, arguments) for layer in self.layers]


class Use(Learned):
    """The layers of a block in this place, with weights of their own; or several times on one another."""

    type: Literal["block"] = "block"
    block: str = Field(max_length=60)
    """which block"""
    arguments: dict[str, Any] = {}
    """what its settings are here"""
    repeat: int = Field(default=1, ge=1, le=1000)
    """how many times it stands here, each taking what the one before gives"""

    group: ClassVar[str] = "block"
    num_inputs: ClassVar[tuple[int, int | None]] = (1, None)

    @field_validator("arguments")
    @classmethod
    def _are_plain(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        return _plain(arguments)


def check_names(names: Iterable[str]) -> None:
    """Raises ValueError unless each can be called so in a block or a model."""
    for name in names:
        if not re.fullmatch(NAME, name) or len(name) > MAX_CHARACTERS:
            raise ValueError(f"{name!r} is no name: letters, digits and _, a letter first, at most {MAX_CHARACTERS}")


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments that are values or lists of values: what is put in many places must not grow on the way."""
    for name, value in arguments.items():
        members = value if isinstance(value, list | tuple) else [value]
        if len(members) > MAX_MEMBERS or not all(isinstance(one, _VALUES) for one in members):
            raise ValueError(f"the argument {name!r} is neither a value nor a list of at most {MAX_MEMBERS} values")
    _refuse_nul(arguments)
    return arguments


def _refuse_nul(value: Any) -> None:
    if "\\u0000" in json.dumps(value):
        raise ValueError("text may not hold the character NUL (\\x00)")


def _placeholders(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[1:]] if value.startswith(_PLACEHOLDER) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [name for one in inner for name in _placeholders(one)]


def _replaced(value: Any, arguments: dict[str, Any]) -> Any:
    if isinstance(value, str) and value.startswith(_PLACEHOLDER):
        return arguments[value[1:]]
    if isinstance(value, dict):
        return {key: _replaced(one, arguments) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one, arguments) for one in value]
    return value
