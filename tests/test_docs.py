"""What is written about the project is true of it."""

import re
from pathlib import Path

from app.settings import Settings

ROOT = Path(__file__).parents[1]


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    documented = set(re.findall(r"^\| `TRAINDECK_(\w+)`", (ROOT / "docs/settings.md").read_text(), re.M))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_every_local_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert not broken
