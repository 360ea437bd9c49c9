"""What may come next in a filter: keys, operators, values that there are."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.curves import LAYERS
from app.db.tables import Dataset, Model, Run, RunGroup, RunSetting, RunTag, Series
from app.runs.filter import OPERATORS, FilterError, tokens
from app.runs.search import KEYS, STATES, STATUSES, distinct

MAX_ITEMS = 30
_HELP = {
    "status": "queued, running, succeeded, failed, cancelled",
    "is": "favorite, archived, trained, reported, imported",
    "tag": "a tag",
    "project": "what it belongs to",
    "name": "name~part, or name:whole",
    "dataset": "by name or id",
    "model": "by name or id",
    "group": "by name or id: the folds or seeds of one experiment",
    "created": "a day; created>7d: in the last seven days",
    "duration": "30s, 10m, 2h",
}


class Completion(BaseModel):
    """Something to put in place of what is being typed."""

    text: str
    kind: str = Field(description="key, operator or value")
    detail: str | None = None


class Completions(BaseModel):
    """What fits between two places of the filter."""

    start: int
    end: int
    items: list[Completion]


def complete(session: Session, text: str, at: int) -> Completions:
    """What may stand at a place of a filter, the likeliest first. Never fails: there may just be nothing."""
    at = max(0, min(at, len(text)))
    start, key, begun = _place(text[:at])
    if key is None:
        items = [Completion(text=one, kind="key", detail=_HELP.get(one)) for one in _keys(session, begun)]
    else:
        items = [Completion(text=_quoted(one), kind="value") for one in _values(session, key, begun)]
    if key is None and any(one.text == begun for one in items):
        items = [Completion(text=begun + one, kind="operator") for one in OPERATORS] + items
    return Completions(start=start, end=at, items=items[:MAX_ITEMS])


def _place(text: str) -> tuple[int, str | None, str]:
    """Where the word that is being typed begins, the key whose value it is, and what is there of it."""
    try:
        found = tokens(text)
    except FilterError:
        found = []
    if not found or found[-1].end != len(text):
        return len(text), None, ""
    last = found[-1]
    operator = last if last.kind == "operator" else found[-2] if len(found) > 1 and found[-2].end == last.at else None
    if operator is not None and operator.kind == "operator":
        place = found.index(operator)
        key = found[place - 1].text if place else ""
        return (len(text), key, "") if last is operator else (last.at, key, last.text)
    return (last.at, None, last.text) if last.kind == "word" else (len(text), None, "")


def _keys(session: Session, begun: str) -> list[str]:
    known = [*KEYS, *distinct(session, RunSetting.key), *_results(session)]
    wanted = begun.lower()
    starting = [key for key in known if key.lower().startswith(wanted)]
    return list(dict.fromkeys([*starting, *(key for key in known if wanted in key.lower())]))


def _results(session: Session) -> Iterator[str]:
    for name in distinct(session, Series.name, less=LAYERS):
        if name.startswith(("train/", "validation/")):
            yield name.split("/", 1)[1]
        yield name


def _values(session: Session, key: str, begun: str) -> list[str]:
    columns: dict[str, Any] = {"tag": RunTag.tag, "project": Run.project, "name": Run.name}
    fixed = {"status": STATUSES, "is": STATES, "origin": ("worker", "client", "tensorboard")}
    if key in fixed:
        known = list(fixed[key])
    elif key in columns:
        known = distinct(session, columns[key], begun)
    elif key in ("dataset", "model", "group"):
        name = {"dataset": Dataset.name, "model": Model.name, "group": RunGroup.name}[key]
        known = list(session.scalars(select(name).where(_holds(name, begun)).distinct().limit(MAX_ITEMS)))
    else:
        texts = select(RunSetting.text).where(RunSetting.key == key, _holds(RunSetting.text, begun)).distinct()
        known = [one for one in session.scalars(texts.limit(MAX_ITEMS)) if one]
    return [one for one in known if one and begun.lower() in one.lower()]


def _holds(column: Any, begun: str) -> Any:
    """Whether a text is there and holds what is typed so far, whatever the case of Latin letters."""
    return func.lower(column).contains(begun.lower(), autoescape=True)


def _quoted(text: str) -> str:
    plain = not any(sign.isspace() or sign in '()":=<>~!,\\' for sign in text)
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
