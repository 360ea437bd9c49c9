"""What is written about the project is true of it."""

import json
import re
from pathlib import Path

from app.settings import Settings
from app.specs.base import Fed
from app.specs.layers import LAYERS
from app.specs.losses import LOSSES
from app.specs.model import ModelSpec
from app.specs.optimizers import AnyOptimizer
from app.specs.schedules import AnySchedule

ROOT = Path(__file__).parents[1]


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = set(re.findall(r"^\| `TRAINDECK_(\w+)`", (ROOT / "docs/settings.md").read_text(), re.M))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_the_language_of_models_is_as_it_is_written() -> None:
    page = (ROOT / "docs/models.md").read_text()
    rows = re.findall(r"^\| ([a-z]+) \| (.+) \|$", page, re.M)
    listed = {group: re.findall(r"`(\w+)`", names) for group, names in rows if group != "group"}
    there: dict[str, list[str]] = {}
    for layer in LAYERS:
        there.setdefault(layer.group, []).append(layer.model_fields["type"].default)
    assert listed == there
    examples = [json.loads(block) for block in re.findall(r"```json\n(.+?)```", page, re.S)]
    shapes: list[Fed] = [(3, 8, 8), (64,), {"user": (1,), "film": (20,)}, (4,), (20,), (3, 32, 32)]
    for definition, shape in zip(examples, shapes, strict=True):
        assert ModelSpec.model_validate(definition).inspect(shape).num_parameters > 0


def test_every_optimizer_and_schedule_is_documented_and_nothing_else_is() -> None:
    page = (ROOT / "docs/optimizers.md").read_text()
    for kind, union in (("optimizer", AnyOptimizer), ("schedule", AnySchedule)):
        table = page.partition(f"| {kind} |")[2].partition("\n\n")[0]
        first = re.findall(r"^\| (`.+?`) \|", table, re.M)
        documented = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}
        assert documented == {one.model_fields["type"].default for one in union.__origin__.__args__}


def test_every_loss_is_documented_with_its_arguments() -> None:
    page = (ROOT / "docs/losses.md").read_text()
    listed: dict[str, tuple[str, set[str]]] = {}
    group = ""
    for told, name, arguments in re.findall(r"^\|([a-z ]+)\| `(\w+)` \|([^|]*)\|", page, re.M):
        group = told.strip() or group
        listed[name] = group, set(re.findall(r"`(\w+)`", arguments))
    assert listed == {name: (loss.group, loss.model_fields.keys() - {"type"}) for name, loss in LOSSES.items()}


def test_every_finding_is_documented_and_nothing_else_is() -> None:
    page = (ROOT / "docs/doctor.md").read_text().split("## What it finds")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", page, re.M)
    sources = [path.read_text() for path in (ROOT / "worker/train").rglob("*.py")]
    kinds = {kind for text in sources for kind in re.findall(r'Finding\(\s*"(\w+)"', text)}
    no_illnesses = {"damaged_checkpoint", "time_limit", "weights_left_out"}
    assert set(rows) == kinds - no_illnesses


def test_every_local_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
