"""What the client makes of what was logged is what the server takes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from app.reports.schemas import SeriesName
from traindeck.batches import clean

_NAME: TypeAdapter[str] = TypeAdapter(SeriesName)
_awkward = st.text(st.sampled_from('ab/ \t\n\u00a0"<&\\\x00\ud800é'), max_size=12)
_long = st.builds(lambda before, n, after: before + "x" * n + after, _awkward, st.integers(180, 210), _awkward)


@given(st.text() | _awkward | _long)
@example("a/ /")
@example("x" * 199 + "/y")
@example("x" * 198 + " /y")
@example(" / ")
def test_every_name_becomes_one_that_the_server_takes_and_stays_it(name: str) -> None:
    cleaned = clean(name)
    assert _NAME.validate_python(cleaned) == cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("name", ["train/loss", "a b", "größe/ü", "x" * 200])
def test_a_name_that_the_server_takes_is_left_as_it_is(name: str) -> None:
    assert clean(name) == name
