"""A table looked at over REST, before there is a run. Stores nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.datasets import service as datasets
from app.dependencies import AppDatabase, AppStorage
from app.errors import NotReady, Unprocessable
from app.exploring.asking import lines_asked, rated_columns, read_column
from app.exploring.pairs import picture_of
from app.exploring.ratings import count_ratings
from app.exploring.relations import relate
from app.exploring.schemas import PairOut, RatingsOut, RelationsOut, SeriesOut
from app.exploring.series import MAX_BUCKETS, MAX_COLUMNS, trace
from app.exploring.sides import ReadAs
from app.specs.base import Problem
from app.specs.columns import Column

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"])


@dataclass(frozen=True)
class Looked:
    """A dataset that is ready: its table, its columns, how many rows it has."""

    place: Path
    columns: dict[str, Column]
    num_rows: int


def _looked(dataset_id: str, database: AppDatabase, storage: AppStorage) -> Looked:
    with database.read() as session:  # not held while the table is read
        columns = datasets.columns_of(session, dataset_id)
        dataset = datasets.find_dataset(session, dataset_id)
        if dataset.status != datasets.READY or dataset.num_rows is None:
            raise NotReady(f"The dataset {dataset.name} has not been read.")
        place = storage.path("datasets", dataset_id)
        return Looked(place, {column.name: column for column in columns}, dataset.num_rows)


ReadyTable = Annotated[Looked, Depends(_looked)]
Name = Annotated[str, Query(max_length=300)]
Read = Annotated[ReadAs | None, Query(description="how a target of whole numbers is read; as it looks if absent")]


@router.get("/relations")
def relations(table: ReadyTable, target: Name, read_as: Read = None) -> RelationsOut:
    """How closely each other column goes together with the target, the closest first.

    Two numbers by Pearson's and Spearman's correlation, classes and a number by the correlation ratio, two classes by
    Cramér's V, corrected for bias. Of a large table in an even choice of rows.
    """
    column, kind = read_column(table.columns, target, "target", read_as)
    return relate(table.place, [*table.columns.values()], table.num_rows, column, kind)


@router.get("/relations/pair")
def pair(table: ReadyTable, target: Name, column: Name, read_as: Read = None) -> PairOut:
    """What a column and the target look like together: points, boxes by class, or shares of classes."""
    goal, goal_kind = read_column(table.columns, target, "target", read_as)
    other, kind = read_column(table.columns, column, "column")
    if other.name == goal.name:
        problem = Problem(loc=["query", "column"], msg=f"{column} is the target itself", received=column)
        raise Unprocessable(f"{column} is the target itself; choose another column.", errors=[problem])
    return picture_of(table.place, table.num_rows, (other.name, kind), (goal.name, goal_kind))


@router.get("/ratings")
def ratings(table: ReadyTable, user: Name, item: Name, value: Name) -> RatingsOut:
    """What users said of items: how many of each there are, how many ratings they have, and which came twice."""
    names = rated_columns(table.columns, user, item, value)
    return count_ratings(table.place, *names)


@router.get("/series")
def series(
    table: ReadyTable,
    column: Annotated[list[str], Query(min_length=1, max_length=MAX_COLUMNS, description="what is drawn")],
    along: Annotated[str | None, Query(max_length=300, description="the rows as they stand if absent")] = None,
    by: Annotated[
        str | None, Query(max_length=300, description="a line for each of its eight commonest values")
    ] = None,
    start: Annotated[float | None, Query(alias="from", allow_inf_nan=False, description="seconds where a time")] = None,
    end: Annotated[float | None, Query(alias="to", allow_inf_nan=False, description="included")] = None,
    num_buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS)] = 800,
) -> SeriesOut:
    """Columns along another one: for each bucket the lowest and the highest value, and the mean. No spike is left out.

    There are fewer buckets where there are many lines: 16,000 over all of them.
    """
    asked = lines_asked(table.columns, table.num_rows, column, along, by, start, end, num_buckets)
    return trace(table.place, asked)
