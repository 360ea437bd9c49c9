"""A piece of a file on its way in: written at its place and made durable before the route asks for anything.

So a slow piece holds no turn, no thread and no transaction. The row says how much counts: what a crash has left in the
file beyond it is overwritten. A file is locked while a piece is written, so two requests cannot mix.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import update
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.bodies import drain, pieces
from app.db import Database, now
from app.db.tables import Upload
from app.errors import AppError, BadRequest, Conflict, NotFound, TooLarge, Unprocessable
from app.problems import answer
from app.specs.base import Problem
from app.storage import Storage
from app.uploads import service


class WrongOffset(Conflict):
    """The piece does not begin where the file goes on."""

    def __init__(self, message: str, offset: int, received: int) -> None:
        super().__init__(message, errors=[Problem(loc=["query", "offset"], msg=message, received=received)])
        self.offset = offset

    def problem(self) -> dict[str, Any]:
        """The body of the answer, with the offset that would be right."""
        return super().problem() | {"offset": self.offset}


class PieceRoute(APIRoute):
    """A route whose body is a piece of a file, received before anything else happens."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the receiving in front of it."""
        handle = super().get_route_handler()

        async def receive_and_handle(request: Request) -> Response:
            stream = request.stream()
            try:
                await _receive(request, stream)
            except AppError as error:  # the rest of the body will not be read, so nothing can follow it
                await drain(stream)
                return answer(request, error.problem(), {"Connection": "close"})
            return await handle(request)

        return receive_and_handle


async def _receive(request: Request, stream: AsyncIterator[bytes]) -> None:
    database, storage = request.app.state.database, Storage(request.app.state.settings.data_dir)
    upload_id, offset = request.path_params["upload_id"], _offset(request.query_params.get("offset", ""))
    piece = await run_in_threadpool(_Piece, database, storage, upload_id, offset)
    try:
        try:
            async for data in pieces(stream):
                await run_in_threadpool(piece.write, data)
        except ClientDisconnect as error:
            await run_in_threadpool(piece.settle)
            raise BadRequest("The upload broke off.") from error
        await run_in_threadpool(piece.settle)
    finally:
        piece.close()


def _offset(said: str) -> int:
    if said.isascii() and said.isdigit() and len(said) < 19:
        return int(said)
    message = "offset says at which byte of the file the piece begins"
    raise Unprocessable(message, errors=[Problem(loc=["query", "offset"], msg=message, received=said)])


class _Piece:
    """The file, open at `offset`. Raises NotFound and WrongOffset."""

    def __init__(self, database: Database, storage: Storage, upload_id: str, offset: int) -> None:
        self._database, self._id, self._offset = database, upload_id, offset
        with database.read() as session:
            upload = service.find(session, upload_id)
            self._size_bytes = upload.size_bytes
            path = service.place_of(storage, upload)
        try:
            self._file = path.open("r+b", buffering=0)
        except FileNotFoundError as error:
            raise NotFound(f"The file of the upload {upload_id} is gone.") from error
        try:
            self._claim()
        except BaseException:
            self._file.close()
            raise

    def _claim(self) -> None:
        """Lock the file, and only then ask how much of it counts."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            message = ""
        except BlockingIOError:
            message = "Another request is sending a piece of this file."
        with self._database.read() as session:
            num_received = service.find(session, self._id).num_received
        if message or num_received != self._offset:
            message = message or f"The file goes on at byte {num_received:,}, not at {self._offset:,}."
            raise WrongOffset(message, num_received, self._offset)
        self._end = self._offset
        self._file.truncate(self._offset)
        self._file.seek(self._offset)

    def write(self, data: bytes) -> None:
        """The next bytes. Raises TooLarge beyond the size that was said."""
        if self._end + len(data) > self._size_bytes:
            self._file.truncate(self._offset)
            raise TooLarge(f"More has come than the {self._size_bytes:,} bytes that the file was said to have.")
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(self._offset)  # a full disk is not left full
            raise
        self._end += len(data)

    def settle(self) -> None:
        """Make what has come durable, and then say so in the row. Raises NotFound."""
        os.fsync(self._file.fileno())
        mine = update(Upload).where(Upload.id == self._id, Upload.num_received == self._offset)
        with self._database.write() as session:
            settled = session.execute(mine.values(num_received=self._end, touched_at=now()).returning(Upload.id))
            if settled.first() is None:
                raise NotFound(f"There is no upload {self._id} any more.")

    def close(self) -> None:
        """Let others write."""
        self._file.close()
