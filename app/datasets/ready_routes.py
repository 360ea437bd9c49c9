"""What a run would make of a dataset's rows, over REST, before there is a run."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.datasets import service
from app.datasets.tables import read_rows
from app.dependencies import AppDatabase, AppStorage
from app.errors import JobFailure, Unprocessable
from app.specs.base import Problem, SpecError
from app.specs.checks.data import data_problems
from app.specs.columns import Column
from app.specs.data import DataSpec
from app.specs.features import feature_names, input_shape

router = APIRouter(prefix="/datasets", tags=["datasets"])


class PreviewIn(BaseModel):
    """How a run would make the rows ready."""

    model_config = ConfigDict(extra="forbid")

    data: DataSpec
    num_rows: int = Field(default=10, ge=1, le=50)


class PreparedOut(BaseModel):
    """Some rows, before and after. Fitted on the training rows among the first 20,000 of the table."""

    numbers: list[int] = Field(description="their places in the table, from 0 on")
    parts: list[str] = Field(description="train, validation or test")
    rows: list[dict[str, Any]] = Field(description="the features as they are")
    names: list[str] = Field(description="what each input is called; at most 256, none of images")
    inputs: list[list[float | str]] = Field(description="what a model is fed, for each row")
    num_inputs: int
    input_shape: list[int]
    tokens: dict[str, list[list[str]]] = Field(description="of each text column, what its texts were cut into")
    pictures: dict[str, list[str]] = Field(description="of each image column, what is fed, as data URLs of PNGs")
    num_fitted: int = Field(description="training rows that were learned from")


@router.post("/{dataset_id}/preview")
def preview(dataset_id: str, body: PreviewIn, database: AppDatabase, storage: AppStorage) -> PreparedOut:
    """Show rows before and after the steps that a run with these settings would fit. Stores nothing."""
    from app.preparing.preview import preview as made  # with pyarrow and tokenizers, takes a quarter of a second

    with database.read() as session:  # not held while the table is read
        columns = service.columns_of(session, dataset_id)
        num_rows = service.find_ready(session, dataset_id).num_rows or 0
    shape = _shape(body.data, columns, num_rows)
    place = storage.path("datasets", dataset_id)
    try:
        found = made(place, body.data, columns, body.num_rows)
    except JobFailure as error:
        raise Unprocessable(error.message, hint=error.hint) from error
    named = feature_names(body.data, columns)
    last = max(found.numbers, default=-1)
    rows = read_rows(place, 0, last + 1)
    before = [{name: rows[number][name] for name in named} for number in found.numbers]
    return PreparedOut(rows=before, input_shape=list(shape), **vars(found))


def _shape(data: DataSpec, columns: list[Column], num_rows: int) -> tuple[int, ...]:
    """The shape that a model is fed. Raises Unprocessable with everything that does not fit."""
    problems: list[Problem] = list(data_problems(data, {column.name: column for column in columns}, num_rows))
    try:
        shape = input_shape(data, columns)
    except SpecError as error:
        problems += error.errors
    if problems:
        raise Unprocessable(problems[0].msg, errors=problems)
    return shape
