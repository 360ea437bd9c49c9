"""Keras's JSON becomes a model: first every layer is read by itself, then they are put in place one after the other.

So everything that has no counterpart is told at once, and what does not fit as far as it can be known.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.keras.chain import Chain
from app.keras.layers import KERAS_LAYERS
from app.keras.layers.activation import LINEAR, NAMES, Named
from app.keras.layers.base import UNHEARD, KerasLayer
from app.keras.objects import is_own, shown
from app.specs.base import Loc, Problem, Shape, ShapeError, SpecError, brief, problems
from app.specs.graph import MAX_LAYERS
from app.specs.inspection import MAX_NUMBERS, Inspection
from app.specs.model import ModelSpec

_SEQUENTIAL = "Sequential"
_MAX_DEPTH = 20  # of models in models, and layers in layers
_MAX_AXES = 6  # of an input
_AUGMENTATION = "Random"  # how the names of layers begin that change training data


@dataclass(frozen=True)
class Reading:
    """What a Keras model is here."""

    model: ModelSpec
    input_shape: Shape  # without the batch, channels first
    inspection: Inspection
    notes: list[str]  # what differs, or has to be known


@dataclass(frozen=True)
class _Layer:
    """A layer as it was read, and where it is written."""

    layer: KerasLayer
    loc: Loc
    config: dict[str, Any]


def read(data: Any, input_shape: Shape | None = None) -> Reading:
    """The model that Keras wrote. `input_shape`: what comes in, in Keras's order, where Keras leaves it open.

    Raises SpecError with everything that has no counterpart here.
    """
    data = _unwrapped(data)
    listed, loc = _listed(data)
    found: list[Problem] = []
    layers = list(_layers(listed, loc, found, depth=0))
    shape = _input_shape(data, listed, loc, input_shape, found)
    if shape is None or not layers:
        raise SpecError(found or [_problem(loc, "no layer computes anything", listed)])
    chain = Chain(shape, last=_is_channels_last(layers), is_old=not _is_new(data))
    try:
        _place(layers, chain, before=_first(found, layers))
    except SpecError as error:
        found += error.errors
    if found:
        raise SpecError(found)
    return _made(data, loc, chain, layers)


def _unwrapped(data: Any) -> dict[str, Any]:
    """What `to_json` gives is text, which may have been written as JSON once more."""
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            raise SpecError([_problem([], "this is not JSON", data)]) from None
    if not isinstance(data, dict):
        raise SpecError([_problem([], "this should be an object, as keras.Sequential.to_json() writes it", data)])
    kind = data.get("class_name")
    if kind != _SEQUENTIAL or not is_own(data):
        raise SpecError([_problem(["class_name"], _not_sequential(kind), kind)])
    return data


def _not_sequential(kind: Any) -> str:
    if kind in ("Functional", "Model"):
        return "only a Sequential model is read: this one is Functional, whose layers name what they take from"
    return "only a Sequential model is read, as keras.Sequential.to_json() writes it"


def _listed(data: Mapping[str, Any]) -> tuple[list[Any], Loc]:
    """The layers as they are written, and where; before Keras 2.2 they were the whole configuration."""
    config = data.get("config")
    if isinstance(config, list):
        return config, ["config"]
    if not isinstance(config, dict):
        raise SpecError([_problem(["config"], "config should be an object", config)])
    if not isinstance(config.get("layers"), list):
        raise SpecError([_problem(["config", "layers"], "layers should be a list", config.get("layers"))])
    return config["layers"], ["config", "layers"]


def _layers(listed: list[Any], loc: Loc, found: list[Problem], depth: int) -> Iterator[_Layer]:
    """Every layer that could be read, those of models within in their place; `found` gathers what is wrong."""
    if len(listed) > MAX_LAYERS:
        found.append(_problem(loc, f"there are {len(listed):,} layers; at most {MAX_LAYERS:,} are read", None))
        return
    for i, written in enumerate(listed):
        place: Loc = [*loc, i]
        if isinstance(written, dict) and written.get("class_name") == _SEQUENTIAL and is_own(written):
            try:
                inner, inside = _listed(written)
            except SpecError as error:
                found += [one.under(*place) for one in error.errors]
                continue
            if depth == _MAX_DEPTH:
                found.append(_problem(place, f"models lie in one another {_MAX_DEPTH} deep at most", None))
            else:
                yield from _layers(inner, [*place, *inside], found, depth + 1)
        elif (layer := _read(written, place, found)) is not None:
            yield _Layer(layer, place, written["config"])


def _read(written: Any, loc: Loc, found: list[Problem], depth: int = 0) -> KerasLayer | None:
    """One layer by itself; None where it does not hold, which `found` then tells."""
    problem = _not_a_layer(written, loc)
    if problem is not None:
        found.append(problem)
        return None
    cls, config = KERAS_LAYERS[written["class_name"]], written["config"]
    fields, before = dict(config), len(found)
    for name in cls.holds:
        if fields.get(name) is not None:
            fields[name] = _held(fields[name], [*loc, "config", name], found, depth + 1)
    found += [_problem([*loc, "config", shown(name)[1:-1]], msg, value) for name, msg, value in _unknown(cls, config)]
    try:
        layer = cls.model_validate({name: value for name, value in fields.items() if name in cls.model_fields})
    except ValidationError as error:
        told = {name for name in cls.holds if config.get(name) is not None and fields[name] is None}
        found += [one.under(*loc, "config") for one in problems(error) if one.loc[0] not in told]
        return None
    return layer if len(found) == before else None


def _not_a_layer(written: Any, loc: Loc) -> Problem | None:
    """Why this is no layer that has a counterpart."""
    if not isinstance(written, dict) or not isinstance(written.get("class_name"), str):
        return _problem(loc, "a layer should be an object with class_name and config", written)
    name = written["class_name"]
    if not is_own(written):
        message = f"{shown(name)} is a layer of its own, which only its Python knows"
        return _problem([*loc, "class_name"], message, written.get("registered_name") or name)
    if name not in KERAS_LAYERS:
        return _problem([*loc, "class_name"], _no_counterpart(name), name)
    if not isinstance(written.get("config"), dict):
        return _problem([*loc, "config"], "config should be an object", written.get("config"))
    return None


def _no_counterpart(name: str) -> str:
    if name in ("Functional", "Model"):
        return "a Functional model within has no counterpart here; only Sequential ones are read"
    if name == "Lambda":
        return "a Lambda holds Python, which is not run here"
    if name.startswith(_AUGMENTATION):
        return f"{shown(name)} changes training data, which is no layer here but `augment` of a run's data"
    return f"the layer {shown(name)} has no counterpart here"


def _unknown(cls: type[KerasLayer], config: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The arguments that a layer does not have, if they say anything."""
    for name, value in config.items():
        if value is not None and name not in cls.model_fields and name not in UNHEARD:
            yield name, f"{cls.__name__} has no argument {shown(name)} that is known here", value


