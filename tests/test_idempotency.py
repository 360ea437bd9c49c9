"""One effect and one answer for each key, on both databases."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import httpx2 as httpx
import pytest
from fastapi import Depends, FastAPI, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.service import Principal
from app.db import Database, now
from app.db.tables import IdempotencyKey, Model
from app.dependencies import Reading, Writing, take_turns, turns
from app.errors import AppError, Conflict
from app.idempotency import Fingerprint, IdempotencyMiddleware, purge

Post = Callable[..., httpx.Response]


class As:
    """Makes every request come from the token that the header `X-Who` names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = dict(scope.get("headers", [])).get(b"x-who", b"main").decode()
        scope.setdefault("state", {})["principal"] = Principal(who, "")
        await self.app(scope, receive, send)


def as_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    return JSONResponse(error.problem(), error.status, media_type="application/problem+json")


def make_app(db: Database) -> FastAPI:
    """A server whose effect is a row of `models`."""
    app = FastAPI(dependencies=[Depends(take_turns, scope="function")])
    app.state.database, app.state.turns = db, turns()
    app.add_exception_handler(AppError, as_problem)
    app.add_middleware(IdempotencyMiddleware, database=db)
    app.add_middleware(As)

    def add(session: Writing, name: str) -> Model:
        model = Model(name=name, definition={}, created_at=now())
        session.add(model)
        session.flush()
        return model

    @app.post("/api/v1/things", status_code=201)
    def create(body: dict[str, Any], session: Writing, response: Response) -> dict[str, Any]:
        model = add(session, body["name"])
        time.sleep(body.get("sleep_s", 0))
        if body.get("fail"):
            raise Conflict("not today")
        if body.get("crash"):
            raise RuntimeError("a fault of ours")
        response.headers["Location"] = f"/api/v1/things/{model.id}"
        response.headers["X-Other"] = "not kept"
        return {"id": model.id}

    @app.post("/api/v1/uploads")
    def upload(session: Writing, file: Annotated[UploadFile, File()], name: Annotated[str, Form()]) -> dict[str, Any]:
        return {"id": add(session, name).id, "size": len(file.file.read())}

    @app.post("/api/v1/looks")
    def look(session: Reading) -> int:
        return session.scalar(select(func.count(Model.id))) or 0

    @app.post("/api/v1/nothing")
    def nothing(session: Writing) -> str:
        return "untouched"

    return app


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    with TestClient(make_app(db), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def post(client: TestClient) -> Post:
    def send(body: Any, key: str | None = "k", path: str = "things", **headers: str) -> httpx.Response:
        given = headers | ({"Idempotency-Key": key} if key is not None else {})
        return client.post(f"/api/v1/{path}", json=body, headers=given)

    return send


def count(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count(Model.id))) or 0


def test_the_same_request_has_one_effect_and_one_answer(post: Post, db: Database) -> None:
    first, second = post({"name": "a"}), post({"name": "a"})
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert count(db) == 1


def test_another_body_under_the_same_key_is_refused(post: Post, db: Database) -> None:
    post({"name": "a"})
    refused = post({"name": "b"})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert count(db) == 1


def test_a_key_belongs_to_its_route_and_its_token(post: Post, db: Database) -> None:
    post({"name": "a"})
    assert post({"name": "b"}, **{"X-Who": "someone else"}).status_code == 201
    assert post({}, path="looks").json() == 2
    assert count(db) == 2


def test_without_a_key_every_request_counts(post: Post, db: Database) -> None:
    for _ in range(2):
        assert post({"name": "a"}, key=None).status_code == 201
    assert count(db) == 2


def test_what_failed_left_nothing_and_may_be_tried_again(post: Post, db: Database) -> None:
    assert post({"name": "a", "fail": True}).status_code == 409
    assert post({"name": "a", "crash": True}).status_code == 500
    assert post([]).status_code == 422
    assert count(db) == 0
    assert post({"name": "a"}).status_code == 201
    assert count(db) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9".encode("latin-1").decode("latin-1")])
def test_a_key_that_is_none_is_refused(client: TestClient, db: Database, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    answer = client.post("/api/v1/things", json={"name": "a"}, headers=headers)
    assert answer.status_code == 422
    assert count(db) == 0


def test_posts_that_write_nothing_just_run(post: Post, db: Database) -> None:
    assert [post({}, path="looks").json(), post({}, path="nothing").json()] == [0, "untouched"]
    post({"name": "a"}, key=None)
    assert post({}, path="looks").json() == 1


def test_twenty_at_once_have_one_effect_and_all_get_its_answer(post: Post, db: Database) -> None:
    barrier = threading.Barrier(20)

    def send(_: int) -> httpx.Response:
        barrier.wait()
        return post({"name": "a", "sleep_s": 0.05})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(20)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert count(db) == 1


def test_more_requests_than_threads_do_not_wait_for_each_other_for_ever(post: Post, db: Database) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda i: post({"name": "a"}, key=f"k{i % 50}"), range(100)))
    assert {answer.status_code for answer in answers} == {201}
    assert count(db) == 50
    assert time.monotonic() - started < 20


def test_uploads_are_the_same_whatever_boundary_they_were_sent_with(client: TestClient, db: Database) -> None:
    def upload(content: bytes, boundary: str) -> httpx.Response:
        headers = {"Idempotency-Key": "k", "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return client.post("/api/v1/uploads", files={"file": ("a.csv", content)}, data={"name": "a"}, headers=headers)

    content = random.Random(0).randbytes(300_000)
    first, second = upload(content, "one-boundary"), upload(content, "quite-another-boundary")
    assert first.status_code == 200
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert upload(content[::-1], "one-boundary").status_code == 422
    assert count(db) == 1


@settings(deadline=None)
@given(st.binary(max_size=60), st.lists(st.integers(0, 80), max_size=6), st.lists(st.integers(0, 80), max_size=6))
def test_a_fingerprint_does_not_depend_on_pieces_or_boundary(body: bytes, cuts: list[int], others: list[int]) -> None:
    def hashed(boundary: bytes, cuts: list[int]) -> str:
        print_ = Fingerprint(f"multipart/form-data; boundary={boundary.decode()}")
        whole = b"--" + boundary + b"\r\n" + body + b"\r\n--" + boundary + b"--"
        edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
        for start, end in itertools.pairwise(edges):
            print_.feed(whole[start:end])
        return print_.hexdigest()

    assert hashed(b"BOUNDARYONE", cuts) == hashed(b"BOUNDARYANOTHER", others)


def test_an_answer_is_kept_for_a_day(post: Post, db: Database) -> None:
    first = post({"name": "a"})
    with db.write() as session:
        purge(session)
    assert post({"name": "a"}).content == first.content
    with db.write() as session:
        session.execute(update(IdempotencyKey).values(created_at=now() - 24 * 3600 - 1))
        purge(session)
    assert post({"name": "a"}).content != first.content
    assert count(db) == 2


def test_only_what_the_answer_needs_is_kept(post: Post, db: Database) -> None:
    post({"name": "a"})
    with db.read() as session:
        row = session.scalars(select(IdempotencyKey)).one()
    assert row.status == 201
    assert set(row.headers or {}) == {"content-type", "location"}
