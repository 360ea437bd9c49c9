"""What every request passes, held against every route that there is."""

import logging
import re
import threading
import time
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute, iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from starlette.testclient import WebSocketDenialResponse

from app.access.middleware import OPEN_FOLDERS, OPEN_PATHS, HostCheck, OriginCheck
from app.settings import Settings
from tests.access.conftest import BEARER, TOKEN

pytestmark = pytest.mark.full_on_postgres

LIVE = "ws://127.0.0.1:8000/api/v1/live"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def paths(app: FastAPI) -> list[str]:
    """The path of every route, with a word for each parameter."""
    found = [context.path or "" for context in iter_route_contexts(app.routes)]
    assert any(path.startswith("/api/v1/runs") for path in found)
    assert any(isinstance(context.original_route, APIWebSocketRoute) for context in iter_route_contexts(app.routes))
    return sorted({re.sub(r"\{[^}]*\}", "x", path) for path in found})


def is_refused(answer: httpx.Response) -> bool:
    """Whether a request got no further than the door."""
    if answer.status_code == 401:
        return answer.headers["content-type"] == "application/problem+json" and "www-authenticate" in answer.headers
    return answer.status_code == 303 and answer.headers["location"].startswith("/login?next=")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_every_route_is_closed_to_who_has_no_token(app: FastAPI, client: TestClient, headers: dict[str, str]) -> None:
    closed = [path for path in [*paths(app), "/no/such/page", "/api/v1/no/such/thing"] if path not in OPEN_PATHS]
    closed = [path for path in closed if not f"{path}/".startswith(OPEN_FOLDERS)]
    assert len(closed) > 30
    for path in closed:
        for method in METHODS:
            answer = client.request(method, path, headers=headers)
            assert is_refused(answer), (method, path, answer.status_code)


