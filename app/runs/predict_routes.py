"""Predictions over REST: rows as JSON, or a CSV file in and a CSV file out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, File, Query, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.dependencies import AppDatabase, AppSettings, AppStorage, Reading
from app.runs import predict, predict_csv
from app.tabular.corrections import Written
from app.tabular.refusals import Limits
from app.tabular.sniffing import Overrides

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


class FileQuery(Written):
    """How a file of rows is written, and what is to be answered."""

    layout: Literal["rows", "submission"] = Field(
        default="rows", description="rows: with what else the file says; submission: id and label"
    )
    id_column: str = "ImageId"
    label_column: str = "Label"

    def as_trained(self, source: Mapping[str, Any]) -> Overrides:
        """How the file is written: what is not said, and would not be seen in it, as in the `source` of the run."""
        said = {name: getattr(self, name) for name in Written.model_fields if name in self.model_fields_set}
        known = {name: source[name] for name, usual in _USUAL.items() if source.get(name, usual) != usual}
        try:
            written = Written.model_validate(known | said)
        except ValueError:  # what is said of this file goes badly with how the other one was written
            written = Written.model_validate(said)
        encoding = source.get("encoding", "utf-8")
        return written.overrides() if encoding.startswith("utf-") else replace(written.overrides(), fallback=encoding)


_USUAL = {"quote": '"', "escape": "", "decimal": ".", "thousands": "", "comment": ""}


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
    said: Annotated[FileQuery, Query()],
) -> StreamingResponse:
    """Predict a whole file. Nothing is answered before every row is known to fit; memory stays bounded.

    What the query leaves open and cannot be seen in a file is as in the file that the run was trained on.
    """
    with database.read() as session:
        predictor = predict.find_predictor(session, storage, run_id)
        overrides = said.as_trained(predict.source_of(session, run_id))
    submission = (said.id_column, said.label_column) if said.layout == "submission" else None
    limits = Limits(settings.max_upload_bytes, settings.max_field_bytes)
    answer = predict_csv.predict_file(predictor, file.file, limits=limits, overrides=overrides, submission=submission)
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
