"""Objects as Keras writes them: initialisers, regularisers, constraints, policies of numbers.

Each is `{"class_name", "config"}`, with its module since Keras 3, or only a name, as "glorot_uniform".
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator

_HOMES = ("keras", "tf_keras", "tensorflow")  # whose modules hold Keras's own classes


def shown(value: Any) -> str:
    """What came, in a message: short, and of characters that any answer can hold."""
    return repr(value).encode(errors="backslashreplace").decode()[:80]


def is_own(value: Mapping[str, Any]) -> bool:
    """Whether a class is Keras's own, and none that somebody made."""
    module = value.get("module", "keras")
    home = isinstance(module, str) and module.partition(".")[0] in _HOMES
    return home and value.get("registered_name") is None


def named(value: Any) -> tuple[str, dict[str, Any]]:
    """The class and the arguments of an object. Raises ValueError where it is none of Keras's own."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        raise ValueError("should be a name, or an object with class_name and config")
    if not is_own(value):
        raise ValueError(f"{shown(value['class_name'])} is a class of its own, which only its Python knows")
    config = value.get("config") or {}
    if not isinstance(config, dict):
        raise ValueError("config should be an object")
    return value["class_name"], config


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _number(config: Mapping[str, Any], name: str, default: float) -> float:
    """An argument that is a number. Raises ValueError where it is none."""
    value = config.get(name)
    if value is None:
        return default
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} should be a finite number, not {shown(value)}")
    return number


@dataclass(frozen=True)
class Begin:
    """How a weight begins, as `weight_init` takes it."""

    init: dict[str, Any]
    is_cut: bool = False  # whether Keras draws from a normal distribution that is cut off, where torch does not cut


def _scaled(scale: float, mode: str, distribution: str) -> Begin:
    """`VarianceScaling`, of which most others are cases. Raises ValueError where torch has none such."""
    kinds = {"uniform": "uniform", "truncated_normal": "normal", "normal": "normal", "untruncated_normal": "normal"}
    if distribution not in kinds:
        raise ValueError(f"distribution {shown(distribution)} has no counterpart here")
    kind, is_cut = kinds[distribution], distribution in ("truncated_normal", "normal")
    if scale <= 0:
        raise ValueError(f"scale should be above 0, not {scale:g}")
    if mode == "fan_avg":
        gain = {} if scale == 1 else {"gain": math.sqrt(scale)}
        return Begin({"type": f"xavier_{kind}", **gain}, is_cut)
    if mode not in ("fan_in", "fan_out") or scale > 2:
        raise ValueError(f"scale {scale:g} by {shown(mode)} has no counterpart here")
    sides = {} if mode == "fan_in" else {"mode": mode}
    return Begin({"type": f"kaiming_{kind}", **sides, **_gain(scale)}, is_cut)


def _gain(scale: float) -> dict[str, Any]:
    """The activation whose gain, squared, is `scale`: 2 for relu, 1 for none, 2 / (1 + a²) for leaky_relu."""
    if scale in (1, 2):
        return {} if scale == 2 else {"nonlinearity": "linear"}
    return {"nonlinearity": "leaky_relu", "a": math.sqrt(2 / scale - 1)}


def _variance_scaling(config: Mapping[str, Any]) -> Begin:
    words = (config.get("mode", "fan_in"), config.get("distribution", "truncated_normal"))
    mode, distribution = (word if isinstance(word, str) else shown(word) for word in words)
    return _scaled(_number(config, "scale", 1.0), mode, distribution)


def _truncated(config: Mapping[str, Any]) -> Begin:
    mean, std = _number(config, "mean", 0.0), _number(config, "stddev", 0.05)
    return Begin({"type": "trunc_normal", "mean": mean, "std": std, "a": mean - 2 * std, "b": mean + 2 * std})


_Read = Callable[[Mapping[str, Any]], Begin]
_INITIALIZERS: dict[str, _Read] = {
    "zeros": lambda config: Begin({"type": "zeros"}),
    "ones": lambda config: Begin({"type": "ones"}),
    "constant": lambda config: Begin({"type": "constant", "val": _number(config, "value", 0.0)}),
    "randomnormal": lambda config: Begin(
        {"type": "normal", "mean": _number(config, "mean", 0.0), "std": _number(config, "stddev", 0.05)}
    ),
    "randomuniform": lambda config: Begin(
        {"type": "uniform", "a": _number(config, "minval", -0.05), "b": _number(config, "maxval", 0.05)}
    ),
    "truncatednormal": _truncated,
    "variancescaling": _variance_scaling,
    "glorotuniform": lambda config: _scaled(1, "fan_avg", "uniform"),
    "glorotnormal": lambda config: _scaled(1, "fan_avg", "truncated_normal"),
    "heuniform": lambda config: _scaled(2, "fan_in", "uniform"),
    "henormal": lambda config: _scaled(2, "fan_in", "truncated_normal"),
    "lecununiform": lambda config: _scaled(1, "fan_in", "uniform"),
    "lecunnormal": lambda config: _scaled(1, "fan_in", "truncated_normal"),
    "orthogonal": lambda config: Begin({"type": "orthogonal", "gain": _number(config, "gain", 1.0)}),
}
_OTHER_NAMES = {"zero": "zeros", "one": "ones", "uniform": "randomuniform", "normal": "randomnormal"}


def read_initializer(value: Any) -> Begin:
    """How a weight begins. Raises ValueError where that has no counterpart."""
    if isinstance(value, Begin):
        return value
    name, config = named(value)
    read = _INITIALIZERS.get(_OTHER_NAMES.get(_plain(name), _plain(name)))
    if read is None:
        raise ValueError(f"the initializer {shown(name)} has no counterpart here")
    return read(config)


def read_regularizer(value: Any) -> dict[str, float]:
    """What joins the loss, as `l1` and `l2`. Raises ValueError where that has no counterpart."""
    name, config = named(value)
    factors = {"l1": ("l1",), "l2": ("l2",), "l1l2": ("l1", "l2")}.get(_plain(name))
    if factors is None:
        raise ValueError(f"the regularizer {shown(name)} has no counterpart here")
    default = 0.01 if isinstance(value, str) or len(factors) == 1 else 0.0
    found = {factor: _number(config, factor, default) for factor in factors}
    return {factor: number for factor, number in found.items() if number}


@dataclass(frozen=True)
class Bound:
    """The greatest norm of weights, taken over some axes of Keras's kernel together."""

    max_value: float
    axes: frozenset[int] = field(default_factory=frozenset)


