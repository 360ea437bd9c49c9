"""What the API says of a model."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.runs.schemas import Timestamp
from app.specs.base import Problem
from app.specs.data import DataSpec
from app.specs.difference import Difference
from app.specs.memory import Memory
from app.specs.model import Inspection, LayerReport, ModelSpec
from app.specs.optimizers import AnyOptimizer


class ModelIn(BaseModel):
    """A model to keep under a name."""

    name: str = Field(min_length=1, max_length=200)
    definition: ModelSpec
    parent_id: str | None = Field(default=None, description="the model that this one is the next version of")
    input_shape: tuple[int, ...] | None = Field(
        default=None, max_length=10, description="of one row, that it is made for: it must fit"
    )


class ModelOut(BaseModel):
    """A kept model, and how many runs trained it."""

    id: str
    name: str
    family_id: str = Field(description="the same for all versions of a model: the id of the first")
    version: int = Field(description="1, 2, … within its family")
    parent_id: str | None = Field(description="the version that it was made of, there or deleted; none of the first")
    num_versions: int = Field(description="of its family")
    definition: dict[str, Any]
    input_shape: list[int] | None = Field(description="that it or its parent was made for, else that of the newest run")
    num_parameters: int | None = Field(description="for that input; null where neither is known")
    num_layers: int
    num_runs: int
    num_runs_of_family: int = Field(description="of all its versions together")
    created_at: Timestamp


class ModelPage(BaseModel):
    """A page of models, newest first: of each the newest version."""

    items: list[ModelOut]
    next_cursor: str | None


class ModelRef(BaseModel):
    """A reference to a version of a model."""

    id: str
    name: str
    version: int


class Sides(BaseModel):
    """A figure of two versions; null of one that does not fit the input."""

    before: int | None
    after: int | None


class DifferenceOut(Difference):
    """What tells one model from another: layer by layer, in each block, and in what it costs."""

    before: ModelRef
    after: ModelRef
    input_shape: list[int] | None = Field(description="that both were looked at with; null where none is known")
    num_parameters: Sides
    num_multiply_adds: Sides
    misfits: list[str] = Field(description="why one of them does not fit that input")


MAX_SIZES = 10  # of a shape: no layer takes more
Sizes = Annotated[tuple[int, ...], Field(max_length=MAX_SIZES)]
Size = Annotated[int, Field(ge=1, le=1 << 20)]


class CodeIn(BaseModel):
    """A model and what it is fed: a shape without the batch, one for each input, or a dataset and how it is read."""

    model: ModelSpec
    input_shape: Sizes | None = None
    input_shapes: dict[str, Sizes] | None = None
    dataset: str | None = None
    data: DataSpec | None = None


class TemplatesIn(BaseModel):
    """What models are to be made for."""

    input_shape: tuple[Size, ...] = Field(min_length=1, max_length=4)
    """of one row, without the batch"""
    output_shape: tuple[Size | None, ...] = Field(default=(1,), min_length=1, max_length=4)
    """what it is to end with: one number for each class; null for a size that is the model's to say"""
    num_embeddings: int | None = Field(default=None, ge=1)
    """how many whole numbers are looked up, where the input is such"""
    num_columns: int = Field(default=0, ge=0)
    """how many of the input's numbers are embedded columns, which come first"""
    num_texts: int = Field(default=1, ge=1)
    """how many texts follow one another in the input, all of one length, where it is tokens"""


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


class FromKerasOut(BaseModel):
    """A model that Keras wrote, as it is written here."""

    model: dict[str, Any]
    input_shape: list[int]  # without the batch, channels first
    notes: list[str]  # what differs from Keras, or has to be known
    inspection: Inspection


class InspectIn(CodeIn):
    """A model and what it is fed, and how it would be trained."""

    optimizer: AnyOptimizer | None = None
    batch_size: int = Field(default=32, ge=1)


class InspectOut(Inspection):
    """What each layer makes of its input and what it costs; with an optimizer, also the memory that training takes."""

    memory: Memory | None = None
