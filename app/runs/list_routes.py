"""The list of runs over REST: found, completed, and changed many at a time."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app import idempotency
from app.dependencies import AppDatabase, AppStorage, Reading
from app.runs import batch, completion, listing
from app.runs.completion import Completions
from app.runs.schemas import BatchIn, BatchOut, RunPage

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("")
def find(
    session: Reading,
    filter: Annotated[str, Query(description="as status:running loss<0.2 tag:baseline optimizer.lr>=0.01")] = "",
    sort: Annotated[str, Query(description="a key, a setting or a result; with - before it descending")] = "-created",
    columns: Annotated[str, Query(description="settings and results to give with each run, with commas between")] = "",
    cursor: str | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    count: Annotated[bool, Query(description="whether to count all that match; of use once for a filter")] = True,
    q: Annotated[str | None, Query(description="words to be found in a name, a tag or a project")] = None,
    status: str | None = None,
    tag: str | None = None,
) -> RunPage:
    """A page of the runs that match, newest first unless asked otherwise."""
    said = [f'"{_escaped(word)}"' for word in (q or "").split()]
    said += [f'{key}:"{_escaped(value)}"' for key, value in (("status", status), ("tag", tag)) if value]
    whole = " ".join([f"({filter})" if said and filter else filter, *said]).strip()
    keys = [key for key in columns.split(",") if key]
    return listing.find(
        session, filter=whole, sort=sort, cursor=cursor, offset=offset, limit=limit, columns=keys[:50], count=count
    )


@router.get("/filter/completions")
def completions(session: Reading, q: str = "", at: Annotated[int | None, Query(ge=0)] = None) -> Completions:
    """What may stand at a place of a filter: keys, operators, values that there are."""
    return completion.complete(session, q[:2000], len(q) if at is None else at)


@router.post("/batch")
def change_many(body: BatchIn, request: Request, database: AppDatabase, storage: AppStorage) -> BatchOut:
    """Do one thing to many runs; the answer says of each what became of it."""
    if body.action == "requeue":  # the one that has more effect when it is done twice
        ids = batch.chosen(database, body, batch.MAX_REQUEUED)
        with idempotency.writing(request, database) as session:
            return batch.requeue(session, ids)
    return batch.apply(database, storage, body)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
