import csv
import gzip
import io
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.tables import Run
from app.runs import predict_csv
from tests.inline import TRAINING, Inline

IRIS: dict[str, Any] = {
    "name": "iris",
    "dataset": {"name": "iris", "source": {"type": "builtin", "name": "iris"}},
    "model": {"layers": [{"type": "linear", "out_features": 3}]},
    "data": {"target": "species", "scale": "standardize"},
    "training": {
        "num_epochs": 30,
        "loss": {"type": "cross_entropy"},
        "optimizer": {"type": "adam", "lr": 0.1},
        "metrics": [{"type": "accuracy"}],
    },
}
SETOSA = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
VIRGINICA = {"sepal_length": 7.1, "sepal_width": 3.0, "petal_length": 5.9, "petal_width": 2.1}


@pytest.fixture(scope="module")
def run(inline: Inline) -> Run:
    trained = inline.train(IRIS)
    inline.work()
    return trained


def table(rows: list[dict[str, Any]], **more: list[Any]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*more, *rows[0]])
    for i, row in enumerate(rows):
        writer.writerow([*(values[i] for values in more.values()), *row.values()])
    return text.getvalue().encode()


def send(client: TestClient, run: Run, content: bytes, **query: str) -> Any:
    return client.post(f"/api/v1/runs/{run.id}/predictions", files={"file": ("rows.csv", content)}, params=query)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_are_answered_in_their_order(client: TestClient, run: Run) -> None:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": [SETOSA, VIRGINICA, SETOSA]})
    assert answer.status_code == 200
    first, second, third = answer.json()["predictions"]
    assert [first["label"], second["label"]] == ["setosa", "virginica"]
    assert first == third
    assert sum(first["probabilities"].values()) == pytest.approx(1)


def test_no_rows_are_no_predictions(client: TestClient, run: Run) -> None:
    assert client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": []}).json() == {"predictions": []}


@pytest.mark.parametrize(
    ("row", "column"), [(SETOSA | {"petal_width": "wide"}, "petal_width"), ({"sepal_length": 5}, "sepal_width")]
)
def test_a_value_that_does_not_fit_is_told_with_its_place(
    client: TestClient, run: Run, row: dict[str, Any], column: str
) -> None:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": [SETOSA, row]})
    assert answer.status_code == 422
    assert ["rows", 1, column] in [error["loc"] for error in answer.json()["errors"]]


def test_a_file_is_answered_with_what_else_it_says(client: TestClient, run: Run) -> None:
    answer = send(client, run, table([SETOSA, VIRGINICA], plant=["a", "b"]))
    assert answer.headers["content-type"].startswith("text/csv")
    first, second = read(answer.text)
    assert (first["plant"], first["predicted species"]) == ("a", "setosa")
    assert (second["plant"], second["predicted species"]) == ("b", "virginica")
    assert float(first["probability of setosa"]) > 0.5


def test_a_submission_is_a_number_and_a_label(client: TestClient, run: Run) -> None:
    answer = send(client, run, table([SETOSA, VIRGINICA]), layout="submission")
    assert answer.text == "ImageId,Label\n1,setosa\n2,virginica\n"
    named = send(client, run, table([SETOSA]), layout="submission", id_column="Id", label_column="Species")
    assert named.text == "Id,Species\n1,setosa\n"


def test_a_file_may_be_packed_and_written_another_way(client: TestClient, run: Run) -> None:
    content = b"\xef\xbb\xbf" + table([SETOSA]).replace(b",", b";")
    assert send(client, run, gzip.compress(content), layout="submission").text == "ImageId,Label\n1,setosa\n"


def trained_on(client: TestClient, inline: Inline, content: bytes, **said: str) -> Run:
    """A run of a file that is written in a way of its own."""
    definition = {"name": "own", **said}
    parts = [("definition", (None, json.dumps(definition).encode())), ("file", ("own.csv", content))]
    made = client.post("/api/v1/datasets", files=parts)
    assert made.status_code == 201, made.text
    inline.work()
    body: dict[str, Any] = {"model": {"layers": [{"type": "linear", "out_features": 1}]}, "data": {"target": "y"}}
    run = inline.train(
        {"name": "own", "dataset": made.json()["id"], **body, "training": {"loss": {"type": "mse_loss"}}}
    )
    inline.work()
    return run


