"""What the API says of a model."""

from typing import Any

from pydantic import BaseModel, Field

from app.runs.schemas import Timestamp
from app.specs.data import DataSpec
from app.specs.memory import Memory
from app.specs.model import Inspection, ModelSpec
from app.specs.training import AnyOptimizer


class ModelIn(BaseModel):
    """A model to keep under a name."""

    name: str = Field(min_length=1, max_length=200)
    definition: ModelSpec


class ModelOut(BaseModel):
    """A kept model, and how many runs trained it."""

    id: str
    name: str
    definition: dict[str, Any]
    num_layers: int
    num_runs: int
    created_at: Timestamp


class ModelPage(BaseModel):
    """A page of models, newest first."""

    items: list[ModelOut]
    next_cursor: str | None


class CodeIn(BaseModel):
    """A model and what it is fed: a shape without the batch, or a dataset and how it is read."""

    model: ModelSpec
    input_shape: tuple[int, ...] | None = None
    dataset: str | None = None
    data: DataSpec | None = None


class InspectIn(CodeIn):
    """A model and what it is fed, and how it would be trained."""

    optimizer: AnyOptimizer | None = None
    batch_size: int = Field(default=32, ge=1)


class InspectOut(Inspection):
    """What each layer makes of its input and what it costs; with an optimizer, also the memory that training takes."""

    memory: Memory | None = None
