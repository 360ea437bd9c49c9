"""The images of a dataset over REST, small."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from app.datasets import service
from app.datasets.tables import read_cell
from app.datasets.thumbnails import thumbnail
from app.dependencies import AppDatabase, AppStorage
from app.errors import NotFound

router = APIRouter(prefix="/datasets", tags=["datasets"])

# A dataset never changes. Private: a token was needed.
_HEADERS = {"Cache-Control": "private, max-age=31536000, immutable"}
_SHOWN = {200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "The image, made smaller"}}


@router.get("/{dataset_id}/images/{column:path}/{row}", response_class=Response, responses=_SHOWN)  # type: ignore[arg-type]
def image(
    dataset_id: str,
    column: str,
    row: Annotated[int, Path(ge=0)],
    database: AppDatabase,
    storage: AppStorage,
    size: Annotated[int, Query(ge=8, le=1024)] = 96,
) -> Response:
    """An image of a column, by its row from 0 on, made no larger than `size` pixels either way."""
    with database.read() as session:  # not held while the table is read
        service.find_ready(session, dataset_id)
    try:
        data = read_cell(storage.path("datasets", dataset_id), column, row)
        if data is None:
            raise NotFound(f"Row {row} has no image in {column}.")
        content, media_type = thumbnail(data, size)
    except (LookupError, ValueError) as error:
        raise NotFound(f"There is no image to show: {error}.") from error
    return Response(content, media_type=media_type, headers=_HEADERS)
