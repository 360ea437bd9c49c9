"""Groups of runs over REST."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.dependencies import AppDatabase, AppStorage, Reading, Writing
from app.groups import service
from app.groups.schemas import GroupDetail, GroupPage
from app.runs import batch
from app.runs.schemas import Freed
from app.specs.groups import GroupSpec

router = APIRouter(prefix="/groups", tags=["groups"])


@router.post("", status_code=201)
def create(spec: GroupSpec, session: Writing, response: Response) -> GroupDetail:
    """Queue a run as many times as it has folds, or from several seeds: all of them or none."""
    group = service.create_group(session, spec)
    response.headers["Location"] = f"/api/v1/groups/{group.id}"
    return service.get_group(session, group.id)


@router.get("")
def list_all(session: Reading, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> GroupPage:
    """Groups, newest first."""
    items, next_cursor = service.list_groups(session, cursor=cursor, limit=limit)
    return GroupPage(items=items, next_cursor=next_cursor)


@router.get("/{group_id}")
def get(group_id: str, session: Reading) -> GroupDetail:
    """A group: its runs, and of each metric the mean, the deviation, and what each run came to."""
    return service.get_group(session, group_id)


@router.post("/{group_id}/cancel", status_code=202)
def cancel(group_id: str, session: Writing) -> GroupDetail:
    """Ask every run of the group that has not ended to stop."""
    service.cancel_group(session, group_id)
    return service.get_group(session, group_id)


@router.delete("/{group_id}")
def delete(group_id: str, database: AppDatabase, storage: AppStorage) -> Freed:
    """Remove a group whose runs have all ended, with its runs; say how much disk that gave back."""
    with database.read() as session:
        service.refuse_unfinished(session, group_id)
        run_ids = service.run_ids(session, group_id)
    freed = sum(batch.delete_whole(database, storage, run_id) for run_id in run_ids)
    with database.write() as session:  # last: what is broken off halfway can be asked for again
        service.delete_group(session, group_id)
    return Freed(freed_bytes=freed)
