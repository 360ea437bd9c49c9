"""How uvicorn carries the websocket: its own protocol, but for frames that many take and clients that take none in."""

from functools import lru_cache
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

LINGER_S = 2
SHARED_CHARACTERS = 1 << 16  # longer frames are snapshots, which few take


def framed(text: str) -> bytes:
    """A message as it goes over the wire (RFC 6455, section 5.2): from a server, so without a mask."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


# The readers of a stream share the very text of a frame, so a thousand of them cost one encoding and a thousand writes.
_framed_once = lru_cache(maxsize=64)(framed)


class ImpatientProtocol(WebSocketsSansIOProtocol):
    """Cuts off, some time after the application has let it go, a client that does not take the rest of its data.

    Closing alone would wait for that client for ever, with the data in memory.
    """

    async def send(self, message: Any) -> None:
        """Carry what the application says; text of an open socket past the machinery that would encode it for each."""
        text = message.get("text") if message["type"] == "websocket.send" else None
        if text is None or not self._is_open():
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or not self._is_open():
            raise ClientDisconnected
        self.transport.write(_framed_once(text) if len(text) <= SHARED_CHARACTERS else framed(text))

    def _is_open(self) -> bool:
        is_answered = self.handshake_complete and self.initial_response is None
        return is_answered and not self.close_sent and self.conn.state is State.OPEN

    async def run_asgi(self) -> None:
        """Run the application for this socket."""
        await super().run_asgi()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(LINGER_S, self.transport.abort)


# For uvicorn.Config. Frames are small and shared by all clients: compressing them for each would cost more than it
# saves, and 50 KB of memory for each.
UVICORN: dict[str, Any] = {"ws": ImpatientProtocol, "ws_max_size": 1 << 16, "ws_per_message_deflate": False}
