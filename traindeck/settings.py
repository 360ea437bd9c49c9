"""Where the server is, how it lets us in, and where points wait: given, or from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Settings:
    """What the client needs to know; checked."""

    url: str
    token: str
    spool_dir: Path

    @classmethod
    def of(cls, url: str | None = None, token: str | None = None, spool_dir: str | Path | None = None) -> "Settings":
        """What is given, else what the environment says. Raises ValueError for a URL that is none."""
        url = (url or os.environ.get("TRAINDECK_URL") or DEFAULT_URL).rstrip("/")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url must begin with http:// or https:// and name a host. Received: {url!r}")
        token = os.environ.get("TRAINDECK_TOKEN", "") if token is None else token
        if not (token.isascii() and token.isprintable()):
            raise ValueError("token has characters that a token cannot have")
        folder = spool_dir or os.environ.get("TRAINDECK_SPOOL_DIR") or Path("~/.traindeck/spool")
        return cls(url, token, Path(folder).expanduser())
