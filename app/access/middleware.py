"""What every request passes before it is routed, outermost first: headers, scrub, host, origin, token.

Plain ASGI, so that REST, pages, static files and websockets pass the very same checks, whatever their method. A path is
closed unless `is_open` says otherwise, so a route that someone adds is born closed.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.guard import Guard, TooManyGuesses, cookie_name
from app.access.service import SESSION_LIFETIME_S
from app.db import UNAVAILABLE
from app.errors import AppError, Forbidden, Unauthorized, Unavailable
from app.settings import Settings

OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz"})
OPEN_FOLDERS = ("/static/",)
REST = ("/api/", "/metrics")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?")

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(app: FastAPI, guard: Guard, settings: Settings) -> None:
    """Put every check in front of an application. Call it after all other middleware was added."""
    app.state.guard = guard
    app.add_middleware(TokenCheck, guard=guard)
    app.add_middleware(OriginCheck, allowed=settings.allowed_origins)
    app.add_middleware(HostCheck, allowed=(*LOCAL_HOSTS, settings.host, *settings.allowed_hosts))
    app.add_middleware(TokenScrub)
    app.add_middleware(SecurityHeaders)


class SecurityHeaders:
    """Says to browsers what no page of ours needs. A route that set a header itself keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send if scope["type"] == "lifespan" else send_with_headers)


