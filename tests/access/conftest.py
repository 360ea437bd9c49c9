"""A whole server on SQLite, a stranger before its door, and a browser that was let in."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

TOKEN = "a-token-for-tests-only"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def settings(data_dir: Any, sqlite_url: str) -> Settings:
    return Settings(data_dir=data_dir, database_url=sqlite_url, token=TOKEN)


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser(client: TestClient) -> TestClient:
    """A client that has signed in by the terminal's link."""
    answer = client.get("/", params={"token": TOKEN})
    assert answer.status_code == 303
    return client
