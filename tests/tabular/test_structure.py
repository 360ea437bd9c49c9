"""The structure that is read is the one that Python's csv module reads."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.tabular.structure import Marks, not_records, read_block

COMMA, QUOTE = ord(","), ord('"')
MARKS = Marks(COMMA, QUOTE)


def num_fields(text: str, marks: Marks = MARKS) -> list[int]:
    raw = np.frombuffer(text.encode(), np.uint8)
    block = read_block(raw, marks)
    counts = np.diff(block.records, prepend=-1)
    return [int(n) for n in counts[~not_records(raw, block, marks)]]


def fields_of_python(text: str) -> list[int]:
    return [len(row) for row in csv.reader(io.StringIO(text, newline="")) if row]


cells = st.text(alphabet=st.sampled_from('ab ,"\n\ré'), max_size=6)


@given(st.lists(st.lists(cells, min_size=1, max_size=4), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_python_writes_is_read_as_it_was_written(
    rows: list[list[str]], line_end: str, quotes_all: bool
) -> None:
    if not quotes_all:  # Python does not quote a lone carriage return
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL).writerows(
        rows
    )
    if rows:
        assert num_fields(text.getvalue()) == [len(row) for row in rows]


@given(st.text(alphabet=st.sampled_from('a,"\n'), max_size=30).map(lambda text: text + "\n"))
@example('"""a"\n')
@example('"a","b""",c\n""\n')
@example('a"b",c\n')
@example('""a\n')
def test_any_text_without_a_fault_is_read_as_python_reads_it(text: str) -> None:
    block = read_block(np.frombuffer(text.encode(), np.uint8), MARKS)
    if not block.faults and block.opened < 0:
        assert num_fields(text) == fields_of_python(text)


def test_a_quote_within_a_field_is_an_ordinary_character() -> None:
    assert num_fields('a,5" disc\nb,6"\n') == [2, 2]


def test_spaces_may_surround_a_quoted_field() -> None:
    assert num_fields('a, "x,y" ,b\n') == [3]


def test_without_quoting_a_quote_hides_nothing() -> None:
    assert num_fields('"a,b"\n', Marks(COMMA, None)) == [2]


@pytest.mark.parametrize(
    ("text", "place", "counts"),
    [
        ('a,b\n1,"x"y\n2,3\n', 8, [2, 2, 2]),
        ('a,b\n"1\n2","x" y,"z\n3,4\n', 12, [2, 3, 2]),
        ("a,b\n1,2\nx\ry,1\n", 9, [2, 2, 2]),
    ],
)
def test_a_record_that_breaks_the_rules_ends_with_its_line(text: str, place: int, counts: list[int]) -> None:
    block = read_block(np.frombuffer(text.encode(), np.uint8), MARKS)
    assert list(block.faults) == [place]
    assert num_fields(text) == counts


def test_quotes_in_a_comment_mean_nothing_and_a_comment_mark_in_quotes_neither() -> None:
    assert num_fields('# a, "b\n1,2\n3,"x\n# y"\n', Marks(COMMA, QUOTE, ord("#"))) == [2, 2]


def test_a_block_may_end_inside_a_quoted_field() -> None:
    block = read_block(np.frombuffer(b'1,2\n3,"begun\n', np.uint8), MARKS)
    assert block.ends.tolist() == [1, 3, 5]
    assert block.opened == 6
