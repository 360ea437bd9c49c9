"""The gallery over REST."""

from fastapi import APIRouter, Response

from app import gallery
from app.dependencies import Reading, Writing
from app.gallery import Entry
from app.runs import service
from app.runs.schemas import RunOut

router = APIRouter(prefix="/gallery", tags=["gallery"])


@router.get("")
def list_all(session: Reading) -> list[Entry]:
    """The programs that ship with Traindeck, in the order to try them."""
    return gallery.entries(session)


@router.post("/{name}", status_code=201)
def start(name: str, session: Writing, response: Response) -> RunOut:
    """Queue one of them."""
    run = gallery.start(session, name)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    return service.summaries(session, [run.id])[0]
