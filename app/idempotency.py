"""`Idempotency-Key`: a POST that is sent again has its effect once, and gets the first answer again.

The key's row is written in the very transaction of the effect, and so is the answer: the commit waits until the answer
is whole, and the answer leaves once it is committed. So there is no moment at which a crash leaves an effect without
its key, or a key without its effect. Requests with the same key meet at the row: one writes it, the others wait for
that transaction and then find the answer. What fails leaves no row, and may be tried again with the same key.

A body is hashed as it streams by, uploads of gigabytes too; what separates the parts of a form is left out, for clients
choose it at random. POSTs that write nothing run again: that is the same.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any

from anyio import CancelScope, CapacityLimiter, to_thread
from sqlalchemy import Connection, delete, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db import Database, now
from app.db.tables import IdempotencyKey
from app.errors import AppError, Unprocessable

KEPT_S = 24 * 3600
MAX_KEY_LENGTH = 255
KEPT_HEADERS = frozenset({"content-type", "location", "etag"})
_PURGE_EVERY_S = 3600
_SCOPE_KEY = "traindeck.idempotency"
_BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";]+)', re.IGNORECASE)


class Replay(Exception):
    """Raised at the first use of the database, in place of the effect: it has taken place, and this was the answer."""

    def __init__(self, status: int, headers: dict[str, Any], body: bytes) -> None:
        super().__init__(status)
        self.answer = Response(body, status, headers | {"Idempotency-Replayed": "true"})


class Attempt:
    """One POST under a key, from its first byte to its committed answer."""

    def __init__(self, key: str, route: str, principal: str, content_type: str) -> None:
        self.identity = {"key": key, "route": route, "principal": principal}
        self.fingerprint = Fingerprint(content_type)
        self.transaction: ExitStack | None = None
        self.session: Session | None = None

    @contextmanager
    def writing(self, database: Database) -> Iterator[Session]:
        """A session like `database.write()`, but left open at the end: `finish` commits it with the answer."""
        with ExitStack() as stack:
            self.session = stack.enter_context(database.write())
            event.listen(self.session, "after_begin", self._claim, once=True)
            yield self.session
            self.transaction = stack.pop_all()

    def _claim(self, session: Session, _transaction: object, connection: Connection) -> None:
        """Write the key's row, or find it: the first thing that happens in the transaction.

        Here rather than before, for waiting takes a thread: whoever holds the transaction must have one already.
        """
        sha256 = self.fingerprint.hexdigest()
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        row = {**self.identity, "request_sha256": sha256, "created_at": now()}
        mine = dialect.insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
        if not connection.execute(mine).first():
            self.refuse_answered(connection)

    def refuse_answered(self, connection: Connection) -> None:
        """Raises Replay where the request was answered before, and Unprocessable where another one was."""
        query = select(
            IdempotencyKey.request_sha256, IdempotencyKey.status, IdempotencyKey.headers, IdempotencyKey.body
        ).filter_by(**self.identity)
        found = connection.execute(query).one_or_none()
        if found is None:
            return
        if found.request_sha256 != self.fingerprint.hexdigest():
            raise Unprocessable("This Idempotency-Key came with another request before.", hint="Make a new key.")
        raise Replay(found.status, found.headers, found.body)

    def finish(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Keep the answer and commit it with the effect."""
        transaction, session = self._taken()
        with transaction:
            if session.in_transaction():
                row = update(IdempotencyKey).filter_by(**self.identity)
                session.execute(row.values(status=status, headers=headers, body=body))

    def abandon(self) -> None:
        """Take back what was not committed."""
        if self.transaction is not None:
            transaction, _ = self._taken()
            with suppress(_Abandoned), transaction:
                raise _Abandoned

    def _taken(self) -> tuple[ExitStack, Session]:
        assert self.transaction is not None and self.session is not None
        transaction, self.transaction = self.transaction, None
        return transaction, self.session


class _Abandoned(Exception):
    """Rolls a transaction back."""


