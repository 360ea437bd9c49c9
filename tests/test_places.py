"""Who comes before whom, on both databases: what is moved stands where it was put, and is taken in that order."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app import places, queue
from app.db import Database, now
from app.db.tables import Event, Job, Worker
from app.errors import Conflict, NotFound
from app.queue import JobKind, JobStatus


@pytest.fixture(autouse=True)
def worker(db: Database) -> None:
    with db.write() as session:
        session.add(
            Worker(
                id="w1", name="w1", host="here", pid=1, slots=1, devices=[], versions={},
                started_at=now(), heartbeat_at=now(),
            )
        )  # fmt: skip


def enqueue(session: Session, *priorities: int) -> list[str]:
    return [queue.enqueue(session, JobKind.TRAIN, {}, priority=priority) for priority in priorities]


def order(session: Session) -> list[str]:
    waiting = select(Job.id).where(Job.status == JobStatus.QUEUED)
    return list(session.scalars(waiting.order_by(Job.priority.desc(), Job.position, Job.id)))


def taken(session: Session) -> list[str]:
    """The waiting jobs as workers take them, one by one, to the last."""
    jobs = []
    while one := queue.claim(session, "w1", lease_s=30):
        jobs.append(one.job_id)
    return jobs


def test_a_job_stands_where_it_was_put(session: Session) -> None:
    a, b, c, d = enqueue(session, 0, 0, 0, 0)
    places.move(session, d, before=b)
    assert order(session) == [a, d, b, c]
    places.move(session, a, after=c)
    assert order(session) == [d, b, c, a]
    places.move(session, a, to="first")
    assert order(session) == [a, d, b, c]
    places.move(session, a, to="last")
    assert taken(session) == [d, b, c, a]


def test_what_is_queued_later_comes_after_what_was_put_last(session: Session) -> None:
    a, b = enqueue(session, 0, 0)
    places.move(session, a, to="last")
    (c,) = enqueue(session, 0)
    assert order(session) == [b, a, c]


def test_a_job_takes_over_the_priority_of_what_it_is_put_beside(session: Session) -> None:
    low, urgent, more = enqueue(session, 0, 5, 5)
    places.move(session, low, before=more)
    assert order(session) == [urgent, low, more]
    places.move(session, urgent, to="last")
    assert order(session) == [low, more, urgent]
    places.set_priority(session, more, 9)
    assert order(session) == [more, low, urgent]


def test_jobs_of_one_moment_have_room_between_them_too(session: Session) -> None:
    jobs = enqueue(session, *[0] * 6)
    session.execute(update(Job).values(position=1.0))
    assert order(session) == sorted(jobs)
    first, *_, last = sorted(jobs)
    places.move(session, last, after=first)
    assert order(session) == [first, last, *sorted(jobs)[1:-1]]


def test_a_job_that_no_longer_waits_cannot_be_moved(session: Session) -> None:
    a, b = enqueue(session, 0, 0)
    assert queue.claim(session, "w1", lease_s=30)
    for move in ({"to": "first"}, {"before": b}, {"after": b}):
        with pytest.raises(Conflict, match="running"):
            places.move(session, a, **move)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        places.move(session, b, before=a)
    with pytest.raises(Conflict):
        places.set_priority(session, a, 1)
    with pytest.raises(NotFound):
        places.move(session, "nothing", to="first")
    with pytest.raises(NotFound):
        places.move(session, b, after="nothing")


def test_one_that_was_taken_at_the_last_moment_is_not_moved(session: Session) -> None:
    (a,) = enqueue(session, 0)
    assert queue.claim(session, "w1", lease_s=30)
    with pytest.raises(Conflict):
        places._put(session, a, 0, 1.0)


MOVES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["before", "after", "first", "last"])), max_size=25
)


@given(st.lists(st.integers(0, 1), min_size=6, max_size=6), MOVES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_moves_leave_the_order_of_a_list(
    session: Session, priorities: Sequence[int], moves: Sequence[tuple[int, int, str]]
) -> None:
    session.execute(delete(Event))
    session.execute(delete(Job))
    jobs = enqueue(session, *priorities)
    expected = order(session)
    for which, beside, how in moves:
        job, other = jobs[which], jobs[beside]
        if how in ("before", "after"):
            places.move(session, job, **{how: other})
        else:
            places.move(session, job, to=how)  # type: ignore[arg-type]
        if how in ("first", "last") or job != other:
            expected.remove(job)
            at = {"first": 0, "last": len(expected)}.get(how)
            expected.insert(expected.index(other) + (how == "after") if at is None else at, job)
        assert order(session) == expected
    assert taken(session) == expected


def test_halving_the_same_gap_for_ever_never_runs_out_of_room(session: Session) -> None:
    a, b, *rest = enqueue(session, *[0] * 3)
    expected = [a, b, *rest]
    for turn in range(120):
        one = expected[1 + turn % 2]
        places.move(session, one, after=a)
        expected.remove(one)
        expected.insert(1, one)
        assert order(session) == expected
