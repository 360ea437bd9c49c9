"""Looking at a table over REST, on both databases."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.queue import JobStatus

pytestmark = pytest.mark.full_on_postgres

Work = Callable[[], list[JobStatus]]


@pytest.fixture
def address(client: TestClient, work: Work) -> str:
    """Two hundred days of a shop."""
    random = np.random.default_rng(0)
    lines = ["day,sold,weather,open"]
    for i in range(200):
        weather = ("sun", "rain")[i % 2]
        day = np.datetime64("2024-01-01") + i
        lines.append(f"{day},{random.normal(10 + 5 * (i % 2), 1):.3f},{weather},{i % 7 > 0}")
    dataset = client.post("/api/v1/datasets", files={"file": ("shop.csv", "\n".join(lines).encode())}).json()
    address = f"/api/v1/datasets/{dataset['id']}"
    assert client.get(f"{address}/relations?target=sold").status_code == 409
    work()
    return address


def get(client: TestClient, address: str, **query: Any) -> Any:
    answer = client.get(address, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_columns_are_ranked_by_how_closely_they_go_with_the_target(client: TestClient, address: str) -> None:
    found = get(client, f"{address}/relations", target="sold")
    assert found["relations"][0]["column"] == "weather"
    assert found["relations"][0]["measure"] == "correlation_ratio"
    assert found["relations"][0]["strength"] > 0.8
    assert (found["num_rows"], found["num_examined"]) == (200, 200)


def test_a_pair_has_its_picture(client: TestClient, address: str) -> None:
    found = get(client, f"{address}/relations/pair", target="sold", column="weather")
    assert found["picture"]["type"] == "boxes"
    assert [box["count"] for box in found["picture"]["boxes"]] == [100, 100]
    assert get(client, f"{address}/relations/pair", target="sold", column="day")["picture"]["type"] == "scatter"
    assert get(client, f"{address}/relations/pair", target="open", column="weather")["picture"]["type"] == "shares"


def test_columns_are_traced_along_time_by_class(client: TestClient, address: str) -> None:
    found = get(client, f"{address}/series", column="sold", along="day", by="weather", num_buckets=50)
    assert [line["group"] for line in found["lines"]] == ["rain", "sun"]
    assert found["is_time"] and found["num_buckets"] == 50
    last = {"from": found["end"] - 86_400, "to": found["end"]}
    assert get(client, f"{address}/series", column="sold", along="day", **last)["num_rows"] == 2


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("relations?target=weight", ["query", "target"]),
        ("relations", ["target"]),
        ("relations/pair?target=sold&column=sold", ["query", "column"]),
        ("series?column=weather", ["query", "column"]),
        ("series", ["column"]),
        ("series?column=sold&num_buckets=0", ["num_buckets"]),
    ],
)
def test_what_cannot_be_looked_at_is_told_with_its_place(
    client: TestClient, address: str, path: str, loc: list[str]
) -> None:
    answer = client.get(f"{address}/{path}")
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["errors"]] == [loc]


def test_a_dataset_that_is_not_there_has_nothing_to_look_at(client: TestClient) -> None:
    for path in ("relations?target=x", "relations/pair?target=x&column=y", "series?column=x"):
        assert client.get(f"/api/v1/datasets/nothing/{path}").status_code == 404


def test_ratings_are_counted_and_a_column_that_cannot_be_one_is_told(client: TestClient, work: Work) -> None:
    source = {"type": "generated", "name": "ratings", "num_rows": 400}
    dataset = client.post("/api/v1/datasets", json={"name": "films", "source": source}).json()
    work()
    address = f"/api/v1/datasets/{dataset['id']}/ratings"
    found = get(client, address, user="user", item="film", value="rating")
    assert found["num_ratings"] == 400 and found["num_repeated"] == 0
    assert sum(found["users"]["doublings"].values()) == found["users"]["num"]
    for query, place, words in (
        ({"user": "rating", "item": "film", "value": "user"}, "user", "holds float"),
        ({"user": "user", "item": "film", "value": "film"}, "value", "a value is a number"),
        ({"user": "user", "item": "user", "value": "rating"}, "item", "is said twice"),
        ({"user": "user", "item": "film", "value": "stars"}, "value", "there is no column 'stars'"),
    ):
        problem = client.get(address, params=query).json()
        assert problem["status"] == 422 and problem["errors"][0]["loc"] == ["query", place]
        assert words in problem["errors"][0]["msg"]
