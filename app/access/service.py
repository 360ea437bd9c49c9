"""Tokens and browser sessions: who may come in, until when. Only hashes are kept.

A token is 256 random bits, so SHA-256 keeps it as well as a slow hash would; guessing a shorter one that a user chose
is what `app.access.guard` slows down. A browser never holds a token: it trades one for a session, whose row hangs on
the token's and goes with it.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import BrowserSession, Token
from app.errors import Conflict, NotFound
from app.settings import Settings

_log = logging.getLogger(__name__)

MAIN = "main"  # the token of the terminal's link, or of TRAINDECK_TOKEN
LINK = "link"  # opens one browser session, once
SESSION_LIFETIME_S = 30 * 24 * 3600
_SHORT = 16


@dataclass(frozen=True)
class Principal:
    """Who makes a request: the token, and the hash of what proved it. `browser`: a cookie did, not the token."""

    token_id: str
    sha256: str
    browser: bool = False


def hashed(secret: str) -> str:
    """A secret as it is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ensure_token(session: Session, settings: Settings) -> str | None:
    """Make sure that there is a way in. Returns the main token where it is known: given in settings, or just made.

    Another TRAINDECK_TOKEN than before revokes the one before. Raises Conflict when the one given was revoked.
    """
    _lock(session)
    if settings.token:
        return _adopt(session, settings.token)
    active = session.scalar(select(Token).where(Token.name == MAIN, Token.revoked_at.is_(None)))
    return None if active else create(session, MAIN)


def _adopt(session: Session, token: str) -> str:
    """Make a token that the user chose the main one."""
    if len(token) < _SHORT:
        _log.warning("TRAINDECK_TOKEN is shorter than %d characters: easy to guess.", _SHORT)
    known = session.scalar(select(Token).where(Token.sha256 == hashed(token)))
    if known is None:
        _revoke_named(session, MAIN)
        _add(session, MAIN, token)
    elif known.revoked_at is not None:
        raise Conflict("The token in TRAINDECK_TOKEN was revoked.", hint="Set another one.")
    return token


def create_named(session: Session, name: str) -> str:
    """A new token for whoever asks for one. Raises Conflict when the name is in use, or kept for our own."""
    if name in (MAIN, LINK):
        raise Conflict(f"The name {name!r} is kept for Traindeck's own tokens.", hint="Choose another name.")
    return create(session, name)


def create(session: Session, name: str) -> str:
    """A new token, in clear for this once. Raises Conflict when a token of that name is in use."""
    if session.scalar(select(Token.id).where(Token.name == name, Token.revoked_at.is_(None))):
        raise Conflict(f"There is a token named {name!r}.", hint="Rotate it, or choose another name.")
    token = secrets.token_urlsafe(32)
    _add(session, name, token)
    return token


def rotate(session: Session, name: str = MAIN) -> str:
    """A new token in place of the one of that name, which stops at once, its browsers with it. Raises NotFound."""
    _lock(session)
    if not _revoke_named(session, name) and name not in (MAIN, LINK):  # those two there may be whenever one asks
        raise NotFound(f"There is no token named {name!r}.")
    return create(session, name)


def make_link(session: Session) -> str:
    """A token that opens one browser session and nothing else; an earlier one that was not used stops."""
    return rotate(session, LINK)


def revoke(session: Session, name: str) -> None:
    """Stop a token, and every browser that came in with it. Raises NotFound."""
    if not _revoke_named(session, name):
        raise NotFound(f"There is no token named {name!r}.")


def list_tokens(session: Session) -> list[Token]:
    """Every token that was ever made, links aside, oldest first."""
    return list(session.scalars(select(Token).where(Token.name != LINK).order_by(Token.id)))


def verify(session: Session, token: str) -> Principal | None:
    """The principal of a token, if it holds."""
    row = _active(session, token)
    return Principal(row.id, row.sha256) if row and row.name != LINK else None


def sign_in(session: Session, token: str) -> str | None:
    """Open a browser session for a token or a link that holds, and return the cookie's value."""
    row = _active(session, token)
    if row is None:
        return None
    token_id = row.id
    if row.name == LINK:
        main = session.scalar(select(Token).where(Token.name == MAIN, Token.revoked_at.is_(None)))
        if not _revoke_named(session, row.id) or main is None:  # somebody else has used it at the same moment
            return None
        token_id = main.id
    session.execute(delete(BrowserSession).where(BrowserSession.created_at < now() - SESSION_LIFETIME_S))
    value = secrets.token_urlsafe(32)
    created_at = session.scalar(select(now())) or 0.0
    session.add(BrowserSession(sha256=hashed(value), token_id=token_id, created_at=created_at))
    session.flush()
    return value


def verify_browser(session: Session, value: str) -> Principal | None:
    """The principal of a cookie, if it holds."""
    digest = hashed(value)
    token_id = session.scalar(_living_sessions().where(BrowserSession.sha256 == digest))
    return Principal(token_id, digest, browser=True) if token_id else None


def sign_out(session: Session, value: str) -> None:
    """End a browser session."""
    session.execute(delete(BrowserSession).where(BrowserSession.sha256 == hashed(value)))


def still_valid(session: Session, principals: Iterable[Principal]) -> set[Principal]:
    """Those of some principals that would still be let in."""
    asked = set(principals)
    digests = [principal.sha256 for principal in asked]
    tokens = select(Token.sha256).where(Token.sha256.in_(digests), Token.revoked_at.is_(None))
    browsers = _living_sessions().with_only_columns(BrowserSession.sha256).where(BrowserSession.sha256.in_(digests))
    alive = set(session.scalars(tokens)) | set(session.scalars(browsers))
    return {principal for principal in asked if principal.sha256 in alive}


def _active(session: Session, token: str) -> Token | None:
    """The row of a token that holds. Found by its hash, which tells a clock nothing of the token."""
    digest = hashed(token)
    row = session.scalar(select(Token).where(Token.sha256 == digest, Token.revoked_at.is_(None)))
    return row if row and hmac.compare_digest(row.sha256, digest) else None


def _living_sessions() -> Select[str]:
    return (
        select(BrowserSession.token_id)
        .join(Token, Token.id == BrowserSession.token_id)
        .where(Token.revoked_at.is_(None), BrowserSession.created_at >= now() - SESSION_LIFETIME_S)
    )


def _add(session: Session, name: str, token: str) -> None:
    created_at = session.scalar(select(now())) or 0.0
    session.add(Token(name=name, sha256=hashed(token), created_at=created_at, revoked_at=None))
    session.flush()


def _revoke_named(session: Session, name: str) -> bool:
    """Revoke by name or id. The row stays, so that a token once revoked is known as such."""
    ids = list(
        session.scalars(
            update(Token)
            .where(or_(Token.name == name, Token.id == name), Token.revoked_at.is_(None))
            .values(revoked_at=func.coalesce(Token.revoked_at, now()))
            .returning(Token.id)
            .execution_options(synchronize_session=False)
        )
    )
    session.execute(delete(BrowserSession).where(BrowserSession.token_id.in_(ids)))
    return bool(ids)


def _lock(session: Session) -> None:
    """One process at a time: two that start together on a new database must not make two tokens."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE tokens IN SHARE ROW EXCLUSIVE MODE"))
