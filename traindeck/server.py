"""The server, as the client sees it: JSON goes there, and either an answer, a refusal or nothing comes back."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from traindeck.settings import Settings

TIMEOUT_S = 15.0
_LATER = frozenset({401, 403, 408, 425, 429})  # and all from 500: what may well be taken when it is sent again
_GONE = frozenset({404, 409, 410})


class Away(Exception):
    """It cannot be delivered now: the server does not answer, or not with yes or no."""


class Refused(Exception):
    """The server has understood this and will never take it."""


class Gone(Refused):
    """The run itself takes nothing more from us: it was deleted, has ended, or another has taken it up."""


class Server:
    """One connection, kept open between requests. For one thread at a time."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.url)
        connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = connect(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._prefix = f"{parts.path}/api/v1"
        self._headers = {"Content-Type": "application/json", "Authorization": f"Bearer {settings.token}"}

    def post(self, path: str, body: bytes) -> dict[str, Any]:
        """The answer. Raises Away, Refused, and Gone."""
        try:
            status, kind, answer = self._exchange(path, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Away(f"{type(error).__name__}: {error}") from error
        try:
            told = json.loads(answer)
        except ValueError:
            told = None
        if not isinstance(told, dict) or (status >= 400 and "problem" not in kind):
            raise Away(f"it answered {status}, not as Traindeck does")
        if status < 300:
            return told
        words = f"{status}: {told.get('detail') or told.get('title')}"
        if status in _LATER or status >= 500:
            raise Away(words)
        raise Gone(words) if status in _GONE else Refused(words)

    def close(self) -> None:
        """The next request connects anew."""
        self._connection.close()

    def _exchange(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        was_open = self._connection.sock is not None
        try:
            return self._ask(path, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            if not was_open:
                raise
            self.close()  # a server closes connections that were idle: that is no reason to wait
            return self._ask(path, body)

    def _ask(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        self._connection.request("POST", self._prefix + path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()
