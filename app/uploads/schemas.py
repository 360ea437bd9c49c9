"""What the API says of a file that comes in pieces."""

from pydantic import BaseModel, ConfigDict, Field

from app.formats import Format
from app.runs.schemas import Timestamp
from app.specs.columns import ColumnType


class NewUpload(BaseModel):
    """A file that is to come."""

    model_config = ConfigDict(extra="forbid")

    filename: str = Field(min_length=1, max_length=1000, description="its name; folders are left out")
    size_bytes: int = Field(ge=0, description="how long it is")


class UploadOut(BaseModel):
    """A file on its way in. It is whole once `offset` has reached `size_bytes`."""

    id: str
    filename: str
    size_bytes: int
    offset: int = Field(description="as many bytes have come and are durable; the next piece begins here")
    created_at: Timestamp


class PreviewColumn(BaseModel):
    """A column as its first rows suggest it."""

    name: str
    type: ColumnType


class SetAsideRow(BaseModel):
    """A row that does not fit."""

    line: int
    reason: str
    text: str


class PreviewOut(BaseModel):
    """How the file seems to be written, by its beginning. Of what is not delimited text, only the format is told."""

    format: Format
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str | None = None
    columns: list[PreviewColumn] = []
    rows: list[list[str]] = Field(default=[], description="the first ten, as text")
    num_set_aside: int = Field(default=0, description="rows of the beginning that do not fit")
    set_aside: list[SetAsideRow] = Field(default=[], description="the first ten of them")
    notes: list[str] = []
    is_whole: bool = Field(default=True, description="whether the beginning is all of the file")
