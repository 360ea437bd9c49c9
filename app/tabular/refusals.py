"""How much of a file is taken, and the words in which one is refused."""

from dataclasses import dataclass

from app.errors import AppError, Unprocessable
from app.specs.base import Problem


@dataclass(frozen=True)
class Limits:
    """How much of a file is taken."""

    file_bytes: int
    field_bytes: int


def refusal(
    kind: type[AppError], line: int, message: str, received: str | None = None, *, hint: str | None = None
) -> AppError:
    """The answer to a file that is wrong at a line."""
    problem = Problem(loc=["file", line], msg=message, received=received)
    return kind(f"Line {line:,}: {message}.", errors=[problem], hint=hint)


def whole_refusal(message: str, received: object = None) -> Unprocessable:
    """The answer to a file that is wrong as a whole."""
    return Unprocessable(message, errors=[Problem(loc=["file"], msg=message, received=received)])


def size(num_bytes: int) -> str:
    """A limit in words."""
    for unit, unit_bytes in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if num_bytes >= unit_bytes:
            return f"{num_bytes / unit_bytes:.4g} {unit}"
    return f"{num_bytes} bytes"