@pytest.mark.parametrize("query", ["", "?token=wrong"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "traindeck_8000=wrong"}])
def test_the_websocket_is_closed_to_who_has_no_token(client: TestClient, query: str, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        with client.websocket_connect(LIVE + query, headers=headers):
            pass
    assert refused.value.status_code == 401


def test_rest_takes_no_token_from_the_address(client: TestClient) -> None:
    assert client.get(f"/api/v1/runs?token={TOKEN}").status_code == 401


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_health_and_the_login_page_are_open(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_what_is_open_lets_nobody_further(client: TestClient) -> None:
    for path in (
        "/static/../api/v1/runs",
        "/static/%2e%2e/api/v1/runs",
        "/login/../api/v1/runs",
        "/login/x",
        "//login",
    ):
        answer = client.get(path)
        assert answer.status_code in (303, 401, 404), path
        assert "items" not in answer.text


def test_a_token_opens_every_door(client: TestClient) -> None:
    assert client.get("/api/v1/runs", headers=BEARER).status_code == 200
    assert client.get("/workers", headers=BEARER).status_code == 200
    with client.websocket_connect(LIVE, headers=BEARER):
        pass


HOSTS = [
    "host.evil.com",
    "localhost.evil.com",
    "127.0.0.1.evil.com",
    "evil.com:8000",
    "localhost.",
    "null",
    "",
    "127.0.0.1@evil.com",
    "localhost:8000:1",
    "127.0.0.1:x",
    "[::1",
    "127.1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_name_is_refused_before_anything_else(client: TestClient, host: str) -> None:
    for path in ("/", "/api/v1/runs", "/static/x", "/healthz", "/login"):
        for method in ("GET", "POST", "DELETE"):
            answer = client.request(method, path, headers=BEARER | {"Host": host})
            assert answer.status_code == 403, (method, path)
    with pytest.raises(WebSocketDenialResponse) as refused:
        with client.websocket_connect(LIVE, headers=BEARER | {"Host": host}):
            pass
    assert refused.value.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_its_own_names_are_answered_on_any_port(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_further_names_and_the_bound_one_are_allowed() -> None:
    async def nothing(*_: object) -> None: ...

    check = HostCheck(nothing, ["deck.example.com", "other.example.com:8443", "fe80::1"])
    allowed = ["deck.example.com", "deck.example.com:80", "other.example.com:8443", "[fe80::1]:8000"]
    refused = ["other.example.com", "other.example.com:80", "xdeck.example.com", "deck.example.com.evil.com"]
    assert [host for host in [*allowed, *refused] if check._is_allowed(host)] == allowed


ORIGINS = [
    "http://host.evil.com",
    "null",
    "http://127.0.0.1:8000.evil.com",
    "http://127.0.0.1:9000",
    "http://127.0.0.1",
    "ftp://127.0.0.1:8000",
    "127.0.0.1:8000",
    "http://evil.com#http://127.0.0.1:8000",
    "",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_another_sites_page_changes_nothing_and_hears_nothing(browser: TestClient, origin: str) -> None:
    for headers in ({"Origin": origin}, BEARER | {"Origin": origin}):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for path in ("/api/v1/runs", "/login", "/logout"):
                assert browser.request(method, path, headers=headers).status_code == 403, (method, path)
        with pytest.raises(WebSocketDenialResponse) as refused:
            with browser.websocket_connect(LIVE, headers=headers):
                pass
        assert refused.value.status_code == 403


def test_a_browsers_session_needs_a_sign_that_its_own_page_asks(browser: TestClient) -> None:
    def cancel(**headers: str) -> int:
        return browser.post(
            "/api/v1/runs/x/cancel", headers={k.replace("_", "-"): v for k, v in headers.items()}
        ).status_code

    assert cancel() == 403
    assert cancel(Sec_Fetch_Site="cross-site") == 403
    assert cancel(Sec_Fetch_Site="same-site") == 403
    assert cancel(Sec_Fetch_Site="none") == 403
    assert cancel(Sec_Fetch_Site="same-origin") == 404
    assert cancel(Origin="http://127.0.0.1:8000") == 404
    assert cancel(Authorization=BEARER["Authorization"]) == 404
    with pytest.raises(WebSocketDenialResponse):
        with browser.websocket_connect(LIVE):
            pass
    with browser.websocket_connect(LIVE, headers={"Origin": "http://127.0.0.1:8000"}):
        pass


def test_further_origins_may_be_allowed() -> None:
    async def nothing(*_: object) -> None: ...

    check = OriginCheck(nothing, ["https://lab.example.com/"])

    def asked(*origins: bytes) -> dict[str, Any]:
        return {"headers": [(b"host", b"127.0.0.1"), *((b"origin", origin) for origin in origins)]}

    assert check._is_allowed(asked(b"https://lab.example.com"))
    assert not check._is_allowed(asked(b"http://lab.example.com"))
    assert not check._is_allowed(asked(b"https://lab.example.com", b"https://evil.com"))


def test_every_answer_tells_browsers_what_pages_do_not_need(client: TestClient) -> None:
    answers = [client.get("/login"), client.get("/api/v1/runs"), client.get("/", headers={"Host": "evil.com"})]
    answers.append(client.get("/api/v1/runs", headers=BEARER))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_door_whose_database_is_away_stays_closed(
    client: TestClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("away"))

    monkeypatch.setattr(app.state.guard, "_read", away)
    answer = client.get("/api/v1/runs", headers=BEARER)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_token_is_in_no_log_and_no_table(
    app: FastAPI, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(app) as url:
        httpx.get(f"{url}/?token={TOKEN}")
        httpx.get(f"{url}/?token={TOKEN}", headers={"Host": "evil.com"})
        httpx.get(f"{url}/api/v1/runs?token={TOKEN}")
        httpx.get(f"{url}/api/v1/runs", headers=BEARER)
        httpx.post(f"{url}/login", data={"token": TOKEN})
        httpx.get(f"{url}/api/v1/live?token={TOKEN}", headers=WEBSOCKET)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert any("GET /" in message for message in ours)
    assert any("/api/v1/live" in message for message in ours)
    assert not [message for message in ours if TOKEN in message]
    with app.state.database.engine.connect() as connection:
        for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all():
            assert TOKEN not in str(connection.execute(text(f'SELECT * FROM "{name}"')).all())


WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


class serving:  # noqa: N801, reads as a function
    """A real server that logs every request."""

    def __init__(self, app: FastAPI) -> None:
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=True, log_level="info"))
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> str:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join()
