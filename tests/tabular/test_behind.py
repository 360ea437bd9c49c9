"""What a second thread hashes and writes is what the first would have; however it ends, no thread is left."""

import gzip
import io
import threading
from collections.abc import Iterator

import pytest

from app.errors import Unprocessable
from app.tabular import behind as module
from app.tabular.behind import Behind
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.set_aside import SetAside

LIMITS = Limits(file_bytes=1 << 30, field_bytes=1 << 16)
ROWS = "".join(f"{i},{i / 7:.4f},Zürich\n" for i in range(3000))
TEXTS = {
    "plain": "a,b,c\n" + ROWS,
    "no header": ROWS,
    "rows that do not fit": "a,b,c\n" + "1,2\n".join([ROWS, ROWS, "a,b,c\n" + ROWS]) + "1,2,3,4\n",
    "quotes": "a,b,c\n" + ROWS.replace("Zürich", '"Zü""rich,\n\nOerlikon"'),
    "returns": "a,b,c\r\n" + ROWS.replace("\n", "\r\n"),
    "gaps and blank lines": "a,b,c\n" + ROWS.replace("7,", "NA,").replace("8,", ",") + "\n\n1,,\n",
    "escapes": "a,b,c\n" + ROWS.replace("Zürich", r'"Z \"ü\" rich"'),
    "no last line end": "a,b,c\n" + ROWS + "1,2,3",
}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def take_in(data: bytes, behind: Behind | None, piece_bytes: int = 10_000) -> tuple[Taken, bytes, SetAside]:
    sink, set_aside = io.BytesIO(), SetAside()
    intake = Intake(sink, LIMITS, set_aside=set_aside, behind=behind)
    for start in range(0, len(data), piece_bytes):
        intake.feed(data[start : start + piece_bytes])
    return intake.finish(), sink.getvalue(), set_aside


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("name", TEXTS)
def test_nothing_else_is_kept_than_without_it(name: str, encoding: str) -> None:
    data = TEXTS[name].encode(encoding)
    for sent in (data, gzip.compress(data)):
        expected, kept, set_aside = take_in(sent, None)
        with Behind() as behind:
            taken, kept_behind, set_aside_behind = take_in(sent, behind)
        assert (taken, kept_behind, set_aside_behind.kept) == (expected, kept, set_aside.kept)
        assert taken.size_bytes == len(kept)
        assert expected.dialect.num_rows >= 3000


def test_a_file_that_is_refused_halfway_ends_it() -> None:
    with Behind() as behind, pytest.raises(Unprocessable):
        take_in(TEXTS["plain"].encode() + b'1,2,"open\n', behind)


class FullDisk(io.BytesIO):
    """Takes a little, and then no more."""

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self.tell() > 200_000:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("num_blocks", [2, 200])  # the disk is full at the last piece, or long before
def test_what_goes_wrong_there_is_raised_here(num_blocks: int) -> None:
    sink = FullDisk()
    with pytest.raises(OSError, match="No space"), Behind() as behind:
        intake = Intake(sink, LIMITS, behind=behind)
        for _ in range(num_blocks):
            intake.feed(b"1,2,3\n" * 40_000)
        intake.finish()
    assert len(sink.getvalue()) == 240_000


def test_it_stays_close_behind_and_keeps_the_order() -> None:
    may_go_on, done = threading.Event(), []
    num_given = 0

    def act(data: bytes) -> None:
        assert may_go_on.wait(60)
        done.append(data)

    def give() -> None:
        nonlocal num_given
        for i in range(100):
            behind.do(act, b"%d" % i)
            num_given = i + 1
        behind.wait()

    with Behind() as behind:
        giving = threading.Thread(target=give)
        giving.start()
        while num_given < module._MAX_PENDING:
            giving.join(0.01)
        giving.join(0.1)  # time in which it could run ahead
        assert num_given == module._MAX_PENDING
        may_go_on.set()
        giving.join()
    assert done == [b"%d" % i for i in range(100)]


def test_what_has_not_begun_is_dropped_when_something_fails() -> None:
    began, may_go_on, done = threading.Event(), threading.Event(), []

    def act(data: bytes) -> None:
        began.set()
        assert may_go_on.wait(60)
        done.append(data)

    with pytest.raises(KeyError), Behind() as behind:
        behind.do(act, b"1")
        behind.do(act, b"2")
        assert began.wait(60)
        threading.Timer(0.05, may_go_on.set).start()
        raise KeyError
    assert done == [b"1"]
