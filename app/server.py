"""Runs the server: binds the socket, says where it is and how to come in, and serves until told to stop."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from app.access import service as access
from app.live.transport import UVICORN
from app.main import create_app
from app.settings import Settings

_CLOSE_WITHIN_S = 5  # open websockets are closed then: clients resume with the next server


def serve(settings: Settings, say: Callable[[str], object], fd: int | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, on the socket of a file descriptor where one is handed over.

    Raises SystemExit when the address is taken.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_CLOSE_WITHIN_S,
        **UVICORN,
    )
    listening = config.bind_socket() if fd is None else socket.socket(fileno=fd)
    say(f"Traindeck is at {_link(app, settings, listening.getsockname()[1])}")
    uvicorn.Server(config).run(sockets=[listening])


def _link(app: FastAPI, settings: Settings, port: int) -> str:
    """An address that lets its reader in: with the token when it is new, else with one that works once."""
    token = app.state.clear_token
    if token is None:
        with app.state.database.write() as session:
            token = access.make_link(session)
    return f"http://{settings.reachable_host}:{port}/?token={token}"
