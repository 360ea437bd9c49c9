"""Kept arrangements of pages over REST."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from app.dependencies import Reading, Writing
from app.views import service
from app.views.schemas import Key, ViewIn, ViewOut, ViewShare

router = APIRouter(prefix="/views", tags=["views"])
KeyInPath = Annotated[Key, Path()]


@router.post("/share", status_code=201)
def share(view: ViewShare, session: Writing) -> dict[str, str]:
    """Keep an arrangement for whoever has the link; it never changes."""
    return {"id": service.share_view(session, view.key, view.body)}


@router.get("/shared/{view_id}")
def get_shared(view_id: str, session: Reading) -> ViewOut:
    """A shared arrangement."""
    return service.get_shared(session, view_id)


@router.get("/{key}")
def get(key: KeyInPath, request: Request, session: Reading) -> ViewOut:
    """What this token has kept under a key."""
    return service.get_view(session, _principal(request), key)


@router.put("/{key}")
def put(key: KeyInPath, view: ViewIn, request: Request, session: Writing) -> ViewOut:
    """Keep an arrangement under a key, in place of what was there."""
    return service.put_view(session, _principal(request), key, view.body)


@router.delete("/{key}", status_code=204)
def delete(key: KeyInPath, request: Request, session: Writing) -> None:
    """Forget what is kept under a key."""
    service.delete_view(session, _principal(request), key)


def _principal(request: Request) -> str:
    token_id: str = request.state.principal.token_id
    return token_id
