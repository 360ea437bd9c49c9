"""The vocabulary for forms and docs: every type with its help and its fields, from the classes themselves."""

import inspect
from functools import cache
from typing import Any

from app.specs.augment import AnyAugmentation
from app.specs.averages import EMA, SWA
from app.specs.base import Spec
from app.specs.initializers import AnyInitializer
from app.specs.layers import LAYERS
from app.specs.layers.backbone import AnyWeights
from app.specs.losses import AnyLoss
from app.specs.metrics import AnyMetric
from app.specs.optimizers import AnyOptimizer
from app.specs.schedules import AnySchedule
from app.specs.splits import AnySplit
from app.specs.steps import ColumnSteps, Missing, Pixels, Tokens
from app.specs.window import Window

# What happens to a column, and to rows in order: these have no `type` by which they are told apart.
STEPS: dict[str, type[Spec]] = {"column": ColumnSteps, "missing": Missing, "tokens": Tokens, "pixels": Pixels}
WINDOWS: dict[str, type[Spec]] = {"window": Window}
# Nor has what is averaged, which is told apart by its field.
AVERAGES: dict[str, type[Spec]] = {"ema": EMA, "swa": SWA}


def _members(union: Any) -> tuple[type[Spec], ...]:
    members: tuple[type[Spec], ...] = union.__origin__.__args__
    return members


@cache
def schema() -> dict[str, list[dict[str, Any]]]:
    """For each kind, its types: title, what others call it, help, group, an example, the JSON schema of each field."""
    unions = {
        "losses": AnyLoss,
        "optimizers": AnyOptimizer,
        "schedules": AnySchedule,
        "metrics": AnyMetric,
        "initializers": AnyInitializer,
        "weights": AnyWeights,
        "augmentations": AnyAugmentation,
        "splits": AnySplit,
    }
    kinds = {"layers": LAYERS} | {kind: _members(union) for kind, union in unions.items()}
    named = {kind: [_entry(one, one.model_fields["type"].default) for one in some] for kind, some in kinds.items()}
    untyped = {"steps": STEPS, "windows": WINDOWS, "averages": AVERAGES}
    return named | {kind: [_entry(one, name) for name, one in some.items()] for kind, some in untyped.items()}


def _entry(cls: type[Spec], name: str) -> dict[str, Any]:
    found = cls.model_json_schema()
    fields = {
        field_name: {key: value for key, value in field.items() if key != "title"}
        for field_name, field in found["properties"].items()
        if field_name not in ("type", "name", "inputs")
    }
    return {
        "type": name,
        "title": name.replace("_", " "),
        "also_called": cls.also_called,
        "help": inspect.cleandoc(cls.__doc__ or ""),
        "group": getattr(cls, "group", None),
        "num_inputs": getattr(cls, "num_inputs", (1, 1)),
        "source": getattr(cls, "source", None),
        "fields": fields,
        "example": next((one.args for one in getattr(cls, "examples", ())), {}),
        "required": [name for name in found.get("required", ()) if name != "type"],
    }
