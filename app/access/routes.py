"""Signing in and out. The form itself is a page like the others, in `app.pages`."""

from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.access.guard import Guard, TooManyGuesses, cookie_name
from app.access.middleware import local_path, set_cookie
from app.errors import AppError, BadRequest, TooLarge, Unauthorized
from app.pages import templates

MAX_FORM_BYTES = 8192

router = APIRouter(include_in_schema=False)


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Trade a token for a session, and go on to where the browser wanted to go."""
    form = await _read_form(request)
    address = local_path(form.get("next", "/"))
    try:
        value = await _guard(request).sign_in(request, form.get("token", "").strip())
        if value is None:
            raise Unauthorized("That token does not hold.")
    except AppError as error:
        return _form_again(request, error, address)
    response = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    set_cookie(response, request, value)
    return response


@router.post("/logout")
async def sign_out(request: Request) -> Response:
    """End the browser's session."""
    await _guard(request).sign_out(request)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(cookie_name(request), httponly=True, samesite="lax")
    return response


async def _read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Whoever sends it is not known yet, so it is small or refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge("A login form is smaller than this.")
    try:
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    except ValueError as error:
        raise BadRequest("A login form is text.") from error


def _form_again(request: Request, error: AppError, address: str) -> Response:
    context = {"next": address, "error": error.message}
    headers = {"Retry-After": str(error.wait_s)} if isinstance(error, TooManyGuesses) else None
    return templates.TemplateResponse(request, "login.html", context, status_code=int(error.status), headers=headers)


def _guard(request: Request) -> Guard:
    guard: Guard = request.app.state.guard
    return guard
