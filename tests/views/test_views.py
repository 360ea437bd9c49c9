"""What a person arranges is kept for them, and shared by link."""

import pytest
from fastapi.testclient import TestClient

from app.db import Database
from app.errors import NotFound
from app.views import service

LAYOUT = {"pinned": ["accuracy"], "order": [], "hidden": ["optimizer/lr"]}


def test_a_view_is_kept_and_replaced(client: TestClient) -> None:
    assert client.get("/api/v1/views/run-charts").json()["body"] == {}
    assert client.put("/api/v1/views/run-charts", json={"body": LAYOUT}).json()["body"] == LAYOUT
    client.put("/api/v1/views/run-charts", json={"body": {"pinned": []}})
    assert client.get("/api/v1/views/run-charts").json()["body"] == {"pinned": []}
    assert client.delete("/api/v1/views/run-charts").status_code == 204
    assert client.get("/api/v1/views/run-charts").json()["body"] == {}


def test_a_shared_view_is_found_by_its_id_and_is_nobodys_own(client: TestClient) -> None:
    answer = client.post("/api/v1/views/share", json={"key": "run-charts", "body": LAYOUT})
    assert answer.status_code == 201
    found = client.get(f"/api/v1/views/shared/{answer.json()['id']}").json()
    assert (found["key"], found["body"]) == ("run-charts", LAYOUT)
    assert client.get("/api/v1/views/run-charts").json()["body"] == {}
    assert client.get("/api/v1/views/shared/nothing").status_code == 404


@pytest.mark.parametrize("key", ["UPPER", "a" * 65, "-a"])
def test_a_key_that_no_page_uses_is_refused(client: TestClient, key: str) -> None:
    answer = client.put(f"/api/v1/views/{key}", json={"body": {}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][-1] == "key"


def test_a_body_has_a_bound(client: TestClient) -> None:
    answer = client.put("/api/v1/views/run-charts", json={"body": {"pinned": "x" * 200_000}})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"][-1] == "body"


def test_people_do_not_see_what_others_keep(db: Database) -> None:
    with db.write() as session:
        service.put_view(session, "ann", "run-charts", {"a": 1})
        service.put_view(session, "bob", "run-charts", {"b": 2})
        service.delete_view(session, "bob", "run-charts")
    with db.read() as session:
        assert service.get_view(session, "ann", "run-charts").body == {"a": 1}
        assert service.get_view(session, "bob", "run-charts").body == {}
        own = service.get_view(session, "ann", "run-charts").id or ""
        with pytest.raises(NotFound):
            service.get_shared(session, own)
