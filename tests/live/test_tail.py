"""The end of a stream as a process keeps it, however large its events are."""

import pytest

from app import columns, events
from app.columns import Points
from app.db import Database
from app.live.buffer import CAPACITY, Buffer
from app.live.tail import Tail

from .conftest import Writer


@pytest.fixture
def tail(db: Database) -> Tail:
    return Tail(db)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each batch held that was decoded."""
    counts: list[int] = []
    decode = columns.decode

    def counting(data: bytes) -> list[Points]:
        batch = decode(data)
        counts.append(sum(len(points.steps) for points in batch))
        return batch

    monkeypatch.setattr(columns, "decode", counting)
    return counts


def test_batches_too_large_to_keep_are_not_decoded(tail: Tail, writer: Writer, decoded: list[int]) -> None:
    writer.write(*(writer.next_points(50_000) for _ in range(5)))
    writer.points(100)
    writer.log("at the end")
    decoded.clear()
    buffer = tail.load(writer.job_id)
    assert decoded == [100] and buffer.floor == writer.last_seq - 2
    assert "at the end" in (buffer.frame(buffer.floor) or "")
    writer.points(50_000)
    decoded.clear()
    news = tail.look({writer.job_id: writer.last_seq - 1}, force=True)[writer.job_id]
    assert isinstance(news, Buffer) and news.floor == news.last_seq == writer.last_seq and not decoded


def test_a_buffer_is_filled_up_to_its_capacity(tail: Tail, writer: Writer) -> None:
    num_events = CAPACITY // 50 + 30
    writer.write(*(writer.next_points(50) for _ in range(num_events)))
    buffer = tail.load(writer.job_id)
    assert buffer.last_seq - buffer.floor == CAPACITY // 50


def test_a_short_stream_is_kept_whole(tail: Tail, writer: Writer) -> None:
    for i in range(100):
        writer.log(f"line {i}")
    assert tail.load(writer.job_id).floor == 0


def test_points_are_counted_without_reading_them(db: Database, writer: Writer) -> None:
    many = [Points.of(f"series/{'x' * 100}{i}", [1, 2, 5], [1.0, 2.0, 1e-300], [1.0, 2.0, 3.0]) for i in range(100)]
    writer.write(events.New("metrics", points=many[:2]), events.New("metrics", points=many))
    writer.log("one")
    with db.read() as session:
        few, at_least, one = events.weigh(session, writer.job_id, writer.last_seq - 3, writer.last_seq)
    assert (few, one) == (6, 1) and 100 <= at_least <= 300
