"""Signing in and out, by link and by form."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.access import service
from app.access.middleware import local_path
from tests.access.conftest import BEARER, TOKEN


def test_the_link_gives_a_session_and_an_address_without_the_token(client: TestClient) -> None:
    answer = client.get(f"/runs?q=a%20b&token={TOKEN}&status=running")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs?q=a+b&status=running"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("traindeck_8000=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert client.get("/runs").status_code == 200
    assert client.get("/api/v1/runs").status_code == 200


def test_over_https_the_cookie_is_for_https_alone(app: FastAPI) -> None:
    with TestClient(app, base_url="https://localhost", follow_redirects=False) as client:
        cookie = client.get("/", params={"token": TOKEN}).headers["set-cookie"]
    assert "Secure" in cookie
    assert cookie.startswith("traindeck=")


def test_a_wrong_link_leads_to_the_form(client: TestClient) -> None:
    answer = client.get("/runs?token=wrong")
    assert answer.headers["location"] == "/login?next=%2Fruns"
    assert "set-cookie" not in answer.headers


def test_a_page_without_a_session_leads_to_the_form_and_back(client: TestClient) -> None:
    answer = client.get("/runs?q=x")
    assert answer.headers["location"] == "/login?next=%2Fruns%3Fq%3Dx"
    form = {"token": TOKEN, "next": "/runs?q=x"}
    answer = client.post("/login", data=form, headers={"Origin": "http://127.0.0.1:8000"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?q=x")
    assert client.get("/runs").status_code == 200


def test_the_form_says_when_a_token_does_not_hold(client: TestClient) -> None:
    answer = client.post("/login", data={"token": "<wrong>", "next": "/runs"})
    assert answer.status_code == 401
    assert "does not hold" in answer.text
    assert 'value="/runs"' in answer.text
    assert "<wrong>" not in answer.text
    assert client.post("/login", content=b"x" * 10_000).status_code == 413
    assert client.post("/login", content=b"token=\xff").status_code in (400, 401)


def test_signing_out_ends_the_session(browser: TestClient) -> None:
    cookies = dict(browser.cookies)
    answer = browser.post("/logout", headers={"Origin": "http://127.0.0.1:8000"})
    assert answer.headers["location"] == "/login"
    assert not browser.cookies
    browser.cookies.update(cookies)
    assert browser.get("/api/v1/runs").status_code == 401


def test_a_revoked_token_takes_its_sessions_along(browser: TestClient, app: FastAPI) -> None:
    with app.state.database.write() as session:
        service.rotate(session)
    assert browser.get("/api/v1/runs").status_code == 401
    assert browser.get("/api/v1/runs", headers=BEARER).status_code == 401


EVIL_ADDRESSES = [
    "//evil.com",
    "/\\evil.com",
    "https://evil.com",
    "/\t/evil.com",
    "\\\\evil.com",
    "evil.com",
    "",
    "/\n/evil.com",
    " //evil.com",
]


@pytest.mark.parametrize("address", EVIL_ADDRESSES)
def test_nobody_is_sent_to_another_site(client: TestClient, address: str) -> None:
    assert local_path(address) == "/"
    answer = client.post("/login", data={"token": TOKEN, "next": address})
    assert answer.headers["location"] == "/"


def test_the_link_itself_cannot_lead_elsewhere(client: TestClient) -> None:
    answer = client.get(f"http://127.0.0.1:8000//evil.com/x?token={TOKEN}")
    assert answer.headers["location"].startswith("/evil.com")


def test_ten_wrong_logins_have_to_wait_and_who_is_in_stays_in(browser: TestClient) -> None:
    for _ in range(10):
        assert (
            browser.post("/login", data={"token": "wrong"}, headers={"Origin": "http://127.0.0.1:8000"}).status_code
            == 401
        )
    late = browser.post("/login", data={"token": TOKEN}, headers={"Origin": "http://127.0.0.1:8000"})
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 0
    guess = browser.get("/api/v1/runs", headers=BEARER)
    assert guess.status_code == 429
    assert guess.headers["content-type"] == "application/problem+json"
    assert browser.get("/api/v1/runs").status_code == 200
