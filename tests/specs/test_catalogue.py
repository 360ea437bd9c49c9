"""What the forms are made of: help in one line, and every field with its words, its bounds and its default."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.specs import catalogue
from app.specs.augment import AnyAugmentation
from app.specs.base import Spec
from app.specs.initializers import AnyInitializer
from app.specs.layers import LAYERS, AnyLayer, Layer
from app.specs.layers.backbone import AnyWeights
from app.specs.losses import AnyLoss
from app.specs.metrics import AnyMetric
from app.specs.optimizers import AnyOptimizer
from app.specs.run import RunSpec
from app.specs.schedules import AnySchedule
from app.specs.splits import AnySplit

UNIONS: dict[str, Any] = {
    "layers": AnyLayer,
    "losses": AnyLoss,
    "optimizers": AnyOptimizer,
    "schedules": AnySchedule,
    "metrics": AnyMetric,
    "initializers": AnyInitializer,
    "weights": AnyWeights,
    "augmentations": AnyAugmentation,
    "splits": AnySplit,
}
ENTRIES = [(kind, entry) for kind, entries in catalogue.schema().items() for entry in entries]
SAMPLES = {"val": 1.0, "values": [0.5], "shape": [2, 3], "column": "when", "dims": [2, 1], "pad": [1, 2]}
SAMPLES |= {"architecture": "resnet18", "id": "a-file", "milestones": [3, 5]}


def every_spec(cls: type[Spec] = Spec) -> Iterator[type[Spec]]:
    for one in cls.__subclasses__():
        if one.__module__.startswith("app.specs") and not one.__name__.startswith("_") and one is not Layer:
            yield one
        yield from every_spec(one)


def test_every_kind_is_there() -> None:
    assert catalogue.schema().keys() == UNIONS.keys() | {"steps", "windows", "averages"}
    assert {entry["type"] for entry in catalogue.schema()["layers"]} == {
        layer.model_fields["type"].default for layer in LAYERS
    }


@pytest.mark.parametrize(("kind", "entry"), ENTRIES, ids=lambda value: value["type"] if isinstance(value, dict) else "")
def test_a_form_can_be_made_of_an_entry(kind: str, entry: dict[str, Any]) -> None:
    json.dumps(entry, allow_nan=False)
    assert entry["help"] and "\n" not in entry["help"] and entry["help"].endswith((".", ")"))
    for name, field in entry["fields"].items():
        assert field.get("description"), name
        assert ("default" in field) != (name in entry["required"]), name
    filled = {name: SAMPLES.get(name, 3) for name in entry["required"]}
    defaults = {name: field["default"] for name, field in entry["fields"].items() if "default" in field}
    if kind in ("steps", "windows", "averages"):
        untyped = (catalogue.STEPS | catalogue.WINDOWS | catalogue.AVERAGES)[entry["type"]]
        assert untyped.model_validate(defaults | filled) == untyped.model_validate(filled)
        return
    found = TypeAdapter(UNIONS[kind]).validate_python({"type": entry["type"], **defaults, **filled})
    assert found.model_dump(mode="json", exclude_defaults=True).keys() <= {"type", *filled}


@pytest.mark.parametrize("cls", list(dict.fromkeys(every_spec())), ids=lambda cls: cls.__name__)
def test_every_field_is_described(cls: type[Spec]) -> None:
    undescribed = [name for name, field in cls.model_fields.items() if name != "type" and not field.description]
    assert not undescribed


def test_no_two_layers_share_a_name_that_others_call_them() -> None:
    for kind, union in UNIONS.items():
        members = union.__origin__.__args__
        words = [word for one in members for word in (one.model_fields["type"].default, *one.also_called)]
        assert len(words) == len(set(words)), kind


def test_bounds_reach_the_form() -> None:
    conv = next(entry for entry in catalogue.schema()["layers"] if entry["type"] == "conv2d")
    assert conv["required"] == ["out_channels", "kernel_size"]
    assert conv["fields"]["out_channels"] == {
        "description": "how many filters, and so channels that come out",
        "maximum": 100_000,
        "minimum": 1,
        "type": "integer",
    }
    assert {"enum": ["same", "valid"], "type": "string"} in conv["fields"]["padding"]["anyOf"]
    assert conv["group"] == "convolution"


def test_the_schema_of_a_run_can_be_published() -> None:
    schema = RunSpec.model_json_schema()
    assert "‹" not in json.dumps(schema, ensure_ascii=False)
    layers = schema["$defs"]["ModelSpec"]["properties"]["layers"]
    assert layers["items"]["discriminator"]["propertyName"] == "type"


def test_the_families_that_a_graph_is_coloured_by_are_the_groups_of_the_schema() -> None:
    known = json.loads((Path(__file__).parent.parent / "js" / "layer_groups.json").read_text())
    groups = {entry["type"]: entry["group"] for entry in catalogue.schema()["layers"]}
    assert known == {name: groups[name] for name in known}