class TokenScrub:
    """Takes `token=` out of the address, before anything can log it; `link_token` gives it to who may see it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # In place, not in a copy: the server logs the address from this very dict when the answer starts.
        if scope["type"] != "lifespan" and b"token" in scope["query_string"]:
            pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            kept = [(name, value) for name, value in pairs if name != "token"]
            if len(kept) < len(pairs):
                scope["traindeck.token"] = next(value for name, value in pairs if name == "token")
                scope["query_string"] = urlencode(kept).encode()
        await self.app(scope, receive, send)


def link_token(scope: Scope) -> str | None:
    """The token that came in the address."""
    token: str | None = scope.get("traindeck.token")
    return token


class HostCheck:
    """Answers to its own names only: a foreign name that was made to lead here is how DNS rebinding begins.

    Names are compared whole. One that is allowed without a port is allowed with any, for containers map ports.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = frozenset(_bracketed(host.strip().lower()) for host in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_allowed(_header(scope, b"host")):
            await self.app(scope, receive, send)
            return
        hint = "TRAINDECK_ALLOWED_HOSTS lists further names, as JSON."
        await refuse(Forbidden("This server does not go by that name.", hint=hint), scope, receive, send)

    def _is_allowed(self, host: str | None) -> bool:
        match = _HOST.fullmatch((host or "").lower())
        return match is not None and (match["name"] in self.allowed or match[0] in self.allowed)


def _bracketed(host: str) -> str:
    """An IPv6 address as a Host header has it."""
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


class OriginCheck:
    """Refuses what another site's page sends: anything that may change something, and websockets.

    Programs send no Origin and pass; `TokenCheck` asks more of a browser's cookie.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self.app = app
        self.allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not may_change(scope) or self._is_allowed(scope):
            await self.app(scope, receive, send)
            return
        hint = "TRAINDECK_ALLOWED_ORIGINS lists further origins, as JSON."
        await refuse(Forbidden("Another site's page may not do this.", hint=hint), scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        if not any(name == b"origin" for name, _ in scope["headers"]):
            return _header(scope, b"sec-fetch-site") in (None, "same-origin", "none")
        origin = (_header(scope, b"origin") or "").lower()
        if origin in self.allowed:
            return True
        # The scheme is left out: behind a proxy that ends TLS, the server does not know the browser's.
        scheme, _, host = origin.partition("://")
        return scheme in ("http", "https") and host == (_header(scope, b"host") or "").lower()


def may_change(scope: Scope) -> bool:
    """Whether a request is more than a look: an unsafe method, or a websocket."""
    return scope["type"] == "websocket" or (scope["type"] == "http" and scope["method"] not in SAFE_METHODS)


class TokenCheck:
    """Lets in who holds a token or a session, and keeps who it is as `request.state.principal`.

    A link with a token becomes a session and an address without it.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app = app
        self.guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or is_open(scope):
            await self.app(scope, receive, send)
            return
        try:
            answer = await self._admit(scope)
        except AppError as error:
            await refuse(error, scope, receive, send)
            return
        except UNAVAILABLE:
            await refuse(Unavailable(), scope, receive, send)
            return
        await (answer or self.app)(scope, receive, send)

    async def _admit(self, scope: Scope) -> Response | None:
        """None to whoever may pass, else where to go instead. Raises Unauthorized, Forbidden, TooManyGuesses."""
        connection = HTTPConnection(scope)
        token = link_token(scope)
        if token is not None and _is_page(scope):
            return await self._open_link(connection, token)
        principal = await self.guard.identify(connection, token if scope["type"] == "websocket" else None)
        if principal is None:
            if _is_page(scope):
                return RedirectResponse(_login_url(connection), 303)
            raise Unauthorized
        if principal.browser and may_change(scope) and not _is_from_page(scope):
            raise Forbidden("A browser's session may do this from its own pages only.")
        scope.setdefault("state", {})["principal"] = principal
        return None

    async def _open_link(self, connection: HTTPConnection, token: str) -> Response:
        value = await self.guard.sign_in(connection, token)
        if value is None:
            return RedirectResponse(_login_url(connection), 303)
        response = RedirectResponse(_address(connection), 303)
        set_cookie(response, connection, value)
        return response


def is_open(scope: Scope) -> bool:
    """Whether a path needs no token. Websockets always do."""
    path: str = scope["path"]
    return scope["type"] == "http" and (path in OPEN_PATHS or path.startswith(OPEN_FOLDERS))


def _is_page(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and not scope["path"].startswith(REST)


def _is_from_page(scope: Scope) -> bool:
    """Whether a browser says that a page of ours sent this. An Origin has been checked by now."""
    return _header(scope, b"origin") is not None or _header(scope, b"sec-fetch-site") == "same-origin"


def set_cookie(response: Response, connection: HTTPConnection, value: str) -> None:
    """Give a browser its session.

    Lax, not Strict: a link to a run in a chat or a mail must find the reader signed in, and no GET changes anything.
    """
    response.set_cookie(
        cookie_name(connection),
        value,
        max_age=SESSION_LIFETIME_S,
        httponly=True,
        samesite="lax",
        secure=connection.url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"


def local_path(address: str) -> str:
    """An address to go on to, if it is one of ours, else the front page. Browsers read `/\\` and `/<tab>/` as `//`."""
    is_plain = all(" " < character != "\\" for character in address)
    is_local = is_plain and address.startswith("/") and not address.startswith("//")
    return address if is_local and not urlsplit(address).netloc else "/"


def _address(connection: HTTPConnection) -> str:
    """A request's own path and query, which `TokenScrub` has cleaned."""
    query = connection.url.query
    path = "/" + quote(connection.scope["path"].lstrip("/"))
    return f"{path}?{query}" if query else path


def _login_url(connection: HTTPConnection) -> str:
    return "/login?" + urlencode({"next": _address(connection)})


def _header(scope: Scope, name: bytes) -> str | None:
    """A header that may come once: twice is as good as none, for two readers could choose differently."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


async def refuse(error: AppError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a problem; to a websocket too, in place of its handshake."""
    response = JSONResponse(error.problem(), int(error.status), media_type="application/problem+json")
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = 'Bearer realm="traindeck"'
    if isinstance(error, TooManyGuesses):
        response.headers["Retry-After"] = str(error.wait_s)
    response.headers["Cache-Control"] = "no-store"
    await response(scope, receive, send)
