"""Files on their way in: what fits comes out in one form, what does not is refused with its place."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import AppError, TooLarge, Unprocessable, Unsupported
from app.tabular.intake import Intake
from app.tabular.records import Taken
from app.tabular.refusals import Limits
from app.tabular.sniffing import AS_FOUND, Overrides

LIMITS = Limits(file_bytes=50 << 20, field_bytes=1 << 16)
CHUNKS = (1, 7, 1 << 16)


def take_in(
    data: bytes, *, chunk: int = 1 << 16, limits: Limits = LIMITS, overrides: Overrides = AS_FOUND
) -> tuple[Taken, bytes]:
    sink = io.BytesIO()
    intake = Intake(sink, limits, overrides)
    for start in range(0, len(data), chunk):
        intake.feed(data[start : start + chunk])
    return intake.finish(), sink.getvalue()


def refused(data: bytes, **options: object) -> AppError:
    with pytest.raises(AppError) as raised:
        take_in(data, **options)  # type: ignore[arg-type]
    return raised.value


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\n1,2\n3,4",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"a,b\r\n1,2\n3,4\r\n",
        b"\n\na,b\n1,2\n\n\r\n3,4\n\n",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4\n".encode("utf-16"),
        "a,b\r\n1,2\r\n3,4\r\n".encode("utf-16-be"),
        "a,b\n1,2\n3,4\n".encode("utf-32"),
        gzip.compress("a,b\n1,2\n3,4\n".encode("utf-16-le")),
        gzip.compress(b"a,b\n1,2\n3,4\n"),
        gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n") + b"\0" * 100,
    ],
)
def test_every_form_of_the_same_table_becomes_the_same(data: bytes, chunk: int) -> None:
    taken, kept = take_in(data, chunk=chunk)
    assert kept.rstrip(b"\n") == b"a,b\n1,2\n3,4"
    assert (taken.dialect.columns, taken.dialect.num_rows) == (["a", "b"], 2)
    assert taken.size_bytes == len(kept)


@pytest.mark.parametrize("chunk", CHUNKS)
def test_text_in_eight_bits_is_read_as_windows_1252_and_told(chunk: int) -> None:
    taken, kept = take_in("a,b\n1,Zürich\n".encode("cp1252"), chunk=chunk)
    assert (kept.decode(), taken.encoding) == ("a,b\n1,Zürich\n", "cp1252")
    assert ["not UTF-8" in note for note in taken.notes] == [True]
    taken, kept = take_in("a,b\n1,Plzeň\n".encode("cp1250"), chunk=chunk, overrides=Overrides(encoding="cp1250"))
    assert (kept.decode(), taken.encoding, taken.notes) == ("a,b\n1,Plzeň\n", "cp1250", ())


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "num_blank"),
    [
        (b"\n\nx\n1\n\n3\n\n\n", 1),
        (b"x\r\n1\r\n\r\n\r\n3", 2),
        (b"x\n\n1\n3\n\n", 1),
        (b"\nx\n1\n3\n\n\n", 0),
        (b"x\n" + b"1\n\n" * 100_000 + b"1\n", 100_000),
    ],
)
def test_blank_lines_between_the_rows_of_one_column_are_counted_and_told(
    data: bytes, num_blank: int, chunk: int
) -> None:
    if len(data) > 1000 and chunk < 1000:
        pytest.skip("the same in small pieces, only longer")
    notes = take_in(data, chunk=chunk)[0].notes
    assert [note.split(" ")[0] for note in notes] == ([f"{num_blank:,}"] if num_blank else [])


def test_blank_lines_among_several_columns_mean_nothing() -> None:
    assert take_in(b"a,b\n1,2\n\n3,4\n")[0].notes == ()


def test_line_ends_of_the_first_macintoshes_are_line_ends() -> None:
    assert take_in(b"a,b\r1,2\r3,4\r")[1] == b"a,b\n1,2\n3,4\n"


def test_line_ends_within_quotes_stay_as_they_are() -> None:
    data = b'a,b\r\n1,"x\ny"\r\n2,"x\r\n\r\ny"\r\n'
    taken, kept = take_in(data)
    assert kept == b'a,b\n1,"x\ny"\n2,"x\r\n\r\ny"\n'
    assert taken.dialect.num_rows == 2


def test_the_same_content_has_the_same_hash_and_another_reading_another_one() -> None:
    once, again = take_in(b"a,b\n1,2\n")[0], take_in(b"a,b\r\n1,2\r\n")[0]
    assert once.sha256 == again.sha256
    assert take_in(b"a,b\n1,2\n", overrides=Overrides(has_header=False))[0].sha256 != once.sha256


cells = st.text(alphabet=st.sampled_from('ab ,"\n1é'), max_size=5)


@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=6)),
    st.integers(1, 40),
)
def test_whatever_python_writes_passes_unchanged_in_pieces_of_any_size(rows: list[list[str]], chunk: int) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[f"name{i}" for i in range(len(rows[0]))], *rows])
    overrides = Overrides(delimiter=",", quote='"', has_header=True)
    taken, kept = take_in(text.getvalue().encode(), chunk=chunk, overrides=overrides)
    assert kept.decode() == text.getvalue()
    assert taken.dialect.num_rows == len(rows)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a,b\n1,2\n3\n4,5\n", 3, "2 fields expected, as in the first record, but 1 found"),
        (b"a,b\n1,2\n3,4,5\n", 3, "but 3 found"),
        (b'a,b\n"x\n\ny",2\n\n3\n', 6, "but 1 found"),
        (b'a,b\n1,"2\n3,4\n', 2, "the quote that opens here is never closed"),
        (b'a,b\n1,2\n3,"x"y\n', 3, "text follows a closing quote"),
        (b'a,"b"c\n1,2\n', 1, "text follows a closing quote"),
        (b"a,b\n1,2\na,b\n", 3, "the header comes again"),
        (b"a,b\n1,x\ry\n", 2, "a carriage return stands in the middle of a line"),
    ],
)
def test_a_record_that_does_not_fit_is_told_with_its_line(data: bytes, line: int, message: str, chunk: int) -> None:
    error = refused(data, chunk=chunk)
    assert isinstance(error, Unprocessable)
    assert error.errors[0].loc == ["file", line]
    assert message in error.errors[0].msg


@pytest.mark.parametrize("num_before", [0, 100_000])
def test_the_line_is_right_far_down_the_file_too(num_before: int) -> None:
    data = b'a,b\n"x\ny",2\n' + b"1,2\n" * num_before + b"3\n" + b"1,2\n" * 10
    assert refused(data).errors[0].loc == ["file", num_before + 4]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert "empty" in refused(data).message


def test_a_header_alone_is_refused() -> None:
    assert refused(b"a,b\n").message == "The file has a header but no rows."


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        ("é,b\n1,".encode() + b"\xe9\n", 2, "byte 8: 0xe9 is not UTF-8"),
        (b"a,b\n1,\0\n", 2, "byte 7: a NUL byte, so this is not text"),
        ("a,é\n".encode() + b"1,2\n" * 50_000 + b"1,caf\xe9\n", 50_002, "0xe9 is not UTF-8"),
    ],
)
def test_a_byte_that_is_no_text_is_told_with_its_place(data: bytes, line: int, message: str, chunk: int) -> None:
    if len(data) // chunk > 10_000:
        pytest.skip("the same in small pieces, only longer")
    error = refused(data, chunk=chunk)
    assert isinstance(error, Unsupported)
    assert error.errors[0].loc == ["file", line]
    assert message in error.errors[0].msg


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"PAR1" + bytes(100), "Parquet"),
        (b"%PDF-1.7\n", "PDF"),
        (gzip.compress(b"PK\x03\x04" + bytes(100)), "ZIP"),
    ],
)
def test_what_is_no_table_in_text_is_called_by_its_name(data: bytes, kind: str, chunk: int) -> None:
    error = refused(data, chunk=chunk)
    assert isinstance(error, Unsupported)
    assert kind in error.message


def endless(start: bytes, piece: bytes, num_bytes: int) -> Iterator[bytes]:
    yield start
    for _ in range(num_bytes // len(piece)):
        yield piece


@pytest.mark.parametrize("start", [b"a,b\n1,", b'a,b\n1,"', b"", b'"'])
@pytest.mark.parametrize("piece", [b"x" * 1000, b"x,\n" * 300, b"x, " * 300])
def test_an_endless_field_is_refused_soon_after_the_limit(start: bytes, piece: bytes) -> None:
    if b"\n" in piece and not start.endswith(b'"'):
        return
    limits = Limits(file_bytes=1 << 40, field_bytes=100_000)
    sink, num_fed = io.BytesIO(), 0
    intake = Intake(sink, limits)
    with pytest.raises(TooLarge) as raised:
        for data in endless(start, piece, 1 << 40):
            intake.feed(data)
            num_fed += len(data)
    assert num_fed < 20 * limits.field_bytes
    assert raised.value.errors[0].loc == ["file", 2 if start.startswith(b"a") else 1]


def test_a_file_larger_than_the_limit_is_refused_at_the_limit() -> None:
    limits = Limits(file_bytes=1000, field_bytes=1000)
    intake = Intake(io.BytesIO(), limits)
    intake.feed(b"a,b\n" + b"1,2\n" * 249)
    with pytest.raises(TooLarge):
        intake.feed(b"1")


def test_a_gzip_bomb_is_refused_before_it_has_grown() -> None:
    packed = gzip.compress(b"1,2\n" * 6_000_000)
    sink = io.BytesIO()
    intake = Intake(sink, Limits(1 << 40, 1 << 20))
    with pytest.raises(TooLarge, match="times its size"):
        intake.feed(packed)
    assert len(sink.getvalue()) < 40 << 20
    assert isinstance(refused(packed, limits=Limits(1 << 20, 1 << 20)), TooLarge)


@pytest.mark.parametrize("cut", [1, 8, 12])
def test_a_gzip_file_that_lacks_its_end_is_refused(cut: int) -> None:
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(1000)))
    assert "ends too early" in refused(packed[:-cut]).message


def test_a_damaged_gzip_file_is_refused() -> None:
    packed = bytearray(gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(1000))))
    packed[40] ^= 0xFF
    assert "damaged" in refused(bytes(packed)).message
    assert "damaged" in refused(gzip.compress(b"a,b\n1,2\n") + b"garbage").message


def test_a_member_without_end_is_not_taken_for_whole() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"a,b\n1,2\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    assert "ends too early" in refused(packed).message


def test_a_record_of_many_long_fields_is_refused_beyond_its_limit() -> None:
    limits = Limits(file_bytes=1 << 40, field_bytes=1000)
    rest = b",".join([b'"' + b"x\n" * 450 + b'"'] * 20)
    data = b",".join(b"c%d" % i for i in range(20)) + b"\n1" + b",2" * 19 + b"\n" + rest + b"\n"
    error = refused(data, limits=limits, chunk=500)
    assert isinstance(error, TooLarge)
    assert error.errors[0].loc == ["file", 3]
    taken, _ = take_in(data, chunk=500)
    assert taken.dialect.longest_record == len(rest) + 1
