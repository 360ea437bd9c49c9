"""The pages: plain routes that render `templates/` with what the features' services say, in the shapes of the API.

Everything after the first paint is the work of `static/js`, over `/api/v1`.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from app import gallery as gallery_programs
from app import modules, words
from app.counts import count_all
from app.datasets import service as dataset_service
from app.dependencies import AppSettings, Reading
from app.errors import NotFound
from app.groups import service as group_service
from app.models import service as model_service
from app.runs import service as run_service
from app.runs.listing import NEWEST
from app.schedule import service as schedule
from app.settings import Settings
from app.specs import catalogue
from app.workers import service as worker_service

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
YEAR_S = 365 * 24 * 3600
LISTED = 200  # datasets and models that a page offers

templates = Jinja2Templates(ROOT / "templates")
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters.update(words.FILTERS)
templates.env.policies["json.dumps_kwargs"] = {"sort_keys": False}

router = APIRouter(include_in_schema=False)


class Source(Protocol):
    """Where pages get what they show: each answer as the API would give it, ready for JSON."""

    def counts(self) -> dict[str, int]: ...
    def projects(self) -> list[str]: ...
    def run(self, run_id: str) -> dict[str, Any]: ...
    def group(self, group_id: str) -> dict[str, Any]: ...
    def datasets(self) -> dict[str, Any]: ...
    def builtins(self) -> list[dict[str, Any]]: ...
    def generators(self) -> list[dict[str, Any]]: ...
    def dataset(self, dataset_id: str) -> dict[str, Any]: ...
    def catalogue(self) -> dict[str, Any]: ...
    def models(self) -> dict[str, Any]: ...
    def model(self, model_id: str) -> dict[str, Any]: ...
    def gallery(self) -> list[dict[str, Any]]: ...
    def queue(self) -> dict[str, Any]: ...
    def workers(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Services:
    """The features' own services."""

    session: Session
    settings: Settings

    def counts(self) -> dict[str, int]:
        return count_all(self.session, self.settings.lease_s)

    def projects(self) -> list[str]:
        return run_service.list_projects(self.session)

    def run(self, run_id: str) -> dict[str, Any]:
        return _json(run_service.get_run(self.session, run_id))

    def group(self, group_id: str) -> dict[str, Any]:
        return _json(group_service.get_group(self.session, group_id))

    def datasets(self) -> dict[str, Any]:
        return _page(dataset_service.list_datasets(self.session, limit=LISTED))

    def builtins(self) -> list[dict[str, Any]]:
        return [_json(one) for one in dataset_service.list_builtins()]

    def generators(self) -> list[dict[str, Any]]:
        return [_json(one) for one in dataset_service.list_generators()]

    def dataset(self, dataset_id: str) -> dict[str, Any]:
        return _json(dataset_service.get_dataset(self.session, dataset_id))

    def catalogue(self) -> dict[str, Any]:
        return catalogue.schema()

    def models(self) -> dict[str, Any]:
        return _page(model_service.list_models(self.session, limit=LISTED))

    def model(self, model_id: str) -> dict[str, Any]:
        return _json(model_service.get_model(self.session, model_id))

    def gallery(self) -> list[dict[str, Any]]:
        return [_json(entry) for entry in gallery_programs.entries(self.session)]

    def queue(self) -> dict[str, Any]:
        return _json(schedule.show(self.session, lease_s=self.settings.lease_s, beat_s=self.settings.beat_s))

    def workers(self) -> dict[str, Any]:
        listed = worker_service.list_workers(self.session, self.settings.lease_s, self.settings.beat_s)
        return _page((listed, None))


