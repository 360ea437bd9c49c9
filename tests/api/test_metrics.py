"""A run's curves over REST, on both databases: along every axis, zoomed, with ghosts, and as files."""

import io
import json
import math
from dataclasses import dataclass
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app import events, queue
from app.columns import Points
from app.db import Database, now
from app.db.tables import Job, Run
from app.ids import new_id

LOSS = "train/loss"
START = 1_795_000_000.0


@dataclass
class Recorded:
    """A run of 10 epochs of 500 steps, ten steps a second, written in batches of 500."""

    client: TestClient
    db: Database
    claim: queue.Claim
    run_id: str

    def append(self, *new: events.New) -> None:
        with self.db.write() as session:
            fence = queue.fence(session, self.claim, lease_s=600, num_events=len(new))
            events.insert(session, self.claim.job_id, fence.last_seq, fence.time, new)

    def points(self, first: int, last: int, value: float, name: str = LOSS, start: float = START) -> None:
        steps = list(range(first, last + 1))
        times = [start + step / 10 for step in steps]
        self.append(events.New("metrics", points=[Points.of(name, steps, [value] * len(steps), times)]))

    def get(self, **query: Any) -> httpx.Response:
        return self.client.get(f"/api/v1/runs/{self.run_id}/metrics", params=query)

    def series(self, **query: Any) -> dict[str, Any]:
        answer = self.get(name=LOSS, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["series"][0]
        return found


@pytest.fixture
def run(client: TestClient, db: Database) -> Recorded:
    with db.write() as session:
        run_id = new_id()
        claim = queue.hold(session, {"run_id": run_id}, lease_s=600)
        progress = {"step": 5000, "num_steps": 5000, "epoch": 10, "num_epochs": 10}
        session.execute(update(Job).where(Job.id == claim.job_id).values(progress=progress, started_at=START))
        said = {"name": "r", "spec": {}, "inspection": {}, "num_parameters": 1, "tags": [], "origin": "client"}
        session.add(Run(id=run_id, job_id=claim.job_id, created_at=now(), **said))
    recorded = Recorded(client, db, claim, run_id)
    for first in range(1, 5001, 500):
        recorded.points(first, first + 499, 0.5)
    return recorded


def test_a_curve_says_how_much_there_is_and_how_much_is_drawn(run: Recorded) -> None:
    drawn = run.series(max_points=100)
    assert (drawn["num_points"], drawn["num_in_range"], drawn["raw"]) == (5000, 5000, False)
    assert drawn["num_drawn"] == len(drawn["x"]) == len(drawn["steps"]) <= 100
    assert sum(drawn["num"]) == 5000 and drawn["x"] == drawn["steps"]
    zoomed = run.series(max_points=100, from_step=4001, to_step=4050)
    assert (zoomed["num_points"], zoomed["num_in_range"], zoomed["num_drawn"], zoomed["raw"]) == (5000, 50, 50, True)


@pytest.mark.parametrize(
    ("x", "start", "end"),
    [("step", 1001, 1100), ("epoch", 2.002, 2.2), ("relative", 100.1, 110.0), ("time", START + 100.1, START + 110.0)],
)
def test_a_range_is_asked_for_in_the_unit_of_its_axis(run: Recorded, x: str, start: float, end: float) -> None:
    found = run.series(x=x, **{"from": start, "to": end})
    assert found["raw"] and found["steps"] == list(range(1001, 1101))
    assert found["x"][0] == pytest.approx(start) and found["x"][-1] == pytest.approx(end)


def test_what_a_run_does_not_know_is_refused_in_words(run: Recorded) -> None:
    answer = run.get(name=["train/los", LOSS, "x"])
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    assert [error["loc"] for error in answer.json()["errors"]] == [["name", 0], ["name", 2]]
    assert f"it has {LOSS}" in answer.json()["detail"]
    assert run.get(name="x", format="csv").status_code == 404
    assert run.get(name=LOSS, x="miles").json()["errors"][0]["loc"] == ["x"]
    with run.db.write() as session:
        session.execute(update(Job).where(Job.id == run.claim.job_id).values(progress={"step": 1}))
    refused = run.get(name=LOSS, x="epoch")
    assert refused.status_code == 422 and refused.json()["errors"][0]["loc"] == ["x"]


def test_branches_that_rewinds_superseded_are_told(run: Recorded) -> None:
    assert run.get(name=LOSS, ghosts="1").json()["ghosts"] == []
    run.append(events.New(events.REWIND, {"to_step": 4000}))
    run.points(4001, 4600, 0.25, start=START + 1000)
    run.append(events.New(events.REWIND, {"to_step": 4500}))
    run.points(4501, 4510, 0.125, start=START + 2000)
    answer = run.get(name=LOSS, ghosts="1", x="relative").json()
    assert answer["series"][0]["num_points"] == 4510
    newest, oldest = answer["ghosts"]
    assert (newest["to_step"], newest["num_points"], newest["is_whole"]) == (4500, 100, True)
    assert newest["steps"] == list(range(4501, 4601)) and newest["values"] == [0.25] * 100
    assert newest["x"][0] == pytest.approx(1450.1), "its time is its own"
    assert (oldest["to_step"], oldest["num_points"], oldest["num_drawn"]) == (4000, 1000, 500)
    within = run.get(name=LOSS, ghosts="1", to_step=4100).json()["ghosts"]
    assert [(one["to_step"], one["num_in_range"]) for one in within] == [(4000, 100)]
    assert "ghosts" not in run.get(name=LOSS).json()


@pytest.fixture
def strange(run: Recorded) -> Recorded:
    run.append(events.New(events.REWIND, {"to_step": 4990}))
    values = [math.nan, math.inf, -math.inf, 1e-300]
    run.append(events.New("metrics", points=[Points.of('"odd", name', [1, 2, 3, 4], values, [START] * 4)]))
    return run


def test_every_point_leaves_as_csv(strange: Recorded) -> None:
    answer = strange.get(format="csv")
    assert (
        answer.headers["content-type"].startswith("text/csv") and "attachment" in answer.headers["content-disposition"]
    )
    lines = answer.text.splitlines()
    assert lines[0] == "series,step,value,time,epoch" and len(lines) == 1 + 4990 + 4
    assert lines[1] == f"train/loss,1,0.5,{START + 0.1},0.002"
    odd = strange.get(format="csv", name='"odd", name').text.splitlines()
    assert [line.split(",")[-3] for line in odd[1:]] == ["NaN", "Infinity", "-Infinity", "1e-300"]
    accepted = strange.client.get(f"/api/v1/runs/{strange.run_id}/metrics", headers={"Accept": "text/csv"})
    assert accepted.text == answer.text


def test_every_point_leaves_as_json_lines(strange: Recorded) -> None:
    rows = [json.loads(line) for line in strange.get(format="jsonl").text.splitlines()]
    assert len(rows) == 4994 and rows[4000]["epoch"] == 8.002
    assert [row["value"] for row in rows if row["series"] != LOSS] == ["NaN", "Infinity", "-Infinity", 1e-300]
    part = strange.get(format="jsonl", name=LOSS, x="epoch", **{"from": 9.002, "to": 9.01}).text.splitlines()
    assert [json.loads(line)["step"] for line in part] == [4501, 4502, 4503, 4504, 4505]


def test_every_point_leaves_as_parquet(strange: Recorded) -> None:
    table = pq.read_table(io.BytesIO(strange.get(format="parquet").content))
    assert table.column_names == ["series", "step", "value", "time", "epoch"] and table.num_rows == 4994
    odd = [row for row in table.to_pylist() if row["series"] != LOSS]
    assert math.isnan(odd[0]["value"]) and [row["value"] for row in odd[1:]] == [math.inf, -math.inf, 1e-300]
    assert pq.read_table(io.BytesIO(strange.get(format="parquet", to_step=0).content)).num_rows == 0


def test_an_export_is_made_in_pieces_of_bounded_size(run: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run.get(format="csv").text
    monkeypatch.setattr("app.stretches.PIECE_BYTES", 3000)
    assert run.get(format="csv").text == whole
    table = pq.ParquetFile(io.BytesIO(run.get(format="parquet").content))
    assert table.num_row_groups > 5 and table.metadata.num_rows == 5000


@pytest.mark.parametrize("x", ["epoch", "relative"])
@pytest.mark.parametrize(("start", "end"), [(1e308, None), (-1e308, -1e300), (1e308, 1e308), (5.0, 1.0)])
def test_a_range_without_points_is_empty_however_far_it_lies(
    run: Recorded, x: str, start: float, end: float | None
) -> None:
    found = run.series(x=x, ghosts="1", **{"from": start, **({} if end is None else {"to": end})})
    assert (found["num_in_range"], found["steps"]) == (0, [])
    assert run.get(x=x, format="jsonl", **{"from": start, **({} if end is None else {"to": end})}).text == ""
