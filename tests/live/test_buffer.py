"""The end of a stream and the state of a list, as frames."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.events import Event
from app.live.buffer import Board, Buffer, Entry, to_json


def entry(seq: int, cost: int = 1) -> Entry:
    return Entry(seq, cost, to_json({"seq": seq}))


def seqs(frame: str | None) -> list[int]:
    assert frame is not None
    return [event["seq"] for event in json.loads(frame)["events"]]


def test_a_frame_is_everything_after_a_cursor() -> None:
    buffer = Buffer("job", 0)
    buffer.append([entry(1), entry(2), entry(3)])
    assert json.loads(buffer.frame(1) or "") == {
        "type": "events",
        "stream": "job",
        "last_seq": 3,
        "events": [{"seq": 2}, {"seq": 3}],
    }


def test_readers_at_the_same_cursor_share_a_frame() -> None:
    buffer = Buffer("job", 0)
    buffer.append([entry(1)])
    assert buffer.frame(0) is buffer.frame(0)


def test_what_no_longer_fits_is_let_go_and_its_readers_must_start_again() -> None:
    buffer = Buffer("job", 0, capacity=10)
    buffer.append([entry(1, 6), entry(2, 3)])
    assert seqs(buffer.frame(0)) == [1, 2]
    buffer.append([entry(3, 4)])
    assert buffer.frame(0) is None
    assert seqs(buffer.frame(1)) == [2, 3]
    buffer.append([entry(4, 11)])
    assert (buffer.floor, buffer.last_seq) == (4, 4)
    assert buffer.frame(3) is None


def test_a_buffer_is_bounded_in_characters_too() -> None:
    buffer = Buffer("job", 0, capacity_characters=100)
    buffer.append([Entry(1, 1, "x" * 60), Entry(2, 1, "x" * 60)])
    assert buffer.floor == 1


def test_the_end_of_a_stream_is_filled_backwards_until_it_is_full() -> None:
    buffer = Buffer("job", 6, capacity=5)
    assert buffer.prepend([entry(5), entry(6)])
    assert not buffer.prepend([entry(1), entry(2, 3), entry(3), entry(4)])
    assert (buffer.floor, buffer.last_seq) == (2, 6)
    assert seqs(buffer.frame(2)) == [3, 4, 5, 6]


def test_a_hole_is_a_gap_like_any_other() -> None:
    buffer = Buffer("job", 0)
    buffer.append([entry(1), entry(2), entry(5), entry(6)])
    assert (buffer.floor, buffer.last_seq) == (4, 6)
    assert buffer.frame(2) is None
    assert seqs(buffer.frame(4)) == [5, 6]
    loaded = Buffer("job", 6)
    assert not loaded.prepend([entry(2), entry(4), entry(5), entry(6)])
    assert (loaded.floor, loaded.last_seq) == (3, 6)
    assert not Buffer("job", 6).prepend([])


def test_points_are_what_an_event_costs() -> None:
    body = {
        "series": [{"name": "a", "steps": [1, 2], "values": [0.5, "NaN"]}, {"name": "b", "steps": [1], "values": [1]}]
    }
    assert Entry.of(Event(1, 0.0, "metrics", body)).cost == 3
    assert Entry.of(Event(1, 0.0, "metrics", {"series": []})).cost == 1
    assert Entry.of(Event(1, 0.0, "log", {"text": "x"})).cost == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": float("nan")}, '{"a":"NaN"}'),
        ([float("inf"), -float("inf"), 1.5], '["Infinity","-Infinity",1.5]'),
    ],
)
def test_what_json_has_no_word_for_is_spelled(value: Any, text: str) -> None:
    assert to_json(value) == text


class Reading(RuleBasedStateMachine):
    """Whatever is written, and whenever readers read: each is told everything once and in order, or starts again."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[int] = []
        self.buffer = Buffer("job", 0, capacity=20)
        self.told: list[list[int]] = [[], [], []]
        self.cursors = [0, 0, 0]

    @rule(costs=st.lists(st.integers(1, 25), max_size=6))
    def write(self, costs: list[int]) -> None:
        first = len(self.costs) + 1
        self.costs += costs
        self.buffer.append([entry(first + i, cost) for i, cost in enumerate(costs)])

    @rule(size=st.integers(1, 8))
    def load_anew(self, size: int) -> None:
        self.buffer = Buffer("job", len(self.costs), capacity=20)
        while self.buffer.floor:
            first = max(1, self.buffer.floor - size + 1)
            if not self.buffer.prepend(
                [entry(seq, self.costs[seq - 1]) for seq in range(first, self.buffer.floor + 1)]
            ):
                break

    @rule(reader=st.integers(0, 2))
    def read(self, reader: int) -> None:
        cursor = self.cursors[reader]
        if cursor >= self.buffer.last_seq:
            return
        frame = self.buffer.frame(cursor)
        if frame is None:
            self.told[reader] = list(range(1, self.buffer.last_seq + 1))  # as the snapshot says
        else:
            self.told[reader] += seqs(frame)
        self.cursors[reader] = self.buffer.last_seq

    @invariant()
    def told_without_gap_or_duplicate(self) -> None:
        for told, cursor in zip(self.told, self.cursors, strict=True):
            assert told == list(range(1, cursor + 1))

    @invariant()
    def bounded_and_no_smaller_than_it_must_be(self) -> None:
        kept = self.costs[self.buffer.floor :]
        assert sum(kept) <= 20
        if self.buffer.floor:
            assert sum(self.costs[self.buffer.floor - 1 :]) > 20


TestReading = Reading.TestCase
TestReading.settings = settings(deadline=None)


def items(frame: str | None) -> list[str]:
    assert frame is not None
    return sorted(json.loads(frame)["items"])


def test_a_board_tells_each_item_that_changed_once_as_it_is_now() -> None:
    board = Board("runs")
    board.put({"a": '"a1"', "b": '"b1"'})
    board.put({"a": '"a2"'})
    assert items(board.frame(0)) == ["a2", "b1"]
    assert items(board.frame(1)) == ["a2"]
    assert json.loads(board.frame(0) or "")["type"] == "runs"
    assert board.frame(0) is board.frame(0)


def test_a_board_knows_what_it_has_let_go() -> None:
    board = Board("runs", capacity=2)
    board.put({"a": '"a"'})
    board.put({"b": '"b"'})
    board.put({"c": '"c"'})
    assert board.frame(0) is None
    assert items(board.frame(1)) == ["b", "c"]
    board.forget()
    assert board.frame(3) is None
    assert items(board.frame(board.version)) == []


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers()), max_size=12), st.data())
def test_whoever_reads_a_board_at_any_times_ends_up_with_its_state(
    changes: list[dict[str, int]], data: st.DataObject
) -> None:
    board, cursor = Board("runs", capacity=4), 0
    state: dict[str, int] = {}
    seen: dict[str, int] = {}
    for change in changes:
        board.put({key: to_json([key, value]) for key, value in change.items()})
        state |= change
        if data.draw(st.booleans()):
            frame = board.frame(cursor)
            seen = dict(state) if frame is None else seen | dict(json.loads(frame)["items"])
            cursor = board.version
            assert seen == state