def _held(written: Any, loc: Loc, found: list[Problem], depth: int) -> KerasLayer | None:
    """A layer within a layer, or an activation by its name; None where it has no counterpart."""
    if isinstance(written, str):
        if written in NAMES or written == LINEAR:
            return Named(type=written)
    elif isinstance(written, dict) and written.get("class_name") != "function" and depth <= _MAX_DEPTH:
        return _read(_turned(written) if loc[-1] == "backward_layer" else written, loc, found, depth)
    name = written.get("config") if isinstance(written, dict) else written
    found.append(_problem(loc, f"the activation {shown(name)} has no counterpart here", name))
    return None


def _turned(written: dict[str, Any]) -> dict[str, Any]:
    """A layer that is read backwards, as it would be written to be read forwards."""
    config = written.get("config")
    return written | {"config": config | {"go_backwards": False}} if isinstance(config, dict) else written


def _input_shape(
    data: Mapping[str, Any], listed: list[Any], loc: Loc, asked: Shape | None, found: list[Problem]
) -> Shape | None:
    """What comes in, without the batch, in Keras's order; None where that is wrong or not known."""
    given, place = _given_shape(data, listed, loc)
    if given is None and asked is None:
        found.append(_problem(loc, "what comes in is not said: begin with keras.Input, or give input_shape", None))
        return None
    shape = list(asked or ()) if given is None else given
    if asked is not None and (
        len(asked) != len(shape) or any(b not in (None, a) for a, b in zip(asked, shape, strict=False))
    ):
        found.append(_problem(["input_shape"], f"the model says that {given} comes in", list(asked)))
        return None
    sizes = [a if b is None else b for a, b in zip(asked or shape, shape, strict=True)]
    if None in sizes:
        message = "a size is left open; sizes are fixed here: give it in the model, or as input_shape"
        found.append(_problem(place, message, [None, *given] if given else given))
        return None
    if not _is_possible(sizes):
        message = "a shape is one size or several, each at least 1, and no more than any machine holds"
        found.append(_problem(place, message, sizes))
        return None
    return tuple(sizes)


def _is_possible(sizes: list[Any]) -> bool:
    if not 1 <= len(sizes) <= _MAX_AXES or not all(type(one) is int and 1 <= one <= MAX_NUMBERS for one in sizes):
        return False
    total = 1
    for one in sizes:
        total *= one
    return total <= MAX_NUMBERS


