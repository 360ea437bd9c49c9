"""The gallery: complete programs that ship with Traindeck, each a body of `POST /runs` under `examples/`.

`gallery.json` there gives the order, and says of each program what a reader needs to know before starting it.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Dataset, Run
from app.errors import NotFound
from app.runs import service
from app.specs.run import RunSpec

EXAMPLES = Path(__file__).parents[1] / "examples"


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
    return [_entry(session, about) for about in _about()]


def find(session: Session, name: str) -> Entry:
    """The program of that name. Raises NotFound."""
    for about in _about():
        if about["name"] == name:
            return _entry(session, about)
    raise NotFound(f"There is no program {name} in the gallery.")


def start(session: Session, name: str) -> Run:
    """Queue a program. Raises NotFound, and whatever `create_run` raises."""
    return service.create_run(session, RunSpec.model_validate(find(session, name).definition))


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


def _entry(session: Session, about: dict[str, Any]) -> Entry:
    """With the data it is written for if someone has uploaded it, else with what ships, where there is something."""
    body = definition(about["name"])
    note = None
    if body["dataset"]["source"]["type"] == "upload":
        dataset_id = _uploaded(session, _columns_of(body, about))
        if dataset_id is not None:
            body["dataset"] = dataset_id
        elif fallback := about.get("fallback"):
            body, note = definition(fallback), about["note"]
        else:
            return Entry(**_words(about), available=False, note=about["note"], definition=body)
    return Entry(**_words(about), available=True, note=note, definition=body)


def _words(about: dict[str, Any]) -> dict[str, str]:
    return {key: about[key] for key in ("name", "title", "summary")}


def _columns_of(body: dict[str, Any], about: dict[str, Any]) -> set[str]:
    """The columns that tell the dataset a program is written for from any other."""
    return {body["data"]["target"], *about["columns"]}


def _uploaded(session: Session, columns: set[str]) -> str | None:
    """The newest dataset that has these columns, whatever its name."""
    query = select(Dataset.id, Dataset.columns).where(Dataset.status == "ready").order_by(Dataset.id.desc())
    for dataset_id, found in session.execute(query):
        if columns <= {column["name"] for column in found or []}:
            return str(dataset_id)
    return None


@cache
def _about() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((EXAMPLES / "gallery.json").read_text())
    return listed
