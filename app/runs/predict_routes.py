"""Predictions over REST: rows as JSON, or a CSV file in and a CSV file out."""

from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.dependencies import AppDatabase, AppSettings, AppStorage, Reading
from app.runs import predict, predict_csv
from app.tabular.refusals import Limits

router = APIRouter(prefix="/runs", tags=["predictions"])
MAX_ROWS = 10_000
_CHUNK_BYTES = 1 << 16


class Rows(BaseModel):
    """Rows to predict: each names the columns that the model was trained on."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, Any]] = Field(max_length=MAX_ROWS)


class Predictions(BaseModel):
    """A prediction for each row, in their order."""

    predictions: list[Any]


@router.post("/{run_id}/predict")
def predict_rows(run_id: str, body: Rows, session: Reading, storage: AppStorage) -> Predictions:
    """Predict rows with the run's model."""
    return Predictions(predictions=predict.predict(session, storage, run_id, body.rows))


@router.post("/{run_id}/predictions", response_class=StreamingResponse)
def predict_file(
    run_id: str,
    file: Annotated[UploadFile, File(description="a CSV file with a header")],
    database: AppDatabase,
    storage: AppStorage,
    settings: AppSettings,
    layout: Annotated[
        Literal["rows", "submission"], Query(description="rows: with what else the file says; submission: id and label")
    ] = "rows",
    id_column: str = "ImageId",
    label_column: str = "Label",
) -> StreamingResponse:
    """Predict a whole file. Nothing is answered before every row is known to fit; memory stays bounded."""
    with database.read() as session:
        predictor = predict.find_predictor(session, storage, run_id)
    submission = (id_column, label_column) if layout == "submission" else None
    limits = Limits(settings.max_upload_bytes, settings.max_field_bytes)
    answer = predict_csv.predict_file(predictor, file.file, limits=limits, submission=submission)
    name = "submission.csv" if submission else "predictions.csv"
    return StreamingResponse(
        _chunks(answer),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