def _given_shape(data: Mapping[str, Any], listed: list[Any], loc: Loc) -> tuple[list[Any] | None, Loc]:
    """What the first layer says that comes in, or else the model; and where."""
    first, place = _innermost(listed, loc)
    config = first.get("config") if isinstance(first, dict) else None
    build = first.get("build_config") if isinstance(first, dict) else None
    for holder, inside in ((config, "config"), (build, "build_config")):
        for name in ("batch_shape", "batch_input_shape", "input_shape"):
            shape = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(shape, list) and shape:
                return shape[1:], [*place, inside, name]
    whole = data["config"].get("build_input_shape") if isinstance(data["config"], dict) else None
    if isinstance(whole, list) and whole:
        return whole[1:], ["config", "build_input_shape"]
    return None, place


def _innermost(listed: list[Any], loc: Loc) -> tuple[Any, Loc]:
    """The first layer, in the first model within if it is one."""
    first, place = (listed[0], [*loc, 0]) if listed else (None, loc)
    for _ in range(_MAX_DEPTH):
        if not isinstance(first, dict) or first.get("class_name") != _SEQUENTIAL:
            break
        config = first.get("config")
        inner = config.get("layers") if isinstance(config, dict) else config
        if not isinstance(inner, list) or not inner:
            break
        first, place = inner[0], [*place, "config", "layers", 0]
    return first, place


def _is_channels_last(layers: list[_Layer]) -> bool:
    return all(one.config.get("data_format") != "channels_first" for one in layers)


def _is_new(data: Mapping[str, Any]) -> bool:
    """Whether Keras 3 wrote it."""
    return "module" in data and not str(data.get("keras_version", "3")).startswith(("1", "2"))


def _first(found: list[Problem], layers: list[_Layer]) -> Loc | None:
    """Where the first layer is that could not be read."""
    wrong = [one.loc for one in found if one.loc[:1] == ["config"]]
    return min(wrong, key=_in_order) if wrong and layers else None


def _in_order(loc: Loc) -> list[tuple[bool, Any]]:
    return [(isinstance(part, int), part) for part in loc]


def _place(layers: list[_Layer], chain: Chain, before: Loc | None) -> None:
    """Put layers in place, as far as they are known. Raises SpecError at the first that does not fit."""
    for one in layers:
        if before is not None and _in_order(one.loc) >= _in_order(before):
            return
        layer = one.layer
        chain.begin(one.loc, type(layer).__name__, layer.name, list(one.config), learns=layer.learns)
        try:
            layer.place(chain)
        except ShapeError as error:
            raise chain.misfit(error) from error
    chain.begin([], "the end", "", [])
    chain.arrange(chain.usual_order(len(chain.shape)))


def _made(data: Mapping[str, Any], loc: Loc, chain: Chain, layers: list[_Layer]) -> Reading:
    """The whole, looked at as any model is. Raises SpecError where something of it does not hold."""
    name = data["config"].get("name") if isinstance(data["config"], dict) else None
    called = {"name": shown(name)[1:-1]} if isinstance(name, str) and name else {}
    try:
        model = ModelSpec.model_validate(called | {"layers": chain.layers})
        inspection = model.inspect(chain.input_shape)
    except ValidationError as error:
        raise SpecError([_problem(loc, "no layer computes anything", None)]) from error
    except SpecError as error:
        raise SpecError([_of_layer(one, chain, loc) for one in error.errors]) from error
    return Reading(model, chain.input_shape, inspection, [*_general(data, layers, model, chain), *chain.notes])


def _of_layer(problem: Problem, chain: Chain, loc: Loc) -> Problem:
    """A problem of our model, at the place of Keras's layer."""
    at = problem.loc[1] if problem.loc[:1] == ["layers"] and len(problem.loc) > 1 else None
    place = chain.places[at] if isinstance(at, int) else loc
    return Problem(loc=place or loc, msg=problem.msg, received=problem.received)


def _general(data: Mapping[str, Any], layers: list[_Layer], model: ModelSpec, chain: Chain) -> Iterator[str]:
    """What is to be known of the whole."""
    if frozen := list(chain.frozen):
        names = ", ".join(frozen[:5]) + (" …" if len(frozen) > 5 else "")
        yield f"Frozen, as trainable is false in Keras: {names}. Its weights there are not in the JSON: it begins anew."
    policies = {one.layer.dtype for one in layers} - {"float32", "int32", "int64"}
    if policies:
        yield f"Keras computes in {shown(min(policies))}; here weights are of four bytes, and a run says the precision."
    if data.get("compile_config"):
        yield "Loss, optimizer and metrics are not read: a run says them."
    if model.layers[-1].type == "softmax":
        yield (
            "It ends with softmax: the loss cross_entropy takes what comes before it, so take the last layer away; "
            "or end with log_softmax, for nll_loss."
        )


def _problem(loc: Loc, msg: str, received: Any) -> Problem:
    return Problem(loc=loc, msg=msg, received=brief(received))
