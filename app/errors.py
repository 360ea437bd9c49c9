"""Everything the server can refuse. Each class knows its status; its docstring is its default message.

`app.main` renders them as RFC 9457 problem+json; pages render them as a page of words.
"""

import errno
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from app.specs.base import Problem, SpecError


class AppError(Exception):
    """Something went wrong."""

    status: HTTPStatus = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str = "", *, errors: Sequence[Problem] = (), hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.errors = list(errors)
        self.hint = hint
        super().__init__(self.message)

    def problem(self) -> dict[str, Any]:
        """The body of the answer, as RFC 9457 has it, with the places of all errors."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.message,
            "errors": [error.model_dump(mode="json") for error in self.errors],
        }
        return body | ({"hint": self.hint} if self.hint else {})


class BadRequest(AppError):
    """The request could not be understood."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(AppError):
    """A token is needed: the terminal that started the server shows a link with it."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(AppError):
    """This is not allowed from here."""

    status = HTTPStatus.FORBIDDEN


class NotFound(AppError):
    """There is no such thing here."""

    status = HTTPStatus.NOT_FOUND


class Conflict(AppError):
    """The state of things does not allow this now."""

    status = HTTPStatus.CONFLICT


class NotReady(Conflict):
    """This is still being made; try again in a few seconds."""


class TooLarge(AppError):
    """This is larger than the server takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Unsupported(AppError):
    """This kind of file is not one the server reads."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Unprocessable(AppError):
    """Something in the request does not fit."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    @classmethod
    def of(cls, error: SpecError) -> "Unprocessable":
        """The answer to a specification that does not hold."""
        return cls(str(error), errors=error.errors)


class DiskFull(AppError):
    """The disk of the server is full, so nothing more can be kept."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    def __init__(self) -> None:
        super().__init__(hint="Make room, for example by deleting datasets or runs that nobody needs; then try again.")


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk, or what one may use of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class TooManyRequests(AppError):
    """Too many attempts; wait a moment."""

    status = HTTPStatus.TOO_MANY_REQUESTS


class Unavailable(AppError):
    """The database does not answer; try again in a moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class JobFailure(Exception):
    """Ends a job as failed, with a kind to filter by, words for a person, and what to try.

    Raised in a worker, and by what the server shares with it to look at data beforehand.
    """

    def __init__(self, kind: str, message: str, hint: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.hint, self.details = kind, message, hint, details or {}

    def as_error(self) -> dict[str, Any]:
        """The failure as the job's row keeps it."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint, **self.details}
