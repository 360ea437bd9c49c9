"""Every table, a file for each subject."""

from app.db.tables.access import BrowserSession, IdempotencyKey, Token, View
from app.db.tables.datasets import Dataset
from app.db.tables.events import Event, Rollup, Series
from app.db.tables.groups import RunGroup
from app.db.tables.jobs import Control, Job
from app.db.tables.runs import Artifact, Checkpoint, Model, Run, RunSetting, RunTag
from app.db.tables.uploads import Upload
from app.db.tables.weights import WeightsFile
from app.db.tables.workers import Worker

__all__ = [
    "Artifact",
    "BrowserSession",
    "Checkpoint",
    "Control",
    "Dataset",
    "Event",
    "IdempotencyKey",
    "Job",
    "Model",
    "Rollup",
    "Run",
    "RunGroup",
    "RunSetting",
    "RunTag",
    "Series",
    "Token",
    "Upload",
    "View",
    "WeightsFile",
    "Worker",
]