def read_constraint(value: Any) -> Bound:
    """How long a weight may be. Raises ValueError where that has no counterpart."""
    name, config = named(value)
    if _plain(name) != "maxnorm":
        raise ValueError(f"the constraint {shown(name)} has no counterpart here")
    axis = config.get("axis", 0)
    axes = axis if isinstance(axis, list) else [axis]
    if not all(isinstance(one, int) for one in axes):
        raise ValueError(f"axis should be a whole number or several, not {shown(axis)}")
    return Bound(_number(config, "max_value", 2.0), frozenset(axes))


def _policy(value: Any) -> str:
    """The name of what is computed in: "float32", or of a policy such as "mixed_float16"."""
    if isinstance(value, dict):
        inner = value.get("config")
        value = inner.get("name") if isinstance(inner, dict) else None
    return value if isinstance(value, str) else "unknown"


def _refuse(value: Any) -> None:
    raise ValueError("this has no counterpart here; only null is read")


def _false(value: Any) -> Any:
    if value:
        raise ValueError("only false has a counterpart here")
    return False


def _true(value: Any) -> Any:
    if not value:
        raise ValueError("only true has a counterpart here")
    return True


Initializer = Annotated[Begin, PlainValidator(read_initializer)]
Penalty = Annotated[dict[str, float], PlainValidator(read_regularizer)]
Constraint = Annotated[Bound, PlainValidator(read_constraint)]
Policy = Annotated[str, BeforeValidator(_policy)]
Absent = Annotated[None, BeforeValidator(_refuse)]  # what must not be said
No = Annotated[bool, BeforeValidator(_false)]
Yes = Annotated[bool, BeforeValidator(_true)]