def test_a_file_is_read_as_that_of_the_training_was(client: TestClient, inline: Inline) -> None:
    own = "# by hand\ncity;x;y\n" + "".join(f"{'Мир' if i % 2 else 'Нет'};{i + 1}.500,5;{i}\n" for i in range(20))
    run = trained_on(client, inline, own.encode("cp1251"), encoding="cp1251", thousands=".", decimal=",", comment="#")
    city = ["Мир", "Нет"]
    wanted = [
        one["value"]
        for one in client.post(
            f"/api/v1/runs/{run.id}/predict", json={"rows": [{"city": one, "x": 2500.5} for one in city]}
        ).json()["predictions"]
    ]
    content = "# by hand\ncity;x\n" + "".join(f"{one};2.500,5\n" for one in city)
    for encoding in ("cp1251", "utf-8"):  # that it is UTF-8 is seen
        found = read(send(client, run, content.encode(encoding)).text.replace("# by hand\n", ""))
        assert [row["city"] for row in found] == city
        assert [float(row["predicted y"]) for row in found] == pytest.approx(wanted)
    said = b"city|x\n" + "".join(f"{one}|2,500.5\n" for one in city).encode("koi8-r")
    answer = send(client, run, said, encoding="koi8-r", thousands=",", decimal=".", comment="")
    assert [float(row["predicted y"]) for row in read(answer.text)] == pytest.approx(wanted)
    assert send(client, run, said, thousands="x").status_code == 422


def test_a_quote_may_stand_behind_spaces(client: TestClient, run: Run) -> None:
    content = table([SETOSA]).replace(b"\r\n5.1,3.5,", b'\r\n "5.1", "3.5",')
    assert b' "3.5"' in content
    assert send(client, run, content, layout="submission").text == "ImageId,Label\n1,setosa\n"


def test_a_row_without_anything_in_it_says_what_is_missing(client: TestClient, run: Run) -> None:
    answer = client.post(f"/api/v1/runs/{run.id}/predict", json={"rows": [{}]})
    assert answer.status_code == 422
    assert {tuple(error["loc"]) for error in answer.json()["errors"]} == {("rows", 0, name) for name in SETOSA}


def test_a_file_longer_than_a_batch_is_answered_whole(
    client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_csv, "BATCH_ROWS", 3)
    rows = [SETOSA, VIRGINICA] * 5
    found = read(send(client, run, table(rows), layout="submission").text)
    assert [row["ImageId"] for row in found] == [str(i) for i in range(1, 11)]
    assert [row["Label"] for row in found] == ["setosa", "virginica"] * 5


def test_a_bad_value_far_down_a_file_is_told_with_its_row(
    client: TestClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict_csv, "BATCH_ROWS", 3)
    answer = send(client, run, table([*[SETOSA] * 7, SETOSA | {"petal_width": "wide"}]))
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["rows", 7, "petal_width"]]


def test_a_file_that_lacks_columns_says_which(client: TestClient, run: Run) -> None:
    answer = send(client, run, b"sepal_length,sepal_width\n1,2\n")
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [["file", "petal_length"], ["file", "petal_width"]]


def test_a_run_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.post("/api/v1/runs/nosuchrun/predict", json={"rows": []}).status_code == 404


def test_a_run_on_its_way_says_how_far_it_is(client: TestClient, inline: Inline, run: Run) -> None:
    run_id = inline.submit(IRIS)
    waiting = client.post(f"/api/v1/runs/{run_id}/predict", json={"rows": [SETOSA]})
    assert (waiting.status_code, waiting.json()["detail"]) == (
        409,
        "The training is queued; it can predict once it has succeeded.",
    )
    inline.work(TRAINING)
    trained = client.post(f"/api/v1/runs/{run_id}/predict", json={"rows": [SETOSA]})
    assert (trained.status_code, trained.json()["detail"]) == (
        409,
        "The export is queued; try again in a few seconds.",
    )


def test_a_run_that_was_cancelled_will_never_predict(client: TestClient, inline: Inline, run: Run) -> None:
    run_id = inline.submit(IRIS)
    client.post(f"/api/v1/runs/{run_id}/cancel")
    answer = client.post(f"/api/v1/runs/{run_id}/predict", json={"rows": [SETOSA]})
    assert answer.status_code == 409
    assert "cancelled" in answer.json()["detail"]
