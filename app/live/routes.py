"""The websocket. Whoever gets here was let in by `app.access.middleware`, by cookie, header or `?token=`."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from anyio import create_task_group
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.db import UNAVAILABLE
from app.live.follower import Follower
from app.live.hub import Hub
from app.live.protocol import TOO_SLOW, TRY_AGAIN

router = APIRouter()
_CLOSE_WITHIN_S = 1


@router.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """Follow any number of streams: see `docs/live-protocol.md` for the messages."""
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
    """Hear and tell until one of them, or the hub, ends it. Returns the code to say, None when the client has gone."""
    async with create_task_group() as tasks:
        tasks.start_soon(_hear, websocket, follower)
        tasks.start_soon(_tell, follower)
        code = await follower.ended
        tasks.cancel_scope.cancel()
    return code


async def _hear(websocket: WebSocket, follower: Follower) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            follower.end(None)
            return
        with _ending(follower):
            await follower.hear(message.get("text") or "")


async def _tell(follower: Follower) -> None:
    with _ending(follower):
        await follower.tell()


@contextmanager
def _ending(follower: Follower) -> Iterator[None]:
    """What ends a socket, as the code that says so."""
    try:
        yield
    except TimeoutError:
        follower.end(TOO_SLOW)
    except WebSocketDisconnect:
        follower.end(None)
    except UNAVAILABLE:
        follower.end(TRY_AGAIN)


async def _close(websocket: WebSocket, code: int | None) -> None:
    """Say goodbye. To a client that takes nothing in, not even that can be said for long."""
    if code is not None:
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await websocket.close(code)
