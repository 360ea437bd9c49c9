"""Losses of every kind from the body of a run to predictions over REST: what is answered is what is judged."""

import csv
import io
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from sklearn import metrics as sklearn

from app.db.tables import Run
from tests.codegen.cases import JUDGED, judged, labels_csv, series_csv
from tests.inline import TRAINING, Inline
from tests.worker.train.test_sequences import edits

# The first rows are trained on, the others judge.
SPLIT = {"type": "shares", "train": 0.6, "validation": 0.0, "test": 0.4, "shuffle": False}
TEST = slice(96, None)

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return list(csv.DictReader(io.StringIO(labels_csv().decode())))


def upload(client: TestClient, inline: Inline, filename: str, content: bytes) -> str:
    answer = client.post("/api/v1/datasets", files=[("file", (filename, content))])
    assert answer.status_code == 201, answer.text
    inline.work(TRAINING)
    dataset_id: str = answer.json()["id"]
    return dataset_id


@pytest.fixture(scope="module")
def run(client: TestClient, inline: Inline) -> Run:
    """An output for each loss."""
    body = judged(list(JUDGED))
    body["data"]["split"] = SPLIT
    trained = inline.train(body | {"dataset": upload(client, inline, "labels.csv", labels_csv())})
    inline.work()
    return trained


@pytest.fixture(scope="module")
def answers(client: TestClient, run: Run, rows: Rows) -> list[dict[str, Any]]:
    """What is predicted of the rows that judge."""
    fed = [{name: float(row[name]) for name in ("a", "d")} for row in rows[TEST]]
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": fed})
    assert answer.status_code == 200, answer.text
    return [one["outputs"] for one in answer.json()["predictions"]]


def truth(rows: Rows, *names: str) -> NDArray[np.float64]:
    return np.array([[float(row[name]) for name in names] for row in rows[TEST]])


