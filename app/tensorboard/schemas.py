"""What became of imported files."""

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """Where a file stopped making sense, and why. What came before is taken."""

    offset: int = Field(description="in bytes")
    message: str


class FileOut(BaseModel):
    """A file, and how far it was read."""

    name: str
    num_records: int
    fault: Fault | None


class Imported(BaseModel):
    """A folder of event files, and the run that it became."""

    run_id: str | None = Field(description="none when there is no curve in it")
    name: str
    num_points: int
    num_skipped: int = Field(description="points left out: a step has one value, the last that was told")
    files: list[FileOut]


class ImportOut(BaseModel):
    """What became of everything that was sent."""

    runs: list[Imported]
