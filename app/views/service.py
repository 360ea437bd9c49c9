"""How people have arranged pages. Plain functions on a session; the caller commits.

A view is its principal's own, one for each key, or shared: then it belongs to nobody, never changes, and is found by
its id, which is also its key in the table.
"""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.db import now
from app.db.tables import View
from app.errors import NotFound
from app.ids import new_id
from app.views.schemas import ViewOut

SHARED = ""  # the principal of what belongs to nobody
_MARK = "shared_key"


def get_view(session: Session, principal: str, key: str) -> ViewOut:
    """What a principal has kept under a key; an empty body when there is nothing yet."""
    row = _own(session, principal, key)
    if row is None:
        return ViewOut(id=None, key=key, body={}, updated_at=None)
    return ViewOut(id=row.id, key=row.key, body=row.body, updated_at=row.updated_at)


def put_view(session: Session, principal: str, key: str, body: dict[str, Any]) -> ViewOut:
    """Keep a body under a key, in place of what was there."""
    row = _own(session, principal, key)
    if row is None:
        row = View(principal=principal, key=key)
        session.add(row)
    row.body, row.updated_at = body, now()
    session.flush()
    return ViewOut(id=row.id, key=row.key, body=row.body, updated_at=row.updated_at)


def delete_view(session: Session, principal: str, key: str) -> None:
    """Forget what is kept under a key, if anything is."""
    session.execute(delete(View).where(View.principal == principal, View.key == key))


def share_view(session: Session, key: str, body: dict[str, Any]) -> str:
    """Keep a body for whoever has its id, which is returned."""
    view_id = new_id()
    session.add(View(id=view_id, principal=SHARED, key=view_id, body={_MARK: key, "body": body}, updated_at=now()))
    session.flush()
    return view_id


def get_shared(session: Session, view_id: str) -> ViewOut:
    """A shared body. Raises NotFound."""
    row = session.get(View, view_id)
    if row is None or row.principal != SHARED:
        raise NotFound("There is no shared view behind this link.")
    return ViewOut(id=row.id, key=row.body[_MARK], body=row.body["body"], updated_at=row.updated_at)


def _own(session: Session, principal: str, key: str) -> View | None:
    return session.scalars(select(View).where(View.principal == principal, View.key == key)).one_or_none()
