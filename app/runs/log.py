"""A run's log, read from its newest line back."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app import events
from app.events import Event
from app.runs.schemas import LogLine, LogOut

_CHUNK = 1000  # lines that are read at once


def read_log(session: Session, job_id: str, limit: int, before: int | None = None, contains: str = "") -> LogOut:
    """The newest lines, oldest first; with `before`, those before that event; of all, those that contain some text.

    Upper and lower case are alike.
    """
    found: list[LogLine] = []
    wanted = contains.lower()
    for event in _backwards(session, job_id, before, chunk=_CHUNK if wanted else min(_CHUNK, limit + 1)):
        level, text = event.body["level"], event.body["text"]
        if wanted and wanted not in text.lower():
            continue
        if len(found) == limit:
            return LogOut(lines=found[::-1], has_earlier=True)
        found.append(LogLine(seq=event.seq, time=event.time, level=level, text=text))
    return LogOut(lines=found[::-1], has_earlier=False)


def _backwards(session: Session, job_id: str, before: int | None, chunk: int) -> Iterator[Event]:
    while read := events.latest(session, job_id, ["log"], limit=chunk, before=before):
        yield from reversed(read)
        if len(read) < chunk:
            return
        before = read[0].seq
