"""Damaged summaries and pyramids are made anew from the stream, on both databases."""

import math
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app import events, queue
from app.cli import cli
from app.columns import Points
from app.db import Database
from app.db.tables import Rollup, Series
from app.errors import NotFound
from app.queue import Claim
from app.repair import repair

LOSS = "train/loss"


def append(session: Session, claim: Claim, *new: events.New) -> None:
    fence = queue.fence(session, claim, lease_s=600, num_events=len(new))
    events.insert(session, claim.job_id, fence.last_seq, fence.time, new)


@pytest.fixture
def job_id(claim: Claim) -> str:
    return claim.job_id


@pytest.fixture
def claim(db: Database) -> Claim:
    """A job of 3,000 points that went back once, and a rarer series."""
    values = np.random.default_rng(5).normal(size=3000)
    values[[10, 2000]], values[20] = math.nan, math.inf
    with db.write() as session:
        claim = queue.hold(session, {}, lease_s=600)
        batches = [Points.of(LOSS, range(i, i + 300), values[i : i + 300]) for i in range(0, 3000, 300)]
        new = [events.New(events.METRICS, points=[batch]) for batch in batches]
        new.append(events.New(events.REWIND, {"to_step": 2500}))
        new.append(events.New(events.METRICS, points=[Points.of("validation/loss", [2501, 2600], [0.5, 0.25])]))
        append(session, claim, *new)
    return claim


def kept(db: Database) -> tuple[list[Any], list[Any]]:
    """Every summary and every bucket, without the numbers of the series; sums without what is rounding."""
    with db.read() as session:
        rows = session.execute(select(Series.__table__).order_by(Series.job_id, Series.name)).all()
        query = select(Series.name, Rollup.__table__).join_from(Rollup, Series).order_by(Series.name, Rollup.level)
        buckets = session.execute(query.order_by(Rollup.bucket)).all()
    told = [{key: v for key, v in row._mapping.items() if key != "series_id"} for row in buckets]
    return [row[1:] for row in rows], [bucket | {"sum": round(bucket["sum"], 6)} for bucket in told]


def damage(db: Database) -> None:
    with db.write() as session:
        session.execute(update(Series).where(Series.name == LOSS).values(num_points=7, last=None, last_word="NaN"))
        session.execute(delete(Series).where(Series.name == "validation/loss"))
        session.execute(update(Rollup).where(Rollup.level == 2, Rollup.bucket == 3).values(max=99.0))
        session.execute(update(Rollup).where(Rollup.level == 1, Rollup.bucket == 5).values(sum=99.0))
        session.execute(delete(Rollup).where(Rollup.level == 1, Rollup.bucket == 3))
        session.execute(update(Rollup).where(Rollup.level == 1, Rollup.bucket == 4).values(bucket=4000))


def test_a_sound_database_is_left_alone(db: Database, job_id: str) -> None:
    before = kept(db)
    assert [finding.differences for finding in repair(db)] == [(), ()]
    assert kept(db) == before


@pytest.mark.parametrize("piece", [1 << 20, 3000])
def test_what_was_damaged_is_as_before(db: Database, job_id: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.stretches.PIECE_BYTES", piece)
    before = kept(db)
    damage(db)
    loss, validation = repair(db, job_id)
    assert "num_points was 7, is 2501" in loss.differences
    wrong = {"2 buckets were missing", "1 buckets were needless", "2 buckets were wrong"}
    assert wrong <= set(loss.differences)
    assert validation.differences == ("the series was missing",)
    assert kept(db) == before
    assert not any(finding.differences for finding in repair(db))


def test_a_series_without_points_goes(db: Database, job_id: str) -> None:
    before = kept(db)
    counts = dict.fromkeys(("num_nan", "num_pos_inf", "num_neg_inf"), 0)
    with db.write() as session:
        session.execute(insert(Series).values(job_id=job_id, name="ghost", num_points=3, last_step=3, **counts))
    assert [f.name for f in repair(db) if f.differences == ("the series has no points",)] == ["ghost"]
    assert kept(db) == before


def test_points_go_on_after_a_repair(db: Database, claim: Claim) -> None:
    damage(db)
    list(repair(db))
    with db.write() as session:
        new = events.New(events.METRICS, points=[Points.of(LOSS, range(2501, 2701), [1.0] * 200)])
        append(session, claim, new)
    assert not any(finding.differences for finding in repair(db))


def test_an_unknown_job_is_told(db: Database) -> None:
    with pytest.raises(NotFound, match="no job and no run"):
        list(repair(db, "01k"))


def test_the_command_says_what_differed(db: Database, job_id: str, database_url: str) -> None:
    damage(db)
    told = CliRunner().invoke(cli, ["repair", "--job", job_id, "--database-url", database_url])
    assert told.exit_code == 0, told.output
    assert "the series was missing" in told.output and "2 series looked through, 2 repaired" in told.output
