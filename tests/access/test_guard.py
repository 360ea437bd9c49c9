"""What slows down who guesses."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.access import service
from app.access.guard import Throttle
from app.errors import TooManyRequests
from tests.access.conftest import BEARER, TOKEN

ORIGIN = "http://127.0.0.1:8000"


def test_the_throttle_counts_guesses_by_address_and_forgets_them() -> None:
    now = [0.0]
    throttle = Throttle(limit=3, window_s=60, max_addresses=2, clock=lambda: now[0])
    for guess in ("a", "b", "b", "b"):
        throttle.wrong("one", guess)
    throttle.check("one")
    throttle.wrong("one", "c")
    throttle.check("two")
    with pytest.raises(TooManyRequests):
        throttle.check("one")
    now[0] = 61
    throttle.check("one")
    for address in ("x", "y", "z"):
        throttle.wrong(address, "a")
    assert len(throttle._wrong) == 2


def test_a_token_that_has_held_is_never_throttled_whoever_guesses_from_the_same_address(client: TestClient) -> None:
    path = "/api/v1/runs"
    assert client.get(path, headers=BEARER).status_code == 200
    answers = [client.get(path, headers={"Authorization": f"Bearer wrong {i}"}).status_code for i in range(12)]
    assert (answers[0], answers[-1]) == (401, 429)
    assert client.get(path, headers=BEARER).status_code == 200
    assert client.post("/login", data={"token": TOKEN}, headers={"Origin": ORIGIN}).status_code == 303
    assert client.get(path, headers={"Authorization": "Bearer another guess"}).status_code == 429


def test_a_token_that_no_longer_holds_is_a_guess_again(client: TestClient, app: FastAPI) -> None:
    database = app.state.database
    with database.write() as session:
        token = service.create(session, "for a while")
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/runs", headers=bearer).status_code == 200
    with database.write() as session:
        service.revoke(session, "for a while")
    for i in range(9):
        client.get("/api/v1/runs", headers={"Authorization": f"Bearer wrong {i}"})
    assert client.get("/api/v1/runs", headers=bearer).status_code == 401
    assert client.get("/api/v1/runs", headers=bearer).status_code == 429


def test_guesses_made_at_once_are_counted_like_others(client: TestClient) -> None:
    def guess(i: int) -> int:
        return client.get("/api/v1/runs", headers={"Authorization": f"Bearer wrong {i}"}).status_code

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(guess, range(40)))
    assert (answers.count(401), answers.count(429)) == (10, 30)
    assert client.get("/api/v1/runs", headers=BEARER).status_code == 429


def test_a_token_that_holds_is_no_guess_however_often_it_is_new(app: FastAPI, client: TestClient) -> None:
    for i in range(15):
        with app.state.database.write() as session:
            token = service.create(session, f"one of many {i}")
        assert client.get("/api/v1/runs", headers={"Authorization": f"Bearer {token}"}).status_code == 200
