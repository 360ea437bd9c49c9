"""The body of `POST /datasets` on its way in: JSON, or a form with a file that goes to the disk as it is checked.

A form is not gathered first: a file that does not fit is refused at the byte that shows it, however much would follow.
This happens before the route's dependencies, so a slow upload holds no turn, no thread and no transaction.
"""

import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.bodies import drain, pieces
from app.datasets.arrival import Arrival, Kept
from app.datasets.schemas import FileDefinition, UploadDefinition
from app.errors import AppError, BadRequest, TooLarge, Unprocessable, Unsupported
from app.ids import new_id
from app.problems import answer
from app.settings import Settings
from app.specs.base import Problem, problems
from app.specs.run import DatasetDefinition
from app.storage import Storage, printable_name
from app.tabular.records import Taken
from app.tabular.refusals import Limits, size

_DEFINITION_BYTES = 64 << 10
_FORM_BYTES = 1 << 20  # what a form adds to its file
_SUFFIXES = re.compile(r"(\.(csv|tsv|tab|txt|gz|jsonl|ndjson|json|parquet|npy|npz|xlsx|zip|tar))+$", re.IGNORECASE)


@dataclass(frozen=True)
class Uploaded:
    """A file that was taken in or kept; it lies in the folder of `dataset_id`, which has no row yet."""

    dataset_id: str
    name: str
    filename: str
    taken: Taken | Kept


@dataclass(frozen=True)
class Chosen:
    """A file that came in pieces, and is to be a dataset; that one has no row yet."""

    dataset_id: str
    definition: FileDefinition


Received = DatasetDefinition | Uploaded | Chosen
_Model = TypeVar("_Model", bound=BaseModel)


class ReceivingRoute(APIRoute):
    """A route whose body is received before anything else happens, into `request.state.received`.

    What was stored is removed again when the route does not end well.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the receiving in front of it."""
        handle = super().get_route_handler()

        async def receive_and_handle(request: Request) -> Response:
            settings: Settings = request.app.state.settings
            try:
                received = request.state.received = await receive(request, settings)
            except AppError as error:  # the rest of the body will not be read, so nothing can follow it
                return answer(request, error.problem(), {"Connection": "close"})
            try:
                return await handle(request)
            except BaseException:
                if isinstance(received, Uploaded | Chosen):
                    Storage(settings.data_dir).remove("datasets", received.dataset_id)
                raise

        return receive_and_handle


async def receive(request: Request, settings: Settings) -> Received:
    """The body as what it describes. Raises AppError; nothing is stored then."""
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type == b"application/json":
        return _defined(await _read_json(request))
    if content_type != b"multipart/form-data" or b"boundary" not in options:
        raise Unsupported("Send JSON, or a form (multipart/form-data) with the file.")
    if int(request.headers.get("content-length", 0)) > settings.max_upload_bytes + _FORM_BYTES:
        raise TooLarge(f"The file is larger than {size(settings.max_upload_bytes)}.")
    form = _Form(options[b"boundary"], settings)
    stream = request.stream()
    try:
        async for piece in pieces(stream):
            await run_in_threadpool(form.feed, piece)
        return await run_in_threadpool(form.finish)
    except ClientDisconnect as error:
        form.discard()
        raise BadRequest("The upload broke off.") from error
    except BaseException:
        form.discard()
        await drain(stream)
        raise


def _defined(body: bytes) -> DatasetDefinition | Chosen:
    """Of the two definitions, the one that the body seems to be."""
    try:
        names_upload = "upload" in json.loads(body)["source"]
    except (ValueError, TypeError, LookupError):
        names_upload = False
    return Chosen(new_id(), _parse(FileDefinition, body)) if names_upload else _parse(DatasetDefinition, body)


async def _read_json(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _DEFINITION_BYTES:
            raise TooLarge("A definition this long says more than a dataset needs.")
    return body


class _Form:
    """The parts of a form, one after the other: `definition`, which is JSON, and `file`."""

    def __init__(self, boundary: bytes, settings: Settings) -> None:
        self._storage = Storage(settings.data_dir)
        self._limits = Limits(settings.max_upload_bytes, settings.max_field_bytes)
        self._arrival: Arrival | None = None
        self._taken: Taken | Kept | None = None
        self._definition = UploadDefinition()
        self._dataset_id = new_id()
        self._filename = ""
        self._part, self._text = "", bytearray()
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._ended = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())  # type: ignore[arg-type]
        except FormParserError as error:
            raise BadRequest(f"The form cannot be read: {error}.") from error

    def _callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take_content,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def feed(self, data: bytes) -> None:
        """The next piece of the form."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BadRequest(f"The form cannot be read: {error}.") from error

    def finish(self) -> Uploaded:
        """The form is whole: close the file."""
        if not self._ended:
            raise BadRequest("The form ends too early: a part of it is missing.")
        if self._taken is None:
            raise _problem("file", "the form has no part named file")
        name = self._definition.name or plain_name(self._filename)
        return Uploaded(self._dataset_id, name[:200], self._filename, self._taken)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._arrival is not None:
            self._arrival.discard()

    def _begin_part(self) -> None:
        self._disposition = b""

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _begin_content(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode(errors="replace")
        self._text.clear()
        if self._part == "file":
            self._begin_file(options.get(b"filename", b"").decode(errors="replace"))
        elif self._part != "definition":
            raise _problem(self._part, "the form has a part that is not known; known are definition and file")

    def _begin_file(self, filename: str) -> None:
        if self._arrival is not None:
            raise _problem("file", "send one file at a time")
        self._filename = printable_name(filename)
        overrides = self._definition.overrides()
        self._arrival = Arrival(self._storage, self._dataset_id, self._filename, overrides, self._limits)

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            assert self._arrival is not None
            self._arrival.feed(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _DEFINITION_BYTES:
            raise TooLarge("A definition this long says more than a dataset needs.")

    def _end_part(self) -> None:
        if self._part == "file":
            assert self._arrival is not None
            self._taken = self._arrival.finish()
            return
        definition = _parse(UploadDefinition, bytes(self._text), "definition")
        if self._arrival is not None and definition.overrides() != self._definition.overrides():
            raise _problem("definition", "what says how the file is written must come before the file")
        self._definition = definition

    def _end(self) -> None:
        self._ended = True


def _parse(model: type[_Model], body: bytes, *loc: str) -> _Model:
    try:
        return model.model_validate(json.loads(body))
    except ValueError as error:
        if not isinstance(error, ValidationError):
            raise Unprocessable("This is not JSON.", errors=[Problem(loc=[*loc], msg=f"not JSON: {error}")]) from error
        found = [problem.under(*loc) for problem in problems(error)]
        raise Unprocessable("; ".join(one.msg for one in found), errors=found) from error


def _problem(part: str, message: str) -> Unprocessable:
    return Unprocessable(f"{message[0].upper()}{message[1:]}.", errors=[Problem(loc=[part], msg=message)])


def plain_name(filename: str) -> str:
    """How a dataset is called when nobody says it."""
    return _SUFFIXES.sub("", filename) or "unnamed"
