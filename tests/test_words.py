"""The words of the first paint are those of the pages' scripts."""

import json
import math
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


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (0.24434, 4, "0.2443"),
        (0.25, 4, "0.25"),
        (-31.2449, 4, "−31.24"),
        (100.0, 2, "100"),
        (12000.4, 4, "12,000"),
        (99999.0, 3, "100,000"),
        (2.14e-05, 2, "2.1e−5"),
        (1e12, 3, "1e12"),
        (-0.0, 4, "0"),
        (math.nan, 4, "NaN"),
        (-math.inf, 4, "−∞"),
    ],
)
def test_a_figure_in_a_sentence_is_brief(value: float, digits: int, expected: str) -> None:
    assert words.brief(value, digits) == expected
