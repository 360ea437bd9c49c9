"""Every table, a file for each subject."""

from app.db.tables.access import BrowserSession, IdempotencyKey, Token
from app.db.tables.datasets import Dataset
from app.db.tables.events import Event, Rollup, Series
from app.db.tables.jobs import Job
from app.db.tables.runs import Artifact, Checkpoint, Model, Run
from app.db.tables.workers import Worker

__all__ = [
    "Artifact",
    "BrowserSession",
    "Checkpoint",
    "Dataset",
    "Event",
    "IdempotencyKey",
    "Job",
    "Model",
    "Rollup",
    "Run",
    "Series",
    "Token",
    "Worker",
]