class Fingerprint:
    """The SHA-256 of a body as it streams by, without the boundary between the parts of a form."""

    def __init__(self, content_type: str) -> None:
        match = _BOUNDARY.match(content_type)
        self._boundary = match[1].encode() if match else b""
        self._sha256 = hashlib.sha256()
        self._tail = b""  # may be the beginning of a boundary

    def feed(self, chunk: bytes) -> None:
        """The next piece of the body."""
        if not self._boundary:
            self._sha256.update(chunk)
            return
        text = (self._tail + chunk).replace(self._boundary, b"")
        split = max(0, len(text) - len(self._boundary) + 1)
        self._sha256.update(text[:split])
        self._tail = text[split:]

    def hexdigest(self) -> str:
        """The hash of all that came by."""
        whole = self._sha256.copy()
        whole.update(self._tail)
        return whole.hexdigest()


def writing(connection: HTTPConnection, database: Database) -> AbstractContextManager[Session]:
    """The write transaction of a request: under a key, it is committed with the answer.

    Let it be the last one of the request: it may still be open when the block has ended.
    """
    attempt: Attempt | None = connection.scope.get(_SCOPE_KEY)
    return attempt.writing(database) if attempt is not None else database.write()


@contextmanager
def before_writing(connection: HTTPConnection, database: Database) -> Iterator[None]:
    """What a request does before its transaction; under a key, unless it was answered before. Raises Replay.

    What the first of two at once has used up, the other lacks: it gets the answer too. Its body must have come.
    """
    attempt: Attempt | None = connection.scope.get(_SCOPE_KEY)

    def refuse_answered() -> None:
        if attempt is not None:
            with database.read() as session:
                attempt.refuse_answered(session.connection())

    refuse_answered()
    try:
        yield
    except Exception:
        refuse_answered()
        raise


def purge(session: Session) -> None:
    """Forget answers that were kept long enough."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEPT_S))


class IdempotencyMiddleware:
    """Gives each POST that brings a key its `Attempt`, which `writing` finds. Goes inside the check of tokens."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app = app
        self.database = database
        self._next_purge = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
        elif not (key.isascii() and key.isprintable() and 0 < len(key) <= MAX_KEY_LENGTH):
            await _refuse(
                Unprocessable(f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} characters."), scope, receive, send
            )
        else:
            await self._attempt(key, scope, receive, send)

    async def _attempt(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        attempt = scope[_SCOPE_KEY] = _attempt_of(key, scope)

        async def hash_and_receive() -> Message:
            message = await receive()
            attempt.fingerprint.feed(message.get("body", b""))
            return message

        try:
            await self.app(scope, hash_and_receive, _Answer(attempt, send).send)
        except Replay as replay:
            await replay.answer(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await _in_thread(attempt.abandon)
        await self._purge_now_and_then()

    async def _purge_now_and_then(self) -> None:
        if time.monotonic() >= self._next_purge:
            self._next_purge = time.monotonic() + _PURGE_EVERY_S
            await to_thread.run_sync(self._purge)

    def _purge(self) -> None:
        with self.database.write() as session:
            purge(session)


class _Answer:
    """Holds an answer back until it is whole and committed, where there is something to commit."""

    def __init__(self, attempt: Attempt, send: Send) -> None:
        self._attempt = attempt
        self._send = send
        self._held: list[Message] = []

    async def send(self, message: Message) -> None:
        if self._attempt.transaction is None:
            await self._send(message)
            return
        self._held.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await _in_thread(self._attempt.finish, *self._content())
            for held in self._held:
                await self._send(held)

    def _content(self) -> tuple[int, dict[str, str], bytes]:
        start, *parts = self._held
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
        kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
        return start["status"], kept, b"".join(part.get("body", b"") for part in parts)


def _key(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith("/api/"):
        return None
    return HTTPConnection(scope).headers.get("idempotency-key")


def _attempt_of(key: str, scope: Scope) -> Attempt:
    principal = scope.get("state", {}).get("principal")
    attempt = Attempt(
        key,
        f"POST {scope['path']}",
        principal.token_id if principal else "",
        HTTPConnection(scope).headers.get("content-type", ""),
    )
    attempt.fingerprint.feed(scope["query_string"] + b"\n")
    return attempt


async def _in_thread(work: Callable[..., None], *args: Any) -> None:
    """Run in a thread of its own: those of the pool may all be waiting for the very transaction that this ends."""
    await to_thread.run_sync(work, *args, limiter=CapacityLimiter(1))


async def _refuse(error: AppError, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(error.problem(), int(error.status), media_type="application/problem+json")
    await response(scope, receive, send)