def figures(run: Run, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (run.evaluation or {})["heads"][name]["parts"]["test"]
    return found


@pytest.mark.parametrize("name", ["poisson", "rate", "huber"])
def test_numbers_are_answered_as_they_are_judged(run: Run, answers: Any, rows: Rows, name: str) -> None:
    said = np.array([row[name]["value"] for row in answers])
    real = truth(rows, JUDGED[name][1]["target"])[:, 0]
    if "mae" in (found := figures(run, name)):
        assert found["mae"] == pytest.approx(sklearn.mean_absolute_error(real, said), rel=1e-4)
        assert found["r2"] == pytest.approx(sklearn.r2_score(real, said), rel=1e-3, abs=1e-4)
    if name == "rate":
        assert found["rmse"] == pytest.approx(sklearn.root_mean_squared_error(real, said), rel=1e-4)
        assert (said >= 0).all()


def test_of_normal_laws_values_come_with_their_deviations(run: Run, answers: Any, rows: Rows) -> None:
    said = np.array([[row["normal"]["value"][name] for name in "bc"] for row in answers])
    stds = np.array([[row["normal"]["std"][name] for name in "bc"] for row in answers])
    real = truth(rows, "b", "c")
    found = figures(run, "normal")
    assert found["mae"] == pytest.approx(np.abs(said - real).mean(), rel=1e-4)
    spread = np.ptp(np.array([[float(row["b"]), float(row["c"])] for row in rows[: TEST.start]]), axis=0)
    scaled, variances = (said - real) / spread, (stds / spread) ** 2
    loss = 0.5 * (np.log(variances) + scaled**2 / variances).mean()
    assert found["loss"] == pytest.approx(loss, rel=1e-4)


def test_shares_of_a_whole_are_answered_as_such(run: Run, answers: Any, rows: Rows) -> None:
    said = np.array([list(row["shares"]["value"].values()) for row in answers])
    real = truth(rows, "red", "green", "blue")
    assert said.sum(axis=1) == pytest.approx(np.ones(len(said)))
    found = figures(run, "shares")
    assert found["mae"] == pytest.approx(np.abs(said - real).mean(), rel=1e-4)
    divergence = np.where(real > 0, real * np.log(np.maximum(real, 1e-30) / said), 0).sum(axis=1).mean()
    assert found["loss"] == pytest.approx(divergence, rel=1e-3)


@pytest.mark.parametrize("name", ["balanced", "weighed", "focal"])
def test_classes_are_answered_by_how_likely_they_are(answers: Any, name: str) -> None:
    for row in answers:
        shares = row[name]["probabilities"]
        assert sum(shares.values()) == pytest.approx(1) and row[name]["label"] == max(shares, key=shares.get)


def test_classes_without_probabilities_are_answered_by_their_scores(run: Run, answers: Any, rows: Rows) -> None:
    for row in answers:
        scores = row["margin"]["scores"]
        assert row["margin"]["label"] == max(scores, key=scores.get) and "probabilities" not in row["margin"]
    said = np.array([row["hinge"]["label"] for row in answers])
    found, real = figures(run, "hinge"), truth(rows, "old")[:, 0]
    assert found["f1"] == pytest.approx(sklearn.f1_score(real, said, zero_division=0))
    assert [row["hinge"]["scores"]["1"] > 0 for row in answers] == (said == 1).tolist()
    scores = np.array([row["hinge"]["scores"]["1"] for row in answers])
    assert found["roc_auc"] == pytest.approx(sklearn.roc_auc_score(real, scores))
    assert found["loss"] == pytest.approx(sklearn.hinge_loss(real, 2 * scores) / 2, rel=1e-4)  # its margin is 1, not ½


def test_labels_are_judged_column_by_column(run: Run, answers: Any, rows: Rows) -> None:
    said = np.array([[row["labels"]["value"][name] > 0.5 for name in ("old", "new")] for row in answers])
    assert figures(run, "labels")["accuracy"] == pytest.approx((said == truth(rows, "old", "new")).mean())
    assert set(figures(run, "ranked")) == {"loss"}


def test_tokens_in_order_are_answered_as_they_are_judged(run: Run, answers: Any, rows: Rows) -> None:
    found = figures(run, "ordered")
    pairs = [(one["ordered"]["tokens"], row["said"].split()) for one, row in zip(answers, rows[TEST], strict=True)]
    assert set(found) == {"loss", "accuracy", "token_error"}
    assert found["accuracy"] == pytest.approx(np.mean([said == true for said, true in pairs]))
    wrong = sum(edits(tuple(said), tuple(true)) for said, true in pairs)
    assert found["token_error"] == pytest.approx(wrong / sum(len(true) for _, true in pairs))


def test_a_file_has_a_column_for_all_that_is_said(client: TestClient, run: Run, rows: Rows) -> None:
    content = "\n".join(["a,d", *(f"{row['a']},{row['d']}" for row in rows[:3])]).encode()
    answer = client.post(f"/api/v1/runs/{run.id}/predictions", files={"file": ("rows.csv", content)})
    assert answer.status_code == 200, answer.text
    (header, *cells) = csv.reader(io.StringIO(answer.text))
    assert all(len(row) == len(header) for row in cells)
    said = dict(zip(header, cells[0], strict=True))
    assert {"deviation of b", "deviation of c", "score of rare", "probability of rare", "score of 1"} <= said.keys()
    assert float(said["deviation of b"]) > 0


def test_a_forecast_says_how_sure_it_is(client: TestClient, inline: Inline) -> None:
    body = {
        "name": "forecast",
        "dataset": upload(client, inline, "series.csv", series_csv()),
        "model": {"layers": [{"type": "flatten"}, {"type": "linear", "out_features": 4}]},
        "data": {
            "target": "rain",
            "features": ["rain"],
            "missing": {"type": "drop"},
            "window": {"length": 3, "horizon": 2, "time": "day", "series": "shop"},
            "split": {"type": "time", "column": "day", "train": 0.6, "validation": 0.0, "test": 0.4},
        },
        "training": {"num_epochs": 2, "loss": {"type": "gaussian_nll_loss"}, "metrics": [{"type": "mae"}]},
    }
    trained = inline.train(body)
    inline.work()
    evaluation = trained.evaluation or {}
    assert evaluation["forecast"]["whole"]["mae"] == pytest.approx(evaluation["parts"]["test"]["mae"], rel=1e-5)
    shown = evaluation["forecast"]["shown"]
    assert len(shown["predicted_last"]) == len(shown["actual_last"]) > 0
    seen = [{"day": i, "shop": "north", "rain": 0.1 * i} for i in range(3)]
    answer = client.post(f"/api/v1/runs/{trained.id}/predict", json={"rows": seen})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["predictions"]
    assert len(found["value"]) == len(found["std"]) == 2 and min(found["std"]) > 0


def test_columns_that_are_no_shares_of_a_whole_are_told(client: TestClient, inline: Inline, rows: Rows) -> None:
    content = "a,x,y\n" + "\n".join(f"{row['a']},0.5,0.{i % 9}" for i, row in enumerate(rows))
    body = judged(["shares"]) | {"dataset": upload(client, inline, "shares.csv", content.encode())}
    body["model"] = {"layers": [{"type": "linear", "out_features": 2}, {"type": "log_softmax"}]}
    body["data"] = {"features": ["a"], "target": ["x", "y"]}
    body["training"] = {"loss": {"type": "kl_div"}}
    run_id = inline.submit(body)
    inline.work(TRAINING)
    answer = client.get(f"/api/v1/runs/{run_id}").json()
    assert answer["status"] == "failed"
    assert answer["error"]["message"] == "x, y are to be shares of a whole, and in a training row they add up to 0.5."
