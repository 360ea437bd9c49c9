"""The wiring of the server, readable in one screen: settings in, an ASGI application out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from app import gallery_routes, pages, problems, queue, status_routes, sweeping
from app.access import routes as access_routes
from app.access.guard import Guard
from app.access.middleware import protect
from app.access.service import ensure_token
from app.datasets import image_routes, ready_routes, table_routes, version_routes
from app.datasets import routes as dataset_routes
from app.db import UNAVAILABLE, Database
from app.db.migrate import migrate
from app.dependencies import take_turns, turns
from app.doctor import routes as doctor_routes
from app.exploring import routes as exploring_routes
from app.groups import routes as group_routes
from app.idempotency import IdempotencyMiddleware
from app.live import routes as live_routes
from app.live.hub import Hub
from app.models import routes as model_routes
from app.reports import routes as report_routes
from app.runs import compare_routes, control_routes, metrics_routes, predict_routes
from app.runs import list_routes as run_list_routes
from app.runs import routes as run_routes
from app.schedule import routes as schedule_routes
from app.settings import Settings
from app.storage import Storage
from app.tensorboard import routes as tensorboard_routes
from app.uploads import routes as upload_routes
from app.uploads import service as uploads
from app.views import routes as view_routes
from app.weights import routes as weights_routes
from app.workers import routes as worker_routes

STATIC = Path(__file__).parents[1] / "static"
API = "/api/v1"
_RESCUE_EVERY_S = 5.0
_SWEEP_EVERY_S = 3600.0
_log = logging.getLogger("traindeck.server")


def create_app(settings: Settings) -> FastAPI:
    """The whole server. The database is migrated here, so that a server that starts is one that works."""
    database = Database(settings.database_url)
    migrate(database)
    with database.write() as session:
        clear_token = ensure_token(session, settings)
    app = FastAPI(
        title="Traindeck",
        version="0.1.0",
        lifespan=_lifespan,
        routes=list(_routes()),
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.database, app.state.clear_token = settings, database, clear_token
    app.state.hub, app.state.turns = Hub(database, settings), turns()
    problems.install(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(IdempotencyMiddleware, database=database)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5)
    protect(app, Guard(database), settings)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Where everything is found. They know nothing of an application: a process that makes several makes them once."""
    every = APIRouter()
    for router in (_api(), status_routes.router, access_routes.router, pages.router):
        every.include_router(router)
    return tuple(every.routes)


def _api() -> APIRouter:
    # The body is whole by then, so a slow upload holds up nobody.
    api = APIRouter(prefix=API, dependencies=[Depends(take_turns, scope="function")])
    for routes in (
        run_list_routes,
        control_routes,
        run_routes,
        metrics_routes,
        predict_routes,
        report_routes,
        tensorboard_routes,
        compare_routes,
        group_routes,
        dataset_routes,
        doctor_routes,
        exploring_routes,
        upload_routes,
        image_routes,
        table_routes,
        ready_routes,
        version_routes,
        model_routes,
        weights_routes,
        worker_routes,
        view_routes,
        schedule_routes,
        gallery_routes,
        live_routes,
    ):
        api.include_router(routes.router)
    return api


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub: Hub = app.state.hub
    database: Database = app.state.database
    storage = Storage(app.state.settings.data_dir)
    stopping = asyncio.Event()
    housework = [
        asyncio.create_task(
            _regularly("looking for silent workers", _RESCUE_EVERY_S, partial(_rescue, database), stopping)
        ),
        asyncio.create_task(
            _regularly("removing what nobody needs", _SWEEP_EVERY_S, partial(_sweep, database, storage), stopping)
        ),
    ]
    await hub.start()
    yield
    await hub.stop()
    stopping.set()  # rather than cancelled: a thread goes on, with a connection that nobody would close any more
    await asyncio.gather(*housework)
    database.dispose()


async def _regularly(what: str, every_s: float, work: Callable[[], None], stopping: asyncio.Event) -> None:
    """Work in a thread now and then, until `stopping`. Every server does it: nobody has to be there for it."""
    while not stopping.is_set():
        try:
            await asyncio.to_thread(work)
        except (*UNAVAILABLE, OSError) as error:
            _log.warning("%s failed, and is tried again in %g s: %s", what, every_s, error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), every_s)


def _sweep(database: Database, storage: Storage) -> None:
    """Remove files that nobody has gone on sending for a day, and what processes that died have left."""
    if num_swept := uploads.sweep(database, storage):
        _log.info("%d abandoned uploads were removed", num_swept)
    if num_swept := sweeping.sweep(database, storage):
        _log.info("%d files and folders were removed that processes which died had left", num_swept)


def _rescue(database: Database) -> None:
    """Take jobs from silent workers."""
    with database.read() as session:
        if not queue.any_silent(session):
            return
    with database.write() as session:
        rescued = queue.rescue(session)
    for job_id in rescued:
        _log.warning("job %s was taken from a worker that fell silent", job_id)
