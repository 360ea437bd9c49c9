"""What the API says of a model."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.runs.schemas import Timestamp
from app.specs.base import Problem
from app.specs.data import DataSpec
from app.specs.memory import Memory
from app.specs.model import Inspection, LayerReport, ModelSpec
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


class TemplatesIn(BaseModel):
    """What models are to be made for."""

    input_shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=4)
    """of one row, without the batch"""
    output_shape: tuple[Annotated[int, Field(ge=1)] | None, ...] = Field(default=(1,), min_length=1, max_length=4)
    """what it is to end with: one number for each class; null for a size that is the model's to say"""
    num_embeddings: int | None = Field(default=None, ge=1)
    """how many whole numbers are looked up, where the input is such"""
    num_columns: int = Field(default=0, ge=0)
    """how many of the input's numbers are embedded columns, which come first"""


class TemplateOut(BaseModel):
    """A model to start from: its definition where it fits what is fed, else what it is for."""

    key: str
    title: str
    help: str
    source: str
    problem: str | None
    definition: dict[str, Any] | None


class ModelCheckOut(BaseModel):
    """Whether a model holds, and what it makes of its input."""

    ok: bool
    errors: list[Problem]
    inspection: Inspection | None
    layers: list[LayerReport] = []  # where it does not hold: what is known of its layers all the same


class InspectIn(CodeIn):
    """A model and what it is fed, and how it would be trained."""

    optimizer: AnyOptimizer | None = None
    batch_size: int = Field(default=32, ge=1)


class InspectOut(Inspection):
    """What each layer makes of its input and what it costs; with an optimizer, also the memory that training takes."""

    memory: Memory | None = None
