"""What a client may say on the socket, and how it is told that something is wrong."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.live.buffer import to_json

MAX_MESSAGE_CHARACTERS = 1024
MAX_STREAMS = 200  # of one socket

# Codes with which the server closes a socket (4000 to 4999 are an application's own).
SIGNED_OUT = 4401
TOO_SLOW = 4008
TRY_AGAIN = 1013


class BadMessage(Exception):
    """A message that is not understood; its words are the client's to read."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    stream: Annotated[str, Field(min_length=1, max_length=64)]


class Subscribe(_Message):
    """Follow a stream: "runs", "workers", or a job's from after an event on."""

    type: Literal["subscribe"]
    after: Annotated[int, Field(ge=0, le=2**53)] = 0


class Unsubscribe(_Message):
    """No longer follow a stream."""

    type: Literal["unsubscribe"]


Message = Subscribe | Unsubscribe
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str) -> Message:
    """The message in a text. Raises BadMessage."""
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise BadMessage(f"A message has at most {MAX_MESSAGE_CHARACTERS} characters.")
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadMessage(f"{where}: {first['msg']}" if where else first["msg"]) from error


def error_frame(stream: str | None, message: str) -> str:
    """The message that says so."""
    return to_json({"type": "error", "stream": stream, "message": message})
