"""A time series from training to prediction: rows in order go in, each that ends a full window is answered."""

import csv
import io
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.tables import Artifact, Dataset, Run
from app.runs import predict_csv
from app.specs.columns import Column
from app.specs.model import ModelSpec
from app.specs.run import RunSpec
from tests.inline import Inline
from worker.data.series import prepare_series
from worker.nn.build import build
from worker.train.setup import windowed

LENGTH, HORIZON = 6, 3
SHOPS = ("north", "south")
NUM_DAYS = 120


def sold(day: int, shop: str) -> float:
    return round(20 + 5 * SHOPS.index(shop) + 3 * float(np.sin(day / 3)), 4)


def rows_of(shop: str, days: range) -> list[dict[str, Any]]:
    return [
        {"day": f"2024-{1 + day // 28:02}-{1 + day % 28:02}", "shop": shop, "sold": sold(day, shop)} for day in days
    ]


def both(days: range) -> list[dict[str, Any]]:
    """Rows of both shops, day by day."""
    pairs = zip(*(rows_of(shop, days) for shop in SHOPS), strict=True)
    return [row for pair in pairs for row in pair]


def table(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def run(inline: Inline, client: TestClient) -> Run:
    """Six days of a shop, to predict three; trained as a file of rows came in."""
    files = {"file": ("shops.csv", table(both(range(NUM_DAYS))))}
    dataset = client.post("/api/v1/datasets", files=files).json()
    inline.work()
    trained = inline.train(
        {
            "name": "shops",
            "dataset": dataset["id"],
            "model": {"layers": [{"type": "lstm", "hidden_size": 16}, {"type": "linear", "out_features": HORIZON}]},
            "data": {
                "target": "sold",
                "window": {"length": LENGTH, "horizon": HORIZON, "time": "day", "series": "shop"},
                "split": {"type": "time", "column": "day"},
                "scale": "standardize",
                "scale_target": "standardize",
            },
            "training": {
                "num_epochs": 25,
                "batch_size": 16,
                "loss": {"type": "mse_loss"},
                "optimizer": {"type": "adam", "lr": 0.02},
                "metrics": [{"type": "mae"}, {"type": "rmse"}, {"type": "r2"}],
            },
        }
    )
    inline.work()
    return trained


def predict(client: TestClient, run: Run, rows: list[dict[str, Any]], status: int = 200) -> Any:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": rows})
    assert answer.status_code == status, answer.text
    return answer.json()["predictions"] if status == 200 else answer.json()


def test_it_learns_and_beats_saying_that_nothing_changes(run: Run, inline: Inline) -> None:
    assert run.evaluation is not None
    found = run.evaluation["forecast"]
    assert found["part"] == "test"
    assert [step["ahead"] for step in found["steps"]] == [1, 2, 3]
    assert found["whole"]["mae"] < 0.5 * found["naive"]["mae"]
    test = run.evaluation["parts"]["test"]
    assert test["mae"] == pytest.approx(found["whole"]["mae"], rel=1e-5)
    assert test["rmse"] == pytest.approx(found["whole"]["rmse"], rel=1e-5)
    assert test["r2"] > 0.8
    (line,) = [line for line in inline.log(run) if line.startswith("naive forecast: MAE ")]
    assert f"{found['naive']['mae']:.4g}" in line
    assert any(line.startswith("windows: 152 to train") for line in inline.log(run))  # 84 - 9 + 1 of each shop


def test_every_full_window_is_answered_with_the_row_that_it_follows(client: TestClient, run: Run) -> None:
    found = predict(client, run, rows_of("north", range(20, 30)))
    assert [(one["row"], one["series"]) for one in found] == [(row, "north") for row in range(LENGTH - 1, 10)]
    for one in found:
        coming = [sold(20 + one["row"] + 1 + i, "north") for i in range(HORIZON)]
        assert one["value"] == pytest.approx(coming, abs=1.5)


def test_series_are_kept_apart(client: TestClient, run: Run) -> None:
    mixed = predict(client, run, both(range(20, 27)))
    alone = {shop: predict(client, run, rows_of(shop, range(20, 27))) for shop in SHOPS}
    assert [(one["row"], one["series"]) for one in mixed] == [
        (10, "north"),
        (11, "south"),
        (12, "north"),
        (13, "south"),
    ]
    for i, shop in enumerate(SHOPS):
        for one, other in zip(mixed[i::2], alone[shop], strict=True):
            assert one["value"] == pytest.approx(other["value"], abs=1e-5)


def test_too_few_rows_say_how_many_are_needed(client: TestClient, run: Run) -> None:
    for rows in (rows_of("north", range(5)), both(range(5))):
        problem = predict(client, run, rows, 422)
        assert [error["loc"] for error in problem["errors"]] == [["rows"]]
        assert "a prediction takes 6 rows of one 'shop'" in problem["detail"] and "there are 5" in problem["detail"]


def test_the_order_is_checked_where_rows_say_when(client: TestClient, run: Run) -> None:
    rows = rows_of("north", range(8))
    problem = predict(client, run, [*rows[:3], rows[4], rows[3], *rows[5:]], 422)
    assert [error["loc"] for error in problem["errors"]] == [["rows", 4, "day"]]
    assert "rows come in the order of 'day'" in problem["detail"]
    silent = [{name: row[name] for name in ("shop", "sold")} for row in rows]
    assert len(predict(client, run, silent)) == 3
    half = [*silent[:4], *rows[4:]]
    assert predict(client, run, half, 422)["errors"][0]["loc"] == ["rows", 0, "day"]


def test_each_row_says_which_series_it_belongs_to(client: TestClient, run: Run) -> None:
    nameless = [{"day": row["day"], "sold": row["sold"]} for row in rows_of("north", range(8))]
    problem = predict(client, run, nameless, 422)
    assert problem["errors"][0]["loc"] == ["rows", 0, "shop"]
    bad = [*rows_of("north", range(7)), {"day": "2024-02-01", "shop": "north", "sold": "much"}]
    assert predict(client, run, bad, 422)["errors"][0]["loc"] == ["rows", 7, "sold"]


def test_a_file_is_answered_beside_the_rows_that_windows_end_with(
    client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_csv, "BATCH_ROWS", 5)  # windows reach over batches
    content = table(both(range(20, 32)))
    answer = client.post(f"/api/v1/runs/{run.id}/predictions", files={"file": ("rows.csv", content)})
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(found) == 24
    expected = {one["row"]: one["value"] for one in predict(client, run, both(range(20, 32)))}
    for row, line in enumerate(found):
        said = [line[f"predicted sold +{1 + i}"] for i in range(HORIZON)]
        if row < 10:
            assert said == ["", "", ""]
        else:
            assert [float(one) for one in said] == pytest.approx(expected[row], abs=1e-5)
    submitted = client.post(
        f"/api/v1/runs/{run.id}/predictions", files={"file": ("rows.csv", content)}, params={"layout": "submission"}
    )
    lines = list(csv.reader(io.StringIO(submitted.text)))
    assert lines[0] == ["ImageId", "Label +1", "Label +2", "Label +3"]
    assert [line[0] for line in lines[1:]] == [str(row) for row in range(11, 25)]


def test_a_file_that_cannot_be_answered_says_why(client: TestClient, run: Run) -> None:
    def send(content: bytes) -> Any:
        answer = client.post(f"/api/v1/runs/{run.id}/predictions", files={"file": ("rows.csv", content)})
        assert answer.status_code == 422
        return answer.json()

    assert "a prediction takes 6 rows" in send(table(both(range(3))))["detail"]
    nameless = [{"sold": row["sold"]} for row in rows_of("north", range(9))]
    assert [error["loc"] for error in send(table(nameless))["errors"]] == [["file", "shop"]]


def test_the_server_answers_as_the_trained_model_does(client: TestClient, inline: Inline, run: Run) -> None:
    """Every window of the test part: raw rows over REST against torch on the rows that the worker lays down."""
    with inline.db.read() as session:
        dataset = session.get_one(Dataset, run.dataset_id)
        query = select(Artifact.path).where(Artifact.run_id == run.id, Artifact.name == "model.safetensors")
        weights = inline.storage.resolve(session.scalars(query).one())
    spec = RunSpec.model_validate(run.spec)
    path = inline.storage.path("datasets", dataset.id, "data.parquet")
    columns = [Column.model_validate(column) for column in dataset.columns or []]
    prepared = prepare_series(path, spec.data, "mse_loss", columns)
    assert isinstance(spec.model, ModelSpec)
    model = build(spec.model, (LENGTH, 1)).eval()
    model.load_state_dict(safetensors.torch.load_file(weights))
    with torch.no_grad():
        outputs = model(windowed(prepared)["test"].take(slice(None))[0]).double().numpy()
    target = prepared.preprocessing.target
    begins = prepared.starts["test"]
    answers = []
    for begin in begins.tolist():
        shop, day = SHOPS[begin // NUM_DAYS], begin % NUM_DAYS
        (answer,) = predict(client, run, rows_of(shop, range(day, day + LENGTH)))
        answers.append(answer["value"])
    np.testing.assert_allclose(answers, outputs * target.spread + target.center, atol=1e-5)
