"""A server beside a worker in this very process, on SQLite: what is tested here does not depend on the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from tests.conftest import TOKEN
from tests.inline import Inline


@pytest.fixture(scope="module")
def inline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inline]:
    folder: Path = tmp_path_factory.mktemp("data")
    one = Inline(folder)
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(inline: Inline) -> Iterator[TestClient]:
    app = create_app(inline.settings.model_copy(update={"token": TOKEN}))
    with TestClient(app, base_url="http://localhost", headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield client
