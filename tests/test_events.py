"""The event log against a plain list of points, on both databases."""

import math

import numpy as np
import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app import curves, events, queue, rollups
from app.columns import Points
from app.db.tables import Event, Series
from app.queue import JobKind

LOSS = "train/loss"


@pytest.fixture
def job(session: Session) -> str:
    return queue.enqueue(session, JobKind.TRAIN, {})


class Log:
    """Appends without a fence, as the queue's own tests show that it numbers rightly."""

    def __init__(self, session: Session, job_id: str) -> None:
        self.session, self.job_id, self.seq = session, job_id, 1

    def append(self, *new: events.New) -> None:
        self.seq += len(new)
        events.insert(self.session, self.job_id, self.seq, 1000.0 + self.seq, new)

    def points(self, steps: object, values: object, name: str = LOSS) -> None:
        self.append(events.New(events.METRICS, points=[Points.of(name, steps, values)]))

    def buckets(self, level: int) -> rollups.Buckets:
        row = self.session.query(Series).filter_by(job_id=self.job_id, name=LOSS).one()
        return curves.read_buckets(self.session, row.id, level, 0, 1 << 40)


@pytest.fixture
def log(session: Session, job: str) -> Log:
    return Log(session, job)


def expected(steps: np.ndarray, values: np.ndarray, level: int) -> rollups.Buckets:
    buckets = rollups.of_points(Points.of(LOSS, steps, values))
    return rollups.group(buckets, steps // rollups.FACTOR**level)


def assert_same(one: rollups.Buckets, other: rollups.Buckets) -> None:
    for name in rollups.Buckets.__dataclass_fields__:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), err_msg=name, rtol=1e-12)


def test_a_stream_is_read_back_in_order_from_any_number(log: Log, session: Session) -> None:
    for i in range(10):
        log.append(events.New("log", {"text": f"line {i}"}))
    texts = [event.body["text"] for event in events.read(session, log.job_id, after=4, limit=3)]
    assert texts == ["line 3", "line 4", "line 5"]
    assert [event.seq for event in events.latest(session, log.job_id, ["log"], limit=2)] == [10, 11]


def test_every_level_equals_the_points_however_they_were_batched(log: Log) -> None:
    rng = np.random.default_rng(1)
    steps = np.arange(1, 3001)
    values = rng.normal(size=3000)
    values[[7, 700, 701]] = math.nan
    values[1500], values[1501] = math.inf, -math.inf
    cuts = np.sort(rng.choice(np.arange(1, 2999), 40, replace=False))
    for part in np.split(np.arange(3000), cuts):
        log.points(steps[part], values[part])
    for level in rollups.LEVELS:
        assert_same(log.buckets(level), expected(steps, values, level))


@pytest.mark.parametrize("to_step", [0, 1, 15, 16, 17, 255, 256, 999, 1000, 2999, 3000])
def test_a_rewind_leaves_what_an_undisturbed_run_would_have(log: Log, session: Session, to_step: int) -> None:
    steps = np.arange(1, 3001)
    before, after = np.random.default_rng(2).normal(size=(2, 3000))
    log.points(steps, before)
    log.append(events.New(events.REWIND, {"to_step": to_step}))
    for part in np.array_split(steps[to_step:], 7):
        log.points(part, after[part - 1])
    truth = np.where(steps <= to_step, before, after)
    for level in rollups.LEVELS:
        assert_same(log.buckets(level), expected(steps, truth, level))
    points = curves.read_points(session, log.job_id, LOSS, 0, 10_000)
    np.testing.assert_array_equal(points.steps, steps)
    np.testing.assert_array_equal(points.values, truth)
    summary = curves.list_series(session, [log.job_id])[log.job_id][LOSS]
    assert summary["num_points"] == 3000 and summary["last"] == truth[-1]
    assert summary["min"] == truth.min() and summary["max"] == truth.max()


def test_a_rewind_to_the_beginning_leaves_nothing(log: Log, session: Session) -> None:
    log.points([1, 2, 3], [1.0, 2.0, 3.0])
    log.append(events.New(events.REWIND, {"to_step": 0}))
    assert curves.list_series(session, [log.job_id]) == {log.job_id: {}}
    assert curves.read_series(session, log.job_id, LOSS) is None


