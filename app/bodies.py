"""The body of a request as it streams in, for routes that receive it before anything else happens."""

from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect

PIECE_BYTES = 1 << 20
DRAINED_BYTES = 16 << 20  # beyond it, a client that does not listen while it sends hears only that it was cut off


async def pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The stream in pieces that are worth a thread's attention. What came before a connection was lost, comes too."""
    pending = bytearray()
    try:
        async for chunk in stream:
            pending += chunk
            if len(pending) >= PIECE_BYTES:
                yield bytes(pending)
                pending.clear()
    except ClientDisconnect:
        yield bytes(pending)
        raise
    yield bytes(pending)


async def drain(stream: AsyncIterator[bytes], max_bytes: int = DRAINED_BYTES) -> None:
    """Read on after a refusal, so that clients that only listen afterwards hear it."""
    num_bytes = 0
    try:
        async for chunk in stream:
            num_bytes += len(chunk)
            if num_bytes > max_bytes:
                return
    except ClientDisconnect:
        return
