"""What the first lines say of a file."""

import pytest

from app.tabular.sniffing import Overrides, sniff
from app.tabular.structure import Malformed


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_gives_every_line_as_many_fields(delimiter: str) -> None:
    found = sniff(delimiter.join("abc") + "\n" + "".join(delimiter.join(row) + "\n" for row in ("123", "456")))
    assert (found.delimiter, found.columns) == (delimiter, ["a", "b", "c"])


def test_decimal_commas_do_not_mislead() -> None:
    assert sniff("a;b\n1,5;2,5\n3,5;4,5\n").delimiter == ";"


def test_one_short_record_does_not_make_it_a_file_of_one_column() -> None:
    assert sniff("a,b\n1,2\n3\n4,5\n").columns == ["a", "b"]


def test_one_column_is_no_reason_for_another_delimiter() -> None:
    found = sniff("text\nwell, well\nno\n")
    assert (found.columns, found.has_header) == (["text"], True)


def test_a_broken_quote_does_not_change_the_delimiter() -> None:
    found = sniff('a,b\n1,"x"y\n2,3\n')
    assert (found.delimiter, found.quote) == (",", '"')


def test_quotes_that_mean_nothing_are_known_in_tab_separated_files() -> None:
    lines = 'ham\t"so" they said\nspam\t"win\nham\tok\n'
    assert sniff(lines, prefer="\t").quote == ""
    assert sniff('a\tb\n"x\ty"\t1\n', prefer="\t").quote == '"'


@pytest.mark.parametrize(
    ("lines", "has_header"),
    [
        ("a,b\n1,2\n", True),
        ("1,2\n3,4\n", False),
        ("1,x\n2,y\n", False),
        ("name,city\nAnn,Rome\nBob,Oslo\n", True),
        ("ham,hello\nspam,win\nham,yes\n", False),
        ("x,label\n,1\nNA,2\n", True),
        ("a,b\n", True),
        (",a\n0,1\n", True),
    ],
)
def test_a_header_is_words_above_numbers_or_words_that_do_not_come_again(lines: str, has_header: bool) -> None:
    assert sniff(lines).has_header is has_header


def test_columns_without_a_name_are_numbered() -> None:
    assert sniff("1,2\n3,4\n").columns == ["column0", "column1"]
    assert sniff(",a\n0,1\n").columns == ["column0", "a"]


def test_what_the_sender_says_counts() -> None:
    assert sniff("1;2\n3;4\n", Overrides(has_header=True)).columns == ["1", "2"]
    assert sniff("a,b\nc,d\n", Overrides(delimiter=";")).columns == ["a,b"]
    assert sniff('"a","b"\n1,2\n', Overrides(quote="")).columns == ['"a"', '"b"']


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,b,a", ["a", "b", "a_2"]),
        ("a,a,a", ["a", "a_2", "a_3"]),
        ("a,a,a_2", ["a", "a_3", "a_2"]),
        ("x, x ,,", ["x", "x_2", "column2", "column3"]),
    ],
)
def test_names_that_come_twice_are_made_different_and_told(header: str, names: list[str]) -> None:
    found = sniff(header + "\n" + ",".join("1" for _ in names) + "\n")
    assert found.columns == names
    assert len(found.notes) == 1


def test_names_that_differ_in_case_are_two() -> None:
    assert sniff("a,A\n1,2\n").columns == ["a", "A"]


def test_decimal_commas_are_found_in_columns_of_numbers() -> None:
    assert sniff("a;b\n1,5;x\n3;y\n").decimal == ","
    assert sniff("a;b\n1,5;2.5\n3;4\n").decimal == "."
    assert sniff("a;b\nyes, no;1\nno;2\n").decimal == "."
    assert sniff("a,b\n1,5\n").decimal == "."
    assert sniff("1,5;2,5\n3,5;4,5\n").has_header is False


def test_single_quotes_enclose_fields_where_they_are_even() -> None:
    assert sniff("'a','b'\n'x, y',1\n").quote == "'"
    assert sniff("a,b\n'tis the season,1\n").quote == '"'
    assert sniff("a,b\n'x, y',\"1\"\n").quote == '"'


def test_a_backslash_before_a_quote_is_found_where_quotes_are_not_doubled() -> None:
    assert sniff('a,b\n"say \\"so\\", you",1\n').escape == "\\"
    assert sniff('a,b\n"C:\\dir\\",1\n').escape == ""
    assert sniff('a,b\n"say ""so""",1\n').escape == ""


def test_comments_are_no_rows() -> None:
    found = sniff("# made by hand, twice\na;b\n# it's \"done\n1;2\n", Overrides(comment="#"))
    assert (found.delimiter, found.columns) == (";", ["a", "b"])


def test_too_many_columns_are_refused_with_words() -> None:
    with pytest.raises(Malformed, match="20,001 columns"):
        sniff(",".join(f"c{i}" for i in range(20_001)) + "\n")