def test_a_spike_and_a_nan_show_at_every_resolution(log: Log, session: Session) -> None:
    values = np.zeros(50_000)
    values[31_234], values[40_000] = 99.0, math.nan
    log.points(np.arange(1, 50_001), values)
    for max_points in (1, 10, 100, 1000, 5000):
        read = curves.read_series(session, log.job_id, LOSS, max_points=max_points)
        assert read and len(read.buckets) <= max_points and not read.raw
        assert np.nanmax(read.buckets.max) == 99.0
        assert read.buckets.num_nan.sum() == 1
        assert read.buckets.num_finite.sum() == 49_999


def test_zooming_in_gives_the_raw_points(log: Log, session: Session) -> None:
    values = np.random.default_rng(3).random(50_000)
    log.points(np.arange(1, 50_001), values)
    read = curves.read_series(session, log.job_id, LOSS, from_step=20_000, to_step=20_099, max_points=500)
    assert read and read.raw and read.num_points == 50_000
    np.testing.assert_array_equal(read.buckets.first_step, np.arange(20_000, 20_100))
    np.testing.assert_array_equal(read.buckets.last, values[19_999:20_099])


def test_series_recorded_rarely_are_drawn_whole(log: Log, session: Session) -> None:
    log.points(np.arange(1, 41) * 5000, np.arange(40.0), name="validation/loss")
    read = curves.read_series(session, log.job_id, "validation/loss", max_points=100)
    assert read and read.raw and len(read.buckets) == 40


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf, 0.25])
def test_the_last_value_survives_whatever_it_is(log: Log, session: Session, last: float) -> None:
    log.points([1, 2], [1.0, last])
    summary = curves.list_series(session, [log.job_id])[log.job_id][LOSS]
    assert summary["last"] == (
        last if math.isfinite(last) else {"nan": "NaN", "inf": "Infinity"}.get(str(last), "-Infinity")
    )
    body = events.read(session, log.job_id, kinds=[events.METRICS])[0].body
    assert float(body["series"][0]["values"][1]) == pytest.approx(last, nan_ok=True)
    drawn = curves.read_series(session, log.job_id, LOSS).as_json()  # type: ignore[union-attr]
    assert float(drawn["values"][-1]) == pytest.approx(last, nan_ok=True)


def test_a_range_holds_exactly_its_points_at_every_resolution(log: Log, session: Session) -> None:
    steps = np.arange(1, 60_001)
    log.points(steps, np.random.default_rng(4).random(60_000))
    for first, last in [(0, None), (1, 60_000), (17, 59_990), (255, 40_000), (4096, 8191 + 40_000), (333, 10**9)]:
        read = curves.read_series(session, log.job_id, LOSS, from_step=first, to_step=last, max_points=50)
        assert read and len(read.buckets) <= 50
        end = min(last or 60_000, 60_000)
        assert curves.count(read.buckets) == end - max(first, 1) + 1
        assert (read.buckets.first_step[0], read.buckets.last_step[-1]) == (max(first, 1), end)


def test_a_series_recorded_rarely_is_drawn_without_reading_the_stream(log: Log, session: Session) -> None:
    log.points(np.arange(1, 41) * 5000, np.arange(40.0), name="validation/loss")
    session.execute(delete(Event).where(Event.kind == events.METRICS))
    read = curves.read_series(session, log.job_id, "validation/loss", max_points=100)
    assert read and read.raw and read.buckets.last.tolist() == list(range(40))


def test_few_points_close_together_are_raw_wherever_they_stand(log: Log, session: Session) -> None:
    steps = np.append(5, np.arange(1_000_000, 1_000_100))
    log.points(steps, np.arange(101.0))
    read = curves.read_series(session, log.job_id, LOSS, max_points=200)
    assert read and read.raw
    np.testing.assert_array_equal(read.buckets.last_step, steps)


def test_what_follows_a_rewind_in_the_same_call_counts_once(log: Log, session: Session) -> None:
    log.points([1, 2, 30], [1.0, 2.0, 3.0])
    rarer = [Points.of("validation/loss", [5], [0.5]), Points.of(LOSS, [21], [4.0])]
    log.append(events.New(events.REWIND, {"to_step": 20}), events.New(events.METRICS, points=rarer))
    found = curves.list_series(session, [log.job_id])[log.job_id]
    assert {name: summary["num_points"] for name, summary in found.items()} == {LOSS: 3, "validation/loss": 1}
