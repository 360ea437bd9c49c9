"""Tells who makes a request, for REST, pages and websockets alike, and slows down who guesses."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from app.access import service
from app.access.service import Principal
from app.db import Database
from app.errors import TooManyRequests

COOKIE = "traindeck"
MAX_HELD = 1000  # tokens that are remembered as having held

T = TypeVar("T")


class TooManyGuesses(TooManyRequests):
    """Too many wrong tokens from here."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many wrong tokens from here; wait {wait_s} s.")
        self.wait_s = wait_s


@dataclass
class Throttle:
    """Counts wrong secrets for each address: `limit` different ones in `window_s` seconds, then a pause.

    One wrong token repeated, as a program with an old one does, is no guess; each attempt at the login form is.
    """

    limit: int = 10
    window_s: float = 60
    max_addresses: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _wrong: OrderedDict[str, dict[str, float]] = field(default_factory=OrderedDict)

    def check(self, address: str) -> None:
        """Raises TooManyGuesses while an address has to wait."""
        recent = self._recent(address)
        if len(recent) >= self.limit:
            raise TooManyGuesses(max(1, round(self.window_s - (self.clock() - min(recent.values())))))

    def wrong(self, address: str, guess: str) -> None:
        """Note a wrong secret."""
        recent = self._recent(address)
        recent[guess] = self.clock()
        self._wrong[address] = recent
        self._wrong.move_to_end(address)
        while len(self._wrong) > self.max_addresses:
            self._wrong.popitem(last=False)

    def right(self, address: str, guess: str) -> None:
        """It was none: take back what `wrong` noted."""
        self._wrong.get(address, {}).pop(guess, None)

    def _recent(self, address: str) -> dict[str, float]:
        since = self.clock() - self.window_s
        return {guess: at for guess, at in self._wrong.get(address, {}).items() if at > since}


@dataclass
class _Verdict:
    """Whether a secret holds; None while that is not known."""

    holds: bool | None = None


class Guard:
    """The one place where a request's secrets are weighed. Database work is done in a thread."""

    def __init__(self, db: Database, throttle: Throttle | None = None) -> None:
        self.db = db
        self.throttle = throttle or Throttle()
        self._num_logins = 0
        self._held: OrderedDict[str, None] = OrderedDict()  # hashes of tokens that have held before

    async def identify(self, connection: HTTPConnection, token: str | None = None) -> Principal | None:
        """Who makes a request, by its Authorization header, else by `token`, else by its cookie.

        Raises TooManyGuesses to who has guessed too often.
        """
        bearer = _bearer(connection)
        token = token if bearer is None else bearer
        if token is not None:
            return await self._by_token(address_of(connection), token)
        cookie = connection.cookies.get(cookie_name(connection))
        return await run_in_threadpool(self._read, service.verify_browser, cookie) if cookie else None

    async def _by_token(self, address: str, token: str) -> Principal | None:
        digest = service.hashed(token)
        with self._weighing(address, digest, guess=digest) as verdict:
            principal = await run_in_threadpool(self._read, service.verify, token)
            verdict.holds = principal is not None
        if principal is not None:
            self._note_held(digest)
        return principal

    @contextmanager
    def _weighing(self, address: str, digest: str, guess: str) -> Iterator["_Verdict"]:
        """While a secret is looked up it counts as a guess, or any number could be made at once.

        One that has held before is none, whoever guesses from behind the same proxy. Raises TooManyGuesses.
        """
        verdict = _Verdict()
        if digest not in self._held:
            self.throttle.check(address)
            self.throttle.wrong(address, guess)
        try:
            yield verdict
        finally:
            if verdict.holds is False:
                self._held.pop(digest, None)
                self.throttle.wrong(address, guess)
            else:  # it holds, or the database could not say
                self.throttle.right(address, guess)

    def _note_held(self, digest: str) -> None:
        self._held[digest] = None
        self._held.move_to_end(digest)
        while len(self._held) > MAX_HELD:
            self._held.popitem(last=False)

    async def sign_in(self, connection: HTTPConnection, token: str) -> str | None:
        """The value of a new session's cookie, for a token that holds. Raises TooManyGuesses."""
        self._num_logins += 1
        with self._weighing(address_of(connection), service.hashed(token), f"login {self._num_logins}") as verdict:
            value = await run_in_threadpool(self._write, service.sign_in, token)
            verdict.holds = value is not None
        return value

    async def sign_out(self, connection: HTTPConnection) -> None:
        """End the session of a request's cookie."""
        if cookie := connection.cookies.get(cookie_name(connection)):
            await run_in_threadpool(self._write, service.sign_out, cookie)

    def _read(self, ask: Callable[..., T], secret: str) -> T:
        with self.db.read() as session:
            return ask(session, secret)

    def _write(self, ask: Callable[..., T], secret: str) -> T:
        with self.db.write() as session:
            return ask(session, secret)


def _bearer(connection: HTTPConnection) -> str | None:
    """The token of an Authorization header; an empty one, which never holds, for a header of another kind."""
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def address_of(connection: HTTPConnection) -> str:
    """Where a request comes from, as the throttle counts it."""
    return connection.client.host if connection.client else "unknown"


def cookie_name(connection: HTTPConnection) -> str:
    """Browsers share cookies between the ports of a host, so the name has the port in it, as the browser sees it."""
    _, _, port = connection.headers.get("host", "").rpartition(":")
    return f"{COOKIE}_{port}" if port.isdecimal() else COOKIE
