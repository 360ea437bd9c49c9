"""The words of the first paint are those of the pages' scripts."""

import json
from pathlib import Path

import pytest

from app import words

CASES = json.loads((Path(__file__).parent / "js" / "format_cases.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_reads_as_the_script_writes_it(name: str) -> None:
    for value, expected in CASES[name]:
        assert words.FILTERS[name](value) == expected, f"{name}({value!r})"


def test_one_of_a_thing_is_singular() -> None:
    assert words.plural(1, "run") == "1 run"
    assert words.plural(1200, "run") == "1,200 runs"
