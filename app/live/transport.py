"""How uvicorn carries the websocket: its own protocol, but for clients that take nothing in."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S = 2


class ImpatientProtocol(WebSocketsSansIOProtocol):
    """Cuts off, some time after the application has let it go, a client that does not take the rest of its data.

    Closing alone would wait for that client for ever, with the data in memory.
    """

    async def run_asgi(self) -> None:
        """Run the application for this socket."""
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(LINGER_S, self.transport.abort)


# For uvicorn.Config. Frames are small and shared by all clients: compressing them for each would cost more than it
# saves, and 50 KB of memory for each.
UVICORN: dict[str, Any] = {"ws": ImpatientProtocol, "ws_max_size": 1 << 16, "ws_per_message_deflate": False}
