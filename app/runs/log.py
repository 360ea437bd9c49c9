"""A run's log, read from its newest line back."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from app import events
from app.runs.schemas import LogLine, LogOut

_CHUNK = 1000  # lines that are read at once


def read_log(session: Session, job_id: str, limit: int, before: int | None = None, contains: str = "") -> LogOut:
    """The newest lines, oldest first; with `before`, those before that event; of all, those that contain some text.

    Upper and lower case are alike.
    """
    found: list[LogLine] = []
    wanted = contains.casefold()
    for line in _backwards(session, job_id, before, chunk=_CHUNK if wanted else min(_CHUNK, limit + 1)):
        if wanted not in line.text.casefold():
            continue
        if len(found) == limit:
            return LogOut(lines=found[::-1], has_earlier=True)
        found.append(line)
    return LogOut(lines=found[::-1], has_earlier=False)


def _backwards(session: Session, job_id: str, before: int | None, chunk: int) -> Iterator[LogLine]:
    while read := events.latest(session, job_id, ["log"], limit=chunk, before=before):
        for event in reversed(read):
            yield LogLine(seq=event.seq, time=event.time, level=event.body["level"], text=event.body["text"])
        if len(read) < chunk:
            return
        before = read[0].seq
