"""A run's settings under dotted names, one by one, for lists to filter, sort and compare by. Pure.

What is under "training" goes by its bare name ("optimizer.lr", "num_epochs"), for that is what people compare most; a
script's own config as it is called there.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from app.specs.model import ModelSpec

MAX_SETTINGS = 200
MAX_CHARACTERS = 200  # of a value, and of a name
Setting = bool | float | str
_PREFIXES = {"training": "", "data": "data.", "config": ""}


def flatten(spec: Mapping[str, Any]) -> dict[str, Setting]:
    """The settings of a specification by name; at most 200, what is empty left out."""
    found: dict[str, Setting] = {}
    for part, prefix in _PREFIXES.items():
        for name, value in _leaves(spec.get(part) or {}, prefix):
            found.setdefault(name, value)
    if isinstance(model := spec.get("model"), Mapping):
        found |= _of_model(model)
    return dict(list(found.items())[:MAX_SETTINGS])


def columns_of(value: Setting) -> tuple[float | None, str | None]:
    """A setting as the table keeps it: its number, and its text. A truth is both: 1 and "true"."""
    if isinstance(value, bool):
        return float(value), str(value).lower()
    if isinstance(value, str):
        return None, value
    return (value, None) if math.isfinite(value) else (None, str(value))


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}{key}" if not name or name.endswith(".") else f"{name}.{key}")
    elif isinstance(value, list | tuple):
        words = ", ".join(_word(one) for one in value)
        if words:
            yield name[:MAX_CHARACTERS], words[:MAX_CHARACTERS]
    elif isinstance(value, bool | str):
        yield name[:MAX_CHARACTERS], value[:MAX_CHARACTERS] if isinstance(value, str) else value
    elif isinstance(value, int | float):
        yield name[:MAX_CHARACTERS], _number(value)


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _word(value: Any) -> str:
    """A member of a list: what it is called, where it is a thing with a type."""
    if isinstance(value, Mapping):
        others = [str(one) for key, one in value.items() if key != "type" and isinstance(one, int | float | str)]
        return " ".join([str(value.get("type", "")), *others]).strip()
    return str(value)


def _of_model(model: Mapping[str, Any]) -> dict[str, Setting]:
    layers = _layers_of(model)
    line = " → ".join(_layer(layer) for layer in layers)
    name = model.get("name")
    found: dict[str, Setting] = {"model.name": str(name)[:MAX_CHARACTERS]} if name else {}
    found["model.num_layers"] = float(len(layers))
    found["model.layers"] = line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"
    return found


def _layers_of(model: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those of blocks in the places where they are used."""
    layers: Sequence[Mapping[str, Any]] = model.get("layers") or []
    if not model.get("blocks"):
        return layers
    try:
        nodes = ModelSpec.model_validate(model).graph.nodes
    except ValidationError:  # of a script that reports what it calls blocks
        return layers
    return [node.layer.model_dump(mode="json") for node in nodes]


_SIZES = ("out_features", "out_channels", "hidden_size", "embedding_dim", "p")


def _layer(layer: Mapping[str, Any]) -> str:
    sizes = [f"{layer[name]:g}" for name in _SIZES if isinstance(layer.get(name), int | float)]
    return " ".join([str(layer.get("type")), *sizes])
