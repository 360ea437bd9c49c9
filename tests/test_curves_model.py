"""Whatever is appended and taken back: summaries, buckets and points are those of a plain list. On both databases."""

import math
from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app import curves, events, queue, rollups
from app.columns import Points, spell_one
from app.db import Database
from app.db.tables import Series
from app.queue import Claim
from app.stretches import Pass

NAMES = ("train/loss", "validation/loss")
values = st.one_of(
    st.floats(-1e6, 1e6),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, 1.7e308, -1.7e308]),
)


@dataclass(frozen=True)
class Append:
    """Points of a series, each `gaps` steps after the one before."""

    name: str
    gaps: list[int]
    values: list[float]


@dataclass(frozen=True)
class Rewind:
    """Back to a share of the way."""

    share: float


@st.composite
def appends(draw: st.DrawFn) -> Append:
    count = draw(st.integers(1, 40))
    gap = draw(st.sampled_from([1, 1, 3, 17, 300, 5000]))
    strange = draw(st.lists(values, min_size=1, max_size=6))
    return Append(draw(st.sampled_from(NAMES)), [gap] * count, (strange * count)[:count])


programs = st.lists(
    st.lists(st.one_of(appends(), appends(), st.builds(Rewind, st.floats(0, 1))), min_size=1, max_size=4), max_size=6
)


@dataclass
class Model:
    """The points as plain lists."""

    points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def event(self, said: Append | Rewind) -> events.New:
        """Do what is said, and give the event that says it to the stream."""
        if isinstance(said, Rewind):
            last = max((kept[-1][0] for kept in self.points.values()), default=0)
            to_step = int(last * said.share)
            kept = {name: [p for p in points if p[0] <= to_step] for name, points in self.points.items()}
            self.points = {name: points for name, points in kept.items() if points}
            return events.New(events.REWIND, {"to_step": to_step})
        kept_points = self.points.setdefault(said.name, [])
        last = kept_points[-1][0] if kept_points else -1
        steps = (last + np.cumsum(said.gaps)).tolist()
        kept_points += zip(steps, said.values, strict=True)
        return events.New(events.METRICS, points=[Points.of(said.name, steps, said.values)])

    def read(self, name: str) -> Points:
        """What a series holds."""
        steps, values = zip(*self.points[name], strict=True)
        return Points.of(name, steps, values)


def run(session: Session, program: list[list[Append | Rewind]]) -> tuple[Claim, Model]:
    """Write a program, each of its lists in one call."""
    claim, model = queue.hold(session, {}, lease_s=600), Model()
    for said in program:
        new = [model.event(one) for one in said]
        fence = queue.fence(session, claim, lease_s=600, num_events=len(new))
        events.insert(session, claim.job_id, fence.last_seq, fence.time, new)
    return claim, model


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(program=programs)
def test_curves_equal_their_points(db: Database, program: list[list[Append | Rewind]]) -> None:
    with db._session(write=True) as session:  # not kept
        claim, model = run(session, program)
        rows = {row.name: row for row in session.query(Series).filter_by(job_id=claim.job_id)}
        assert rows.keys() == model.points.keys()
        passed = {points.name: points for points in Pass(session, claim.job_id).read(session)[0]}
        for name, row in rows.items():
            truth = model.read(name)
            check_summary(row, truth)
            check_buckets(session, row, truth)
            check_points(curves.read_points(session, claim.job_id, name, 0, 1 << 40), truth)
            check_points(passed[name], truth)
            check_reads(session, claim.job_id, truth)


def check_summary(row: Series, truth: Points) -> None:
    finite = truth.values[np.isfinite(truth.values)]
    assert (row.num_points, row.last_step) == (len(truth.steps), truth.steps[-1])
    assert (row.last_word or row.last) == spell_one(float(truth.values[-1]))
    assert (row.min, row.max) == ((finite.min(), finite.max()) if len(finite) else (None, None))
    assert row.num_nan == np.isnan(truth.values).sum()
    assert (row.num_pos_inf, row.num_neg_inf) == ((truth.values == np.inf).sum(), (truth.values == -np.inf).sum())


def check_buckets(session: Session, row: Series, truth: Points) -> None:
    for level in rollups.LEVELS:
        kept = curves.read_buckets(session, row.id, level, 0, 1 << 40)
        made = rollups.group(rollups.of_points(truth), truth.steps // rollups.FACTOR**level)
        tolerance = 1e-12 * np.fmax(1, np.nan_to_num(np.fmax(abs(made.min), abs(made.max)))) * len(truth.steps)
        assert (np.abs(kept.sum - made.sum) <= tolerance).all()
        for name in rollups.Buckets.__dataclass_fields__.keys() - {"sum"}:
            np.testing.assert_array_equal(getattr(kept, name), getattr(made, name), err_msg=name)


def check_points(found: Points, truth: Points) -> None:
    np.testing.assert_array_equal(found.steps, truth.steps)
    np.testing.assert_array_equal(found.values, truth.values)


def check_reads(session: Session, job_id: str, truth: Points) -> None:
    """A drawing of any part holds each point of it once, in as few buckets as was asked for."""
    middle = int(truth.steps[len(truth.steps) // 2])
    for max_points, first, last in [(7, 0, None), (7, middle, None), (1000, 1, middle)]:
        read = curves.read_series(session, job_id, truth.name, from_step=first, to_step=last, max_points=max_points)
        assert read is not None and len(read.buckets) <= max_points
        within = truth.steps[(truth.steps >= first) & (truth.steps <= (last if last is not None else 1 << 40))]
        assert curves.count(read.buckets) == len(within)
        if len(within):
            assert (read.buckets.first_step[0], read.buckets.last_step[-1]) == (within[0], within[-1])


@settings(deadline=None, derandomize=True, database=None)
@given(parts=st.lists(st.tuples(st.lists(st.integers(0, 40_000), min_size=1, unique=True), values), max_size=6))
def test_the_buckets_of_several_series_are_those_of_each(parts: list[tuple[list[int], float]]) -> None:
    series = [Points.of("", sorted(steps), [value] * len(steps)) for steps, value in parts]
    each = [rollups.of_points(points) for points in series]
    of = np.repeat(np.arange(len(series)), [len(points.steps) for points in series])
    joined = rollups.join(each) if each else rollups.of_points(Points.of("", [], []))
    for _ in rollups.LEVELS:
        joined, of = rollups.coarsen_each(joined, of)
        each = [rollups.coarsen(one) for one in each]
        for k, one in enumerate(each):
            assert [row for row, whose in zip(joined.tuples(), of, strict=True) if whose == k] == list(one.tuples())
