"""What does not fit is set aside with its line, the reason and its text; what fits leaves in one form."""

import io
import time
import tracemalloc
from typing import BinaryIO

import pytest

from app.errors import AppError, TooLarge, Unprocessable
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.set_aside import SetAside
from app.tabular.sniffing import AS_FOUND, Overrides

LIMITS = Limits(file_bytes=1 << 30, field_bytes=1 << 16)
CHUNKS = (1, 7, 1 << 16)
WIDTH = "2 fields expected, as in the first record, but {} found"


def take_in(
    data: bytes, chunk: int = 1 << 16, overrides: Overrides = AS_FOUND, limits: Limits = LIMITS
) -> tuple[Taken, bytes, SetAside]:
    sink, set_aside = io.BytesIO(), SetAside()
    intake = Intake(sink, limits, overrides, set_aside=set_aside)
    for start in range(0, len(data), chunk):
        intake.feed(data[start : start + chunk])
    return intake.finish(), sink.getvalue(), set_aside


GOOD = b"1,2\n" * 3


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"3\n", WIDTH.format(1)),
        (b"3,4,5\n", WIDTH.format(3)),
        (b'3,"x"y\n', "text follows a closing quote"),
        (b'"3\n\n4","x"y,"z\n', "text follows a closing quote"),
        (b"3,x\ry\n", "a carriage return stands in the middle of a line"),
        (b"a,b\n", "the header comes again"),
        (b'"x\ny"\n', WIDTH.format(1)),
    ],
)
def test_a_record_that_does_not_fit_is_set_aside_and_the_others_stay(bad: bytes, reason: str, chunk: int) -> None:
    taken, kept, set_aside = take_in(b"a,b\n" + GOOD + bad + GOOD, chunk, Overrides(has_header=True, quote='"'))
    assert kept == b"a,b\n" + GOOD + GOOD
    assert (taken.dialect.num_rows, taken.num_set_aside) == (6, 1)
    (misfit,) = set_aside.kept
    assert (misfit.line, misfit.reason, misfit.text) == (5, reason, bad.decode().removesuffix("\n"))


@pytest.mark.parametrize("num_before", [10, 100_000])
def test_the_line_is_right_far_down_the_file_too(num_before: int) -> None:
    data = b'a,b\n"x\ny",2\n\n' + b"1,2\n" * num_before + b"3\n" + b"1,2\n" * 100_000 + b"4\n"
    lines = [misfit.line for misfit in take_in(data)[2].kept]
    assert lines == [num_before + 5, num_before + 100_006]


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a,b\n1\n2\n3,4\n", 2, WIDTH.format(1)),
        (b'a,b\n1,"x"y\n', 2, "text follows a closing quote"),
        (b'a,b\n1,2\n3,"4\n5,6\n', 3, "the quote that opens here is never closed"),
        (b'a,"b"c\n1,2\n3,4\n5,6\n', 1, "text follows a closing quote"),
    ],
)
def test_where_most_of_the_first_rows_do_not_fit_the_file_is_refused(
    data: bytes, line: int, message: str, chunk: int
) -> None:
    with pytest.raises(Unprocessable) as raised:
        take_in(data, chunk)
    assert (raised.value.errors[0].loc, raised.value.errors[0].msg) == (["file", line], message)


def test_all_are_counted_and_so_many_are_kept_cut() -> None:
    kept = io.BytesIO()
    opened: list[BinaryIO] = []

    def begin() -> BinaryIO:
        opened.append(kept)
        return kept

    set_aside = SetAside(begin, max_kept=3)
    intake = Intake(io.BytesIO(), LIMITS, set_aside=set_aside)
    intake.feed(b"a,b\n" + b"1,2\n" * 40_000 + ("é" * 3000 + "\n").encode() + b"3\n" * 5)
    assert intake.finish().num_set_aside == 6
    lines = kept.getvalue().decode().splitlines()
    assert (len(opened), len(lines), lines[0]) == (1, 4, "line,reason,text")
    assert lines[1].endswith("," + "é" * 2000)


def test_a_byte_too_many_is_refused_all_the_same() -> None:
    with pytest.raises(TooLarge, match="a field is longer"):
        take_in(b"a,b\n" + GOOD + b"1," + b"x" * 70_000 + b"\n")


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "overrides", "kept"),
    [
        (b'a,b\n"x \\"y\\", z",1\n', AS_FOUND, b'a,b\n"x ""y"", z",1\n'),
        (b'a,b\n"x\\\\",1\n"y\\"",2\n', Overrides(escape="\\"), b'a,b\n"x\\",1\n"y""",2\n'),
        (b"a,b\nx\\,y,1\n", Overrides(escape="\\"), b'a,b\n"x,y",1\n'),
        (b"a,b\nx\\\ny,1\n", Overrides(escape="\\"), b'a,b\n"x\ny",1\n'),
        (b'a,b\nx\\,"y",1\n', Overrides(escape="\\", quote="", delimiter=","), b'a,b\n"x,""y""",1\n'),
        (b"a,b\n\\N,1\n", Overrides(escape="\\"), b"a,b\n\\N,1\n"),
        (b"'a','b'\n'x, ''y''',1\n", AS_FOUND, b"'a','b'\n'x, ''y''',1\n"),
        (b'# by hand\na,b\n1,2\n# 3,"4\n5,6\n', Overrides(comment="#"), b"a,b\n1,2\n5,6\n"),
        (b"a^b\n1^2\n", Overrides(delimiter="^"), b"a^b\n1^2\n"),
    ],
)
def test_any_dialect_leaves_in_one_form(data: bytes, overrides: Overrides, kept: bytes, chunk: int) -> None:
    taken, found, set_aside = take_in(data, chunk, overrides)
    assert (found, set_aside.num, taken.dialect.columns) == (kept, 0, ["a", "b"])


def test_what_is_set_aside_reads_as_it_stands_in_the_file() -> None:
    data = b'a,b\n"x \\"y\\"",1\n\\,\n"z",2\n'
    assert [misfit.text for misfit in take_in(data, overrides=Overrides(escape="\\"))[2].kept] == ["\\,"]


@pytest.mark.parametrize("record", [b'"' + b"x\n" * 30_000 + b'"', b'"x"' + b',"x"' * 19])
def test_long_records_are_not_gone_through_again_and_again(record: bytes) -> None:
    data = b"a\n" + record + b"\n" + b"1\n" * 40
    started = time.monotonic()
    take_in(data, 500, Overrides(delimiter=",", has_header=True, quote='"'))
    assert time.monotonic() - started < 5


def test_twenty_thousand_columns_are_taken_in_little_memory_and_more_are_refused_with_words() -> None:
    def wide(num_columns: int) -> bytes:
        return (",".join(f"c{i}" for i in range(num_columns)) + "\n" + ",".join(["0.5"] * num_columns) + "\n").encode()

    tracemalloc.start()
    taken, _, _ = take_in(wide(20_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(taken.dialect.columns) == 20_000
    assert peak < 100 << 20
    with pytest.raises(AppError, match="20,001 columns, and no more than 20,000"):
        take_in(wide(20_001))
