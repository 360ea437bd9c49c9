"""The gallery: complete programs that ship with Traindeck, each a body of `POST /runs` under `examples/`.

`gallery.json` there gives the order, and says of each program what a reader needs to know before starting it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Dataset, Run
from app.errors import Conflict, NotFound
from app.runs import service
from app.specs.run import RunSpec

EXAMPLES = Path(__file__).parents[1] / "examples"
_LOOKED_AT = 50


@dataclass(frozen=True)
class Upload:
    """A file that someone has brought in, by what tells it from any other."""

    dataset_id: str
    columns: frozenset[str]


class Entry(BaseModel):
    """A program of the gallery, and whether it can start now."""

    name: str
    title: str
    summary: str
    available: bool
    note: str | None
    definition: dict[str, Any]


def entries(session: Session) -> list[Entry]:
    """Every program, in the order to try them."""
    uploads = _uploads(session)
    return [_entry(about, uploads) for about in _about()]


def find(session: Session, name: str) -> Entry:
    """The program of that name. Raises NotFound."""
    for about in _about():
        if about["name"] == name:
            return _entry(about, _uploads(session))
    raise NotFound(f"There is no program {name} in the gallery.")


def start(session: Session, name: str) -> Run:
    """Queue a program. Raises NotFound, Conflict when its data is not there, and whatever `create_run` raises."""
    entry = find(session, name)
    if not entry.available:
        raise Conflict(f"{entry.title} cannot start yet.", hint=entry.note)
    return service.create_run(session, RunSpec.model_validate(entry.definition))


def queue_demo(session: Session, *, only_if_empty: bool = False) -> list[str]:
    """Queue the programs that can start now, and return their names. `only_if_empty`: only on a deck without runs."""
    if only_if_empty and session.scalar(select(Run.id).limit(1)):
        return []
    names = [entry.name for entry in entries(session) if entry.available]
    for name in names:
        start(session, name)
    return names


def definition(name: str) -> dict[str, Any]:
    """The body of `POST /runs` in `examples/<name>.json`."""
    body: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
    return body


def _entry(about: dict[str, Any], uploads: list[Upload]) -> Entry:
    """With the data it is written for if someone has uploaded it, else with what ships, where there is something."""
    words = {key: about[key] for key in ("name", "title", "summary")}
    body = definition(about["name"])
    if body["dataset"]["source"]["type"] != "upload":
        return Entry(**words, available=True, note=None, definition=body)
    needed = {*RunSpec.model_validate(body).data.targets, *about["columns"]}
    dataset_id = next((one.dataset_id for one in uploads if needed <= one.columns), None)
    if dataset_id is not None:
        return Entry(**words, available=True, note=None, definition=body | {"dataset": dataset_id})
    if "fallback" in about:
        return Entry(**words, available=True, note=about["note"], definition=definition(about["fallback"]))
    return Entry(**words, available=False, note=about["note"], definition=body)


def _uploads(session: Session) -> list[Upload]:
    """The newest files that are ready. What they are called does not matter, their columns do."""
    is_upload = Dataset.source["type"].as_string() == "upload"
    query = select(Dataset.id, Dataset.columns).where(Dataset.status == "ready", is_upload)
    rows = session.execute(query.order_by(Dataset.id.desc()).limit(_LOOKED_AT))
    return [Upload(dataset_id, frozenset(column["name"] for column in columns or [])) for dataset_id, columns in rows]


@cache
def _about() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((EXAMPLES / "gallery.json").read_text())
    return listed
