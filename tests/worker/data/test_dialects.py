"""Any table, written in any dialect and encoding, comes back as it was."""

import csv
import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.tabular.encoding import Encoding
from app.tabular.intake import Intake
from app.tabular.refusals import Limits
from app.tabular.set_aside import SetAside
from app.tabular.sniffing import Overrides
from worker.data.reading import convert


@dataclass(frozen=True)
class Way:
    """How a table is written."""

    delimiter: str
    quote: str = '"'
    escape: str = ""
    decimal: str = "."
    line_end: str = "\n"


WAYS = [
    Way(","),
    Way(",", line_end="\r\n"),
    Way(";", decimal=","),
    Way("\t"),
    Way("|", quote="'"),
    Way(",", escape="\\"),
    Way(";", quote="'", escape="\\", decimal=",", line_end="\r\n"),
    Way("\t", quote="", escape="\\", line_end="\r\n"),
]
ENCODINGS: list[tuple[str, Encoding | None]] = [
    ("utf-8", None),
    ("utf-8-sig", None),
    ("utf-16-le", "utf-16-le"),
    ("gb18030", "gb18030"),
]

# Python does not quote a lone carriage return, and spaces around quotes mean nothing.
letters = [*"ab ,;|\t\"'\\\né日😀.#", "\r\n"]
words = st.lists(st.sampled_from(letters), max_size=8).map(lambda word: f"w{''.join(word)}w")
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda x: float(f"{x:.6g}"))
rows = st.lists(st.tuples(st.one_of(st.none(), words), st.one_of(st.none(), numbers), words), min_size=1, max_size=8)


def write(table: list[tuple[Any, ...]], way: Way) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=way.delimiter,
        quotechar=way.quote or None,
        quoting=csv.QUOTE_MINIMAL if way.quote else csv.QUOTE_NONE,
        doublequote=not way.escape,
        escapechar=way.escape or None,
        lineterminator=way.line_end,
    )
    writer.writerow(["text", "number", "word"])
    for one, number, word in table:
        said = "" if number is None else repr(number).replace(".", way.decimal)
        writer.writerow(["" if one is None else one, said, word])
    return text.getvalue()


def read(folder: Path, data: bytes, overrides: Overrides, chunk: int = 1000) -> list[dict[str, Any]]:
    source, target, set_aside = folder / "in.csv", folder / "out.parquet", SetAside()
    with source.open("wb") as sink:
        intake = Intake(sink, Limits(1 << 30, 1 << 20), overrides, set_aside=set_aside)
        for start in range(0, len(data), chunk):
            intake.feed(data[start : start + chunk])
        dialect = intake.finish().dialect
    assert set_aside.num == 0, set_aside.kept
    with target.open("wb+") as file:
        convert(source, dialect, file, lambda num_rows: None)
    found: list[dict[str, Any]] = pq.read_table(target).to_pylist()
    return found


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows, st.sampled_from(WAYS), st.sampled_from(ENCODINGS), st.integers(1, 64))
def test_any_table_in_any_dialect_and_encoding_comes_back(
    tmp_path: Path, table: list[tuple[Any, ...]], way: Way, written: tuple[str, Encoding | None], chunk: int
) -> None:
    encoding, said = written
    asked = {name: value for name, value in asdict(way).items() if name != "line_end"}
    overrides = Overrides(has_header=True, encoding=said, **asked)
    found = read(tmp_path, write(table, way).encode(encoding), overrides, chunk)
    assert [(row["text"], row["number"], row["word"]) for row in found] == table


TABLE = [("say “so”", 1.5, "x, y; z"), ("it's", -2e30, 'a "b" c\nd'), (None, None, "Zürich\t|"), ("e", 0.25, "w")] * 3


@pytest.mark.parametrize("way", WAYS[:6])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_what_nobody_says_is_found_out(tmp_path: Path, way: Way, encoding: str) -> None:
    found = read(tmp_path, write(TABLE, way).encode(encoding), Overrides())
    assert [(row["text"], row["number"], row["word"]) for row in found] == TABLE