def _json(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _page(found: tuple[Sequence[BaseModel], str | None]) -> dict[str, Any]:
    items, next_cursor = found
    return {"items": [_json(item) for item in items], "next_cursor": next_cursor}


def source(session: Reading, settings: AppSettings) -> Source:
    """What stands behind the pages."""
    return Services(session, settings)


Data = Annotated[Source, Depends(source)]


@cache
def static_version() -> str:
    """A hash over all static files: one name for the whole tree, so modules that import each other stay together."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(STATIC)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(path: str) -> str:
    """The address of a static file, which changes whenever any of them does."""
    return f"/static/{static_version()}/{path}"


templates.env.globals.update(static_url=static_url, modules_of=modules.modules_of)


_static = StaticFiles(directory=STATIC)


def render(
    request: Request, name: str, data: Source, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HTMLResponse:
    """A page with its frame."""
    return templates.TemplateResponse(request, name, {"counts": data.counts(), **context}, status_code=status)


def error_page(request: Request, problem: dict[str, Any], headers: dict[str, str] | None = None) -> HTMLResponse:
    """A problem as a page of words, for whoever followed a link."""
    context = {"problem": problem, "counts": {}}
    return templates.TemplateResponse(request, "error.html", context, status_code=problem["status"], headers=headers)


@router.get("/static/{version}/{path:path}")
async def static_file(request: Request, path: str, version: str) -> Response:
    """A file of the tree; what is asked for under the present version may be kept for ever."""
    response = await _static.get_response(path, request.scope)
    is_current = version == static_version() and response.status_code == HTTPStatus.OK
    response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable" if is_current else "no-cache"
    return response


@router.get("/")
def root() -> RedirectResponse:
    return RedirectResponse("/runs")


@router.get("/login")
def login(request: Request, next: str = "/runs") -> HTMLResponse:
    is_local = next.startswith("/") and not next.startswith(("//", "/\\"))
    return templates.TemplateResponse(request, "login.html", {"next": next if is_local else "/runs"})


@router.get("/runs")
def runs(request: Request, data: Data, filter: str = "", sort: str = NEWEST) -> HTMLResponse:
    """The rows come with the page's script: which are seen depends on the height of the window."""
    projects = data.projects()
    asked: dict[str, Any] = {"filter": filter, "sort": sort, "projects": projects}
    asked["project"] = next((one for one in projects if _names(filter, one)), "")
    return render(request, "runs.html", data, section="runs", num_runs=data.counts().get("runs", 0), **asked)


def _names(filter: str, project: str) -> bool:
    """Whether a filter holds the list to one project, as its select writes it."""
    return f"project:{json.dumps(project, ensure_ascii=False)}" in filter or f"project:{project} " in f"{filter} "


@router.get("/runs/new")
def new_run(request: Request, data: Data) -> HTMLResponse:
    begun = _to_begin_with(request, data)
    asked = (begun["from_spec"] or {}).get("dataset") or request.query_params.get("dataset")
    page_data = {
        "datasets": _offered(data, asked),
        "models": _offered_models(data, request.query_params.get("model")),
        "catalogue": data.catalogue(),
        **begun,
    }
    return render(request, "new_run.html", data, section="new_run", page_data=page_data)


def _offered(data: Source, asked: Any) -> list[dict[str, Any]]:
    """The newest versions of datasets, and the one that is asked for by its id, where that is an older one."""
    offered: list[dict[str, Any]] = data.datasets()["items"]
    if not isinstance(asked, str) or any(one["id"] == asked for one in offered):
        return offered
    with suppress(NotFound):
        offered.append(data.dataset(asked))
    return offered


def _offered_models(data: Source, asked: str | None) -> list[dict[str, Any]]:
    """The newest versions of models, and the one that is asked for by its id, where that is an older one."""
    offered: list[dict[str, Any]] = data.models()["items"]
    if asked and all(one["id"] != asked for one in offered):
        with suppress(NotFound):
            offered.append(data.model(asked))
    return offered


def _to_begin_with(request: Request, data: Source) -> dict[str, Any]:
    """The specification that the address asks for: of a run to clone, or of a program of the gallery."""
    asked = request.query_params
    if run_id := asked.get("from"):
        return {"from_spec": data.run(run_id)["spec"], "is_clone": True}
    programs = {program["name"]: program["definition"] for program in data.gallery()} if "program" in asked else {}
    return {"from_spec": programs.get(asked.get("program", "")), "is_clone": False}


@router.get("/runs/{run_id}")
def run(request: Request, data: Data, run_id: str) -> HTMLResponse:
    found = data.run(run_id)
    return render(request, "run.html", data, section="runs", run=found, page_data={"run": found})


@router.get("/groups/{group_id}")
def group(request: Request, data: Data, group_id: str) -> HTMLResponse:
    found = data.group(group_id)
    return render(request, "group.html", data, section="runs", group=found, page_data={"group": found})


@router.get("/compare")
def compare(request: Request, data: Data) -> HTMLResponse:
    return render(request, "compare.html", data, section="compare")


@router.get("/datasets")
def datasets(request: Request, data: Data) -> HTMLResponse:
    offered = {"datasets": data.datasets()["items"], "builtins": data.builtins(), "generators": data.generators()}
    return render(request, "datasets.html", data, section="datasets", **offered)


@router.get("/datasets/{dataset_id}")
def dataset(request: Request, data: Data, dataset_id: str) -> HTMLResponse:
    found = data.dataset(dataset_id)
    return render(request, "dataset.html", data, section="datasets", dataset=found, page_data={"dataset": found})


@router.get("/models")
def models(request: Request, data: Data) -> HTMLResponse:
    page = data.models()
    return render(request, "models.html", data, section="models", models=page["items"], page=page)


@router.get("/models/new")
def new_model(request: Request, data: Data) -> HTMLResponse:
    return _builder(request, data, None)


@router.get("/models/{model_id}/edit")
def edit_model(request: Request, data: Data, model_id: str) -> HTMLResponse:
    return _builder(request, data, data.model(model_id))


def _builder(request: Request, data: Source, model: dict[str, Any] | None) -> HTMLResponse:
    offered = _offered(data, request.query_params.get("dataset"))
    kept = data.models()["items"]
    page_data = {"model": model, "models": kept, "datasets": offered, "catalogue": data.catalogue()}
    return render(request, "builder.html", data, section="models", model=model, page_data=page_data)


@router.get("/models/{model_id}")
def model(request: Request, data: Data, model_id: str) -> HTMLResponse:
    found = data.model(model_id)
    return render(request, "model.html", data, section="models", model=found, page_data={"model": found})


@router.get("/gallery")
def gallery(request: Request, data: Data) -> HTMLResponse:
    return render(request, "gallery.html", data, section="gallery", programs=data.gallery())


@router.get("/queue")
def queue(request: Request, data: Data) -> HTMLResponse:
    found = data.queue()
    return render(request, "queue.html", data, section="queue", queue=found, page_data={"queue": found})


@router.get("/workers")
def workers(request: Request, data: Data) -> HTMLResponse:
    page = data.workers()
    return render(
        request, "workers.html", data, section="workers", workers=page["items"], page_data={"workers": page["items"]}
    )
