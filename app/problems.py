"""Every refusal in one shape: RFC 9457 problem+json for the API, a page in words for a browser."""

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from app import pages
from app.errors import AppError, DiskFull, Unprocessable, is_disk_full
from app.specs.base import SpecError, problems

_log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


def install(app: FastAPI) -> None:
    """Render every error of `app` here."""
    app.add_exception_handler(AppError, _app_error)  # type: ignore[arg-type]
    app.add_exception_handler(SpecError, _spec_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _validation_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _http_error)  # type: ignore[arg-type]
    app.add_exception_handler(DBAPIError, _database_error)  # type: ignore[arg-type]
    app.add_exception_handler(PoolTimeout, _unavailable)
    app.add_exception_handler(OSError, _disk_error)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, _fault)


def answer(request: Request, problem: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """A problem as the asker can read it: a browser that wants a page gets one."""
    wants_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")
    if wants_page:
        return pages.error_page(request, problem, headers)
    return JSONResponse(problem, problem["status"], headers, MEDIA_TYPE)


def _app_error(request: Request, error: AppError) -> Response:
    return answer(request, error.problem())


def _spec_error(request: Request, error: SpecError) -> Response:
    return answer(request, Unprocessable.of(error).problem())


def _validation_error(request: Request, error: RequestValidationError) -> Response:
    found = problems(_without_tag(error))
    for problem in found:
        if problem.loc and problem.loc[0] in ("body", "query", "path", "header"):
            problem.loc.pop(0)
    return answer(request, Unprocessable("; ".join(one.msg for one in found), errors=found).problem())


def _without_tag(error: RequestValidationError) -> RequestValidationError:
    """Where the body is one of several, by its `type`, Pydantic puts that into the place: no field is called so."""
    tag = error.body.get("type") if isinstance(error.body, dict) else None
    items = [
        item | {"loc": ("body", *item["loc"][2:])} if item["loc"][:2] == ("body", tag) else item
        for item in error.errors()
    ]
    return RequestValidationError(items, body=error.body)


def _http_error(request: Request, error: HTTPException) -> Response:
    problem = {"type": "about:blank", "title": error.detail, "status": error.status_code, "detail": error.detail}
    return answer(request, problem | {"errors": []}, dict(error.headers or {}))


def _database_error(request: Request, error: DBAPIError) -> Response:
    if isinstance(error, DataError) and "NUL" in str(error.orig):  # in an address, where no specification looks first
        return answer(request, Unprocessable("Text may not hold the character NUL (\\x00).").problem())
    if not isinstance(error, OperationalError | InterfaceError):
        _log.error("a statement failed", exc_info=error)  # it answers, but was asked wrongly: our fault
        return _fault(request, error)
    return _unavailable(request, error)


def _unavailable(request: Request, error: Exception) -> Response:
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The database does not answer; try again in a moment.",
        "errors": [],
    }
    return answer(request, problem, {"Retry-After": "2"})


def _disk_error(request: Request, error: OSError) -> Response:
    if not is_disk_full(error):
        raise error
    _log.error("the disk is full")
    return answer(request, DiskFull().problem(), {"Connection": "close"})  # a body may not have been read to its end


def _fault(request: Request, error: Exception) -> Response:
    problem = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "Something went wrong in Traindeck itself; the server's log has the details.",
        "errors": [],
    }
    return answer(request, problem)
