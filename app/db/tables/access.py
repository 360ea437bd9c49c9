"""Who may come in, and which requests were already answered."""

from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import ID, Base
from app.ids import new_id


class Token(Base):
    """An access token, kept as its SHA-256 alone: it is 256 random bits, so no slow hash is needed."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]


class BrowserSession(Base):
    """What a browser's cookie stands for; gone when its token is."""

    __tablename__ = "browser_sessions"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    token_id: Mapped[str] = mapped_column(ID, ForeignKey("tokens.id", ondelete="CASCADE"))
    created_at: Mapped[float]


class View(Base):
    """How a person has arranged a page: panels, columns, saved filters. Theirs, or shared under a name of ours."""

    __tablename__ = "views"
    __table_args__ = (UniqueConstraint("principal", "key"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    principal: Mapped[str]  # the token's id; "" for a view that is shared with everyone
    key: Mapped[str]  # "run-panels", "runs-columns", …
    body: Mapped[dict[str, Any]]
    updated_at: Mapped[float]


class IdempotencyKey(Base):
    """The first answer to a POST, given again to whoever repeats it with the same key."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)  # "POST /api/v1/runs"
    principal: Mapped[str] = mapped_column(primary_key=True)  # the token's id: two people may choose the same key
    request_sha256: Mapped[str]
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None]
    created_at: Mapped[float]
