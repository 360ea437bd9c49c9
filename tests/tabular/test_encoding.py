"""Text in any encoding comes out as the same UTF-8, in pieces of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tabular.encoding import Encoding, Transcoder, Undecodable, guess

TABLE = "stadt,größe\nZürich,1\nGenève,2\n"
JAPANESE = "名前,都市\n太郎,東京\n花子,大阪\n"


def transcode(data: bytes, encoding: Encoding | None = None, chunk: int = 1 << 16) -> tuple[str, Transcoder]:
    transcoder = Transcoder(data[:4096], encoding)
    pieces = [transcoder.feed(data[start : start + chunk]) for start in range(0, len(data), chunk)]
    return b"".join([*pieces, transcoder.feed(b"", final=True)]).decode(), transcoder


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
@pytest.mark.parametrize("text", [TABLE, JAPANESE, "a,b\n1,2\n", TABLE * 500])
@pytest.mark.parametrize(
    ("mark", "encoding", "found"),
    [
        (b"", "utf-8", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8", "utf-8"),
        (b"\xff\xfe", "utf-16-le", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be", "utf-16-be"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
        (b"\xff\xfe\0\0", "utf-32-le", "utf-32-le"),
        (b"\0\0\xfe\xff", "utf-32-be", "utf-32-be"),
        (b"", "utf-32-le", "utf-32-le"),
        (b"", "utf-32-be", "utf-32-be"),
    ],
)
def test_unicode_is_recognised_with_its_mark_and_without(
    mark: bytes, encoding: str, found: str, text: str, chunk: int
) -> None:
    if len(text) // chunk > 1000:
        pytest.skip("the same in small pieces, only longer")
    decoded, transcoder = transcode(mark + text.encode(encoding), chunk=chunk)
    assert (decoded, transcoder.encoding, transcoder.fell_back) == (text, found, False)


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
@pytest.mark.parametrize("before", ["", "a,b\n" * 5000])
def test_what_is_not_utf_8_and_never_was_is_windows_1252(before: str, chunk: int) -> None:
    if len(before) // chunk > 10_000:
        pytest.skip("the same in small pieces, only longer")
    text = before + "“Zürich”,5 €\n"
    decoded, transcoder = transcode(text.encode("cp1252"), chunk=chunk)
    assert (decoded, transcoder.encoding, transcoder.fell_back) == (text, "cp1252", True)


def test_the_bytes_that_windows_1252_leaves_open_are_control_characters() -> None:
    assert transcode(b"a\x81b\xe9")[0] == "a\x81bé"


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
def test_utf_8_that_is_damaged_is_not_taken_for_anything_else(chunk: int) -> None:
    with pytest.raises(Undecodable, match="0xff is not UTF-8") as raised:
        transcode("é,b\n".encode() + b"1,\xff\n", chunk=chunk)
    assert raised.value.place == 7


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-16", TABLE),
        ("utf-32", TABLE),
        ("latin-1", TABLE),
        ("cp1250", "město,č\nPlzeň,1\n"),
        ("cp1251", "город,н\nМосква,1\n"),
        ("koi8-r", "город,н\nМосква,1\n"),
        ("shift_jis", JAPANESE),
        ("euc_jp", JAPANESE),
        ("gb18030", "城市,数\n北京,1\n"),
        ("big5", "城市,數\n臺北,1\n"),
        ("euc_kr", "도시,수\n서울,1\n"),
        ("mac_roman", TABLE),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
def test_what_the_sender_says_counts(encoding: Encoding, text: str, chunk: int) -> None:
    assert transcode(text.encode(encoding), encoding, chunk)[0] == text


@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
@pytest.mark.parametrize(
    ("encoding", "data", "place"),
    [("shift_jis", "名前\n".encode("shift_jis") + b"a\xff", 6), ("utf-8", b"a\n\xe9\n", 2), ("utf-16-le", b"a\0b", 2)],
)
def test_a_byte_that_does_not_fit_what_the_sender_says_is_told_with_its_place(
    encoding: Encoding, data: bytes, place: int, chunk: int
) -> None:
    with pytest.raises(Undecodable) as raised:
        transcode(data, encoding, chunk)
    assert raised.value.place == place


@pytest.mark.parametrize("data", [b"a,b\n1,\0\n", b"\0", b"a,b\n" + bytes(1000), b"a\0b\n\0" * 100])
def test_a_zero_byte_here_and_there_is_no_utf_16(data: bytes) -> None:
    assert guess(data) == "utf-8"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff\0")), st.integers(1, 9))
def test_any_text_in_utf_8_passes_unchanged(text: str, chunk: int) -> None:
    assert transcode(text.encode(), chunk=chunk)[0] == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
def test_text_without_a_mark_is_not_what_would_have_one(encoding: Encoding, chunk: int) -> None:
    with pytest.raises(Undecodable) as raised:
        transcode(b"spam,ham\n1,2\n" * 9, encoding, chunk)
    assert raised.value.place < 4
