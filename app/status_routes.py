"""Is the server there, is it ready, how is it doing: for a load balancer, a person and Prometheus."""

import time
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import func, select

from app.db import now
from app.db.tables import Job, Worker
from app.dependencies import AppSettings, Reading

router = APIRouter(tags=["status"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(session: Reading) -> dict[str, Any]:
    """The database answers too."""
    started = time.perf_counter()
    session.execute(select(1))
    return {"status": "ready", "database_s": round(time.perf_counter() - started, 6)}


@router.get("/metrics")
def metrics(session: Reading, settings: AppSettings) -> Response:
    """Figures for Prometheus: jobs by kind and status, workers alive."""
    registry = CollectorRegistry()
    jobs = Gauge("traindeck_jobs", "Jobs by kind and status", ["kind", "status"], registry=registry)
    for kind, status, count in session.execute(
        select(Job.kind, Job.status, func.count()).group_by(Job.kind, Job.status)
    ):
        jobs.labels(kind, status).set(count)
    alive = Gauge("traindeck_workers_alive", "Workers whose heartbeat is fresh", registry=registry)
    fresh = select(func.count()).where(Worker.heartbeat_at > now() - settings.lease_s, Worker.stopped_at.is_(None))
    alive.set(session.execute(fresh).scalar_one())
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
