"""The pages: each answers, says what the services say, and lets no name become markup or script."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from starlette.testclient import TestClient

from app import gallery, pages
from app.main import create_app
from app.settings import Settings
from tests.conftest import TOKEN

PAGES = ["/runs", "/runs/new", "/datasets", "/models", "/gallery", "/workers"]
HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One server for all: pages change nothing."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("pages"), token=TOKEN))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def run_id(client: TestClient) -> str:
    spec = gallery.definition("celsius") | {"name": HOSTILE, "tags": [HOSTILE]}
    answer = client.post("/api/v1/runs", json=spec)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    found: str = answer.json()["id"]
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_with_its_heading(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.OK
    assert answer.text.count("<h1") == 1


def test_the_root_leads_to_the_runs(client: TestClient) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "/runs"


def test_a_run_has_its_page(client: TestClient, run_id: str) -> None:
    answer = client.get(f"/runs/{run_id}")
    assert answer.status_code == HTTPStatus.OK
    assert 'role="tablist"' in answer.text


@pytest.mark.parametrize("path", ["/runs", "/runs/{run_id}", "/runs/new?from={run_id}"])
def test_a_name_is_never_markup(client: TestClient, run_id: str, path: str) -> None:
    assert "<img" not in client.get(path.format(run_id=run_id)).text


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_more_than_the_policy_allows(client: TestClient, path: str) -> None:
    tags = re.findall(r"<[a-z][^>]*>", client.get(path).text)
    names = [re.sub(r'"[^"]*"', "", tag) for tag in tags]
    assert not [tag for tag in names if re.search(r"^<style|\sstyle=|\son[a-z]+=", tag)]
    assert not [tag for tag in tags if "javascript:" in tag]
    scripts = [tag for tag in tags if tag.startswith("<script")]
    assert all("src=" in tag or "application/json" in tag for tag in scripts)


def test_what_is_not_there_is_said_in_words(client: TestClient) -> None:
    answer = client.get("/runs/0123456789abcdefghjkmnpqrs", headers={"Accept": "text/html"})
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "Nothing is here" in answer.text


def test_a_static_file_of_the_present_version_is_kept_for_ever(client: TestClient) -> None:
    address = pages.static_url("js/format.js")
    assert "immutable" in client.get(address).headers["cache-control"]
    other = client.get(address.replace(pages.static_version(), "000000000000"))
    assert other.headers["cache-control"] == "no-cache"


def test_every_static_file_that_a_page_names_is_there(client: TestClient) -> None:
    named = {
        address for path in PAGES for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get(path).text)
    }
    assert named
    assert {address: client.get(address).status_code for address in named} == dict.fromkeys(named, HTTPStatus.OK)


@pytest.mark.parametrize("path", ["../app/settings.py", "..%2f..%2fpyproject.toml", "css"])
def test_nothing_outside_the_tree_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{pages.static_version()}/{path}").status_code == HTTPStatus.NOT_FOUND
