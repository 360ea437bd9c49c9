"""The websocket. Whoever gets here was let in by `app.access.middleware`, by cookie, header or `?token=`."""

import asyncio
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.live.follower import Follower
from app.live.hub import Hub
from app.live.protocol import TOO_SLOW

router = APIRouter()
_CLOSE_WITHIN_S = 1
_NORMAL = 1000


@router.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """Follow any number of streams: see `docs/api.md` for the messages."""
    hub: Hub = websocket.app.state.hub
    await websocket.accept()
    follower = Follower(hub, websocket.state.principal, websocket.send_text)
    hub.followers.add(follower)
    try:
        code = await _serve(websocket, follower)
    finally:
        hub.followers.discard(follower)
        follower.leave()
    await _close(websocket, code)


async def _serve(websocket: WebSocket, follower: Follower) -> int | None:
    """Hear and tell until one of them, or the server, ends it: with a code, or None when the client has gone."""
    hearing = asyncio.create_task(_hear(websocket, follower))
    telling = asyncio.create_task(follower.tell())
    try:
        ends: set[asyncio.Future[Any]] = {hearing, telling, follower.ended}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hearing.cancel()
        telling.cancel()
        heard, told = await asyncio.gather(hearing, telling, return_exceptions=True)
    for error in (heard, told):
        if isinstance(error, TimeoutError):
            return TOO_SLOW
        if isinstance(error, WebSocketDisconnect):
            return None
        if isinstance(error, Exception):
            raise error
    return follower.ended.result() if follower.ended.done() else _NORMAL


async def _hear(websocket: WebSocket, follower: Follower) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", _NORMAL))
        await follower.hear(message.get("text") or "")


async def _close(websocket: WebSocket, code: int | None) -> None:
    """Say goodbye. To a client that takes nothing in, not even that can be said for long."""
    if code is not None:
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await websocket.close(code)
