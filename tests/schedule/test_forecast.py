"""When what waits is likely to start: played through, never guessed."""

from hypothesis import given
from hypothesis import strategies as st

from app.schedule.forecast import Slots, Waiting, starts


def test_the_first_takes_the_slot_that_is_free_first() -> None:
    waiting = [Waiting("a", 10), Waiting("b", 10), Waiting("c", 10)]
    assert starts([Slots([5]), Slots([2])], waiting, {}) == [2, 5, 12]


def test_a_free_slot_is_taken_at_once() -> None:
    assert starts([Slots([0.0, 30])], [Waiting("a", 5), Waiting("b", 5)], {}) == [0, 5]


def test_what_hangs_on_a_job_of_unknown_length_is_unknown() -> None:
    assert starts([Slots([None])], [Waiting("a", 5)], {}) == [None]
    assert starts([Slots([3])], [Waiting("a"), Waiting("b", 5)], {}) == [3, None]
    assert starts([Slots([3, None])], [Waiting("a", 4), Waiting("b", 5)], {}) == [3, 7]


def test_nothing_starts_where_no_worker_is() -> None:
    assert starts([], [Waiting("a", 5)], {}) == [None]


def test_a_job_waits_for_the_one_before_it_and_holds_no_slot_meanwhile() -> None:
    waiting = [Waiting("run", 10, after_id="reading"), Waiting("other", 4)]
    assert starts([Slots([0.0, 0.0])], waiting, {"reading": 6}) == [6, 0]
    assert starts([Slots([0.0])], waiting, {"reading": None}) == [None, 0]
    chain = [Waiting("reading", 3, is_light=True), Waiting("run", 10, after_id="reading")]
    assert starts([Slots([0.0])], chain, {}) == [0, 3]


def test_what_is_soon_done_needs_no_slot_of_a_training() -> None:
    assert starts([Slots([None])], [Waiting("export", 2, is_light=True)], {}) == [0]
    assert starts([Slots([4], light_in_s=9)], [Waiting("export", 2, is_light=True)], {}) == [4]


LENGTHS = st.none() | st.floats(0, 1e6)


@given(
    st.lists(st.lists(LENGTHS, min_size=1, max_size=3), max_size=3),
    st.lists(st.tuples(LENGTHS, st.booleans()), max_size=8),
)
def test_whoever_is_ahead_starts_no_later(
    slots: list[list[float | None]], jobs: list[tuple[float | None, bool]]
) -> None:
    waiting = [Waiting(str(i), length) for i, (length, _) in enumerate(jobs)]
    found = starts([Slots(one) for one in slots], waiting, {})
    known = [start for start in found if start is not None]
    assert known == sorted(known)
    assert found[: len(known)] == known, "unknown is what comes after the first unknown one"
